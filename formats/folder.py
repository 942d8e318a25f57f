"""A folder of image files, one sub-folder a class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np

from ..errors import DatasetError, DatasetNotFoundError, OptionError, UnknownClassError
from .base import Transform
from .classes import ClassesOption, class_list, listed
from .files import FileDataset
from .tree import Tree

__all__ = ["EXTENSIONS", "Folder"]

EXTENSIONS = (
    *(".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm"),
    *(".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
"""Endings of the files that are taken for images, unless others are asked for."""


class Folder(FileDataset):
    """The image files in the class folders of `root`, in the order of torchvision's `ImageFolder`.

    The sub-folders of `root`, sorted, are the classes; a class's images are all those in its folder and below. Folders
    are sorted by path, the files in each by name. Links are followed; a link back to a folder that it lies in is not.
    Without any image in sub-folders, the images right in `root` are the samples, with label -1 and no classes.

    Args:
        root: the folder.
        extensions: endings of image files, in any case, with or without the dot.
        classes: the classes to use, in this order; those without a folder have no samples.
        allow_empty: take class folders without images for classes without samples; otherwise they are an error.

    Raises:
        DatasetNotFoundError: `root` is not there.
        DatasetError: no images, an empty class folder, or entries that can't be read (all are named).
        UnknownClassError: a class folder is not among `classes`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        extensions: Sequence[str] = EXTENSIONS,
        classes: ClassesOption = None,
        allow_empty: bool = False,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        folder = _existing_folder(root)
        self.extensions = _endings(extensions)
        tree = Tree(folder, self.extensions)
        images = {name: files for name, files in tree.folders.items() if files}
        _check_tree(tree, images, self.extensions, allow_empty)
        wanted = class_list(classes)
        if images:
            names = wanted if wanted is not None else list(tree.folders)
            positions = _positions(folder, names, images)
        else:
            images, names, positions = {"": tree.files}, wanted or [], {"": -1}
        labels = np.array([positions[name] for name in images], np.int64)
        super().__init__(
            folder,
            (file for files in images.values() for file in files),
            np.repeat(labels, [len(files) for files in images.values()]),
            names,
            transform=transform,
            target_transform=target_transform,
        )

    def _origin(self) -> str:
        return f"{self.root!r}, "


def _existing_folder(root: str | os.PathLike[str]) -> str:
    folder = os.path.abspath(os.fspath(root))
    if not os.path.exists(folder):
        raise DatasetNotFoundError(f"expected a folder of images, but {folder} is not there; check the path")
    if not os.path.isdir(folder):
        raise DatasetError(f"expected a folder of images, but {folder} is a file; open it with open_dataset")
    return folder


def _endings(extensions: str | Sequence[str]) -> tuple[str, ...]:
    given = [extensions] if isinstance(extensions, str) else list(extensions)
    if not given or not all(isinstance(ending, str) and ending.strip(".") for ending in given):
        raise OptionError(f"extensions must be file endings such as '.jpg', got {extensions!r}")
    return tuple("." + ending.lower().removeprefix(".") for ending in given)


def _check_tree(tree: Tree, images: dict[str, list[str]], endings: tuple[str, ...], allow_empty: bool) -> None:
    if tree.unreadable:
        raise DatasetError(
            f"{len(tree.unreadable)} entries of {tree.root} can't be read: {listed(tree.unreadable)}; "
            "change their permissions, or move them out of the folder"
        )
    if not images and not tree.files:
        seen = listed(f"{ending or 'no ending'} x {count}" for ending, count in tree.others.most_common())
        raise DatasetError(
            f"no images in {tree.root}: expected files that end in {' '.join(endings)}, in the folder or in class "
            f"folders; found {f'other files: {seen}' if seen else 'no files at all'}; check the path, or give "
            "extensions="
        )
    empty = [name for name in tree.folders if name not in images]
    if images and empty and not allow_empty:
        raise DatasetError(
            f"{len(empty)} of {len(tree.folders)} class folders of {tree.root} have no images that end in "
            f"{' '.join(endings)}: {listed(empty)}; remove them, or pass allow_empty=True to keep them as classes"
        )
    if images and tree.files:
        warnings.warn(
            f"{tree.root} has class folders; {len(tree.files)} images beside them belong to no class and are left out: "
            f"{listed(tree.files, 3)}",
            stacklevel=3,
        )


def _positions(root: str, classes: list[str], images: dict[str, list[str]]) -> dict[str, int]:
    positions = {name: position for position, name in enumerate(classes)}
    unknown = [name for name in images if name not in positions]
    if unknown:
        raise UnknownClassError(
            f"class folders {listed(unknown)} of {root} are not among the {len(classes)} classes asked for: "
            f"{listed(classes)}; add what is missing to classes=, or leave those folders out"
        )
    return positions
