"""Several results of each image, from one reading and decoding of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NoReturn, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import SpecError
from .descriptions import check_keys, check_version, read_json
from .ops.base import Stage
from .ops.values import is_int, members, shown
from .params import ParamTable
from .pipeline import Pipeline

__all__ = ["MAX_VIEWS", "Augmentation", "Views", "pipelines_of"]

FORMAT_VERSION = 1
"""Version of the dictionary that `Views.to_dict` writes."""

MAX_VIEWS = 65_536
"""View numbers have 16 bits of the random numbers' counter."""


class Views(Sequence[Pipeline]):
    """`count` results of each image, each with draws of its own; immutable, hashable, picklable.

    Two views of one pipeline are the pairs of SimCLR (Chen et al., "A simple framework for contrastive learning of
    visual representations", 2020) and BYOL. Views of several pipelines are added up, in order, and may differ in size,
    as in the multi-crop of SwAV and DINO: `Views(2, global_) + Views(6, local)`.

    A batch of a loader has a list with one (n, 3, height, width) tensor per view in the place of its images, and a
    sample of `Augmented` a list of (3, height, width) tensors. An image is read and decoded once for all of its views.
    What is drawn for view k depends on (seed, epoch, index, draw), k and the image's size alone; view 0 is what its
    pipeline alone would give.

    As a sequence, it holds the pipeline of each view.

    Args:
        count: how many views, 1 to 65,536.
        pipeline: what each of them goes through.

    Raises:
        SpecError: `count` or `pipeline` is something else.
    """

    __slots__ = ("_pipelines",)

    def __init__(self, count: int, pipeline: Pipeline) -> None:
        if not is_int(count) or not 1 <= count <= MAX_VIEWS:
            raise SpecError(
                f"Views: count must be an int from 1 to {MAX_VIEWS}, got {shown(count)}; for example Views(2, pipeline)"
            )
        self._pipelines = _checked([pipeline] * int(count))

    @classmethod
    def of(cls, pipelines: Iterable[Pipeline]) -> Views:
        """One view of each of these pipelines.

        Raises:
            SpecError: there are none, too many, or something else among them.
        """
        views = cls.__new__(cls)
        views._pipelines = _checked(pipelines)
        return views

    @property
    def groups(self) -> tuple[tuple[int, Pipeline], ...]:
        """(count, pipeline) for views of one pipeline that follow each other, in order."""
        return tuple((len(list(views)), pipeline) for pipeline, views in groupby(self._pipelines))

    def params(
        self,
        indices: ArrayLike,
        epoch: int = 0,
        seed: int = 0,
        sizes: ArrayLike | None = None,
        draws: ArrayLike | None = None,
    ) -> list[ParamTable]:
        """The parameters of n samples, a table for each view; arguments and errors are those of `Pipeline.params`."""
        return [
            pipeline.params(indices, epoch, seed, sizes, draws, view) for view, pipeline in enumerate(self._pipelines)
        ]

    def apply(
        self, image: ArrayLike, index: int = 0, epoch: int = 0, seed: int = 0, draw: int = 0
    ) -> list[NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]]:
        """The views of one decoded image, in order; arguments and errors are those of `Pipeline.apply`."""
        return [pipeline.apply(image, index, epoch, seed, draw, view) for view, pipeline in enumerate(self._pipelines)]

    def to_dict(self) -> dict[str, Any]:
        """{"version": 1, "views": [{"count": 2, "pipeline": {...}} ...]}, of types that JSON has."""
        groups = [{"count": count, "pipeline": pipeline.to_dict()} for count, pipeline in self.groups]
        return {"version": FORMAT_VERSION, "views": groups}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Views:
        """The views that `to_dict` described.

        Raises:
            SpecError: an unknown version or key, a bad count, or what `Pipeline.from_dict` refuses.
        """
        check_keys("views", data, ["version", "views"])
        check_version("views", data["version"], FORMAT_VERSION)
        groups = data["views"]
        if not isinstance(groups, list | tuple) or not groups:
            raise SpecError(f"'views' must be a list of at least one group of views, got {shown(groups)}")
        return cls.of(pipeline for group in groups for pipeline in _group_from_dict(group))

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Views:
        """The views that `to_json` wrote; SpecError as `from_dict`, and for text that is no JSON."""
        return cls.from_dict(read_json("views", text, "Views.to_json"))

    def __add__(self, other: Views) -> Views:
        if not isinstance(other, Views):
            raise _not_added(self, other)
        return Views.of(self._pipelines + other._pipelines)

    def __radd__(self, other: object) -> NoReturn:
        raise _not_added(other, self)

    @overload
    def __getitem__(self, index: int) -> Pipeline: ...
    @overload
    def __getitem__(self, index: slice) -> Views: ...
    def __getitem__(self, index: int | slice) -> Pipeline | Views:
        return Views.of(self._pipelines[index]) if isinstance(index, slice) else self._pipelines[index]

    def __len__(self) -> int:
        return len(self._pipelines)

    def __eq__(self, other: object) -> bool:
        return self._pipelines == other._pipelines if isinstance(other, Views) else NotImplemented

    def __hash__(self) -> int:
        return hash((Views, self._pipelines))

    def __repr__(self) -> str:
        return " + ".join(f"Views({count}, {pipeline!r})" for count, pipeline in self.groups)

    def __reduce__(self) -> tuple[Any, ...]:
        return Views.of, (self._pipelines,)


Augmentation: TypeAlias = Pipeline | Views
"""What a loader's images go through."""


def pipelines_of(augmentation: Augmentation) -> tuple[Pipeline, ...]:
    """The pipeline of each view; of a pipeline, itself."""
    return tuple(augmentation) if isinstance(augmentation, Views) else (augmentation,)


def _not_added(first: object, second: object) -> SpecError:
    return SpecError(
        f"{type(first).__name__} + {type(second).__name__}: only views are added up; write Views(1, pipeline) for one "
        "more view of each image"
    )


def _checked(pipelines: object) -> tuple[Pipeline, ...]:
    listed = members(pipelines) or ()
    if not 1 <= len(listed) <= MAX_VIEWS:
        got = len(listed) or shown(pipelines)
        raise SpecError(f"Views: expected 1 to {MAX_VIEWS} pipelines, one for each view, got {got}")
    for pipeline in listed:
        if not isinstance(pipeline, Pipeline):
            raise SpecError(
                f"Views: pipeline must be a Pipeline, got {shown(pipeline)}; for example Views(2, Pipeline([...]))"
            )
        mixing = next((op for op in pipeline if op.stage is Stage.BATCH), None)
        if mixing is not None:
            raise SpecError(
                f"Views: {type(mixing).__name__} mixes the samples of a batch with their labels, and views share "
                f"theirs; leave it out"
            )
    return listed


def _group_from_dict(group: Any) -> Views:
    check_keys("a group of views", group, ["count", "pipeline"])
    return Views(group["count"], Pipeline.from_dict(group["pipeline"]))
