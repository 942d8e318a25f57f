"""Walking a folder of images: what lies in each of its sub-folders."""

from __future__ import annotations

import os
from collections import Counter

__all__ = ["Tree"]

Identity = tuple[int, int]
"""(device, inode): the same folder has one, whatever path leads to it."""


class Tree:
    """The image files of a folder.

    Attributes:
        root: the folder.
        files: names of the images right in it, sorted.
        folders: sub-folder -> the images in it and below, as paths relative to `root`; ordered as sorted by the folder
            that they lie in, then by name.
        others: ending -> number of the files that have none of the endings.
        unreadable: "path: reason" of every entry that can't be read.
    """

    def __init__(self, root: str, endings: tuple[str, ...]) -> None:
        self.root = root
        self.others: Counter[str] = Counter()
        self.unreadable: list[str] = []
        self._endings = endings
        self._start = frozenset(filter(None, [self._identity("")]))
        self.files, folders = self._scan("")
        self.folders = {name: self._below(name) for name in folders if self._identity(name) not in self._start}

    def _below(self, top: str) -> list[str]:
        """Images in the sub-folder `top` and below it; a link to a folder that it lies in is not followed."""
        found: list[tuple[str, list[str]]] = []
        pending = [(top, self._start)]
        while pending:
            folder, above = pending.pop()
            identity = self._identity(folder)
            if identity is None or identity in above:
                continue
            files, folders = self._scan(folder)
            found.append((folder, files))
            pending += [(os.path.join(folder, name), above | {identity}) for name in folders]
        return [os.path.join(folder, file) for folder, files in sorted(found) for file in files]

    def _identity(self, folder: str) -> Identity | None:
        try:
            status = os.stat(os.path.join(self.root, folder))
        except OSError as error:
            self._refuse(folder, error.strerror)
            return None
        return status.st_dev, status.st_ino

    def _scan(self, folder: str) -> tuple[list[str], list[str]]:
        """(images, folders) right in `folder`, both sorted."""
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                for entry in entries:
                    if _is_folder(entry):
                        folders.append(entry.name)
                    elif not entry.name.lower().endswith(self._endings):
                        self.others[os.path.splitext(entry.name)[1].lower()] += 1
                    # A link that leads nowhere stays a sample: reading it tells which file is missing.
                    elif entry.is_symlink() or entry.is_file():
                        files.append(entry.name)
                    else:
                        self._refuse(os.path.join(folder, entry.name), "not a regular file")
        except OSError as error:
            self._refuse(folder, error.strerror)
        return sorted(files), sorted(folders)

    def _refuse(self, entry: str, reason: str | None) -> None:
        self.unreadable.append(f"{os.path.join(self.root, entry)}: {reason}")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
