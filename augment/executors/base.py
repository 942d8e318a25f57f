"""What an executor is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import OptionError
from ..params import ParamTable
from ..pipeline import Pipeline

__all__ = ["Executor", "Image", "Result", "check_drawn", "check_images", "check_pipeline", "check_run"]

Image: TypeAlias = NDArray[np.uint8]
"""Decoded, (height, width, 3) RGB."""

Result: TypeAlias = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]
"""(3, height, width) of the pipeline's dtype, or (crops, 3, height, width) where it makes several; C order."""


@runtime_checkable
class Executor(Protocol):
    """Applies one pipeline to decoded images, with parameters that `Pipeline.params` drew. Draws nothing itself."""

    @property
    def pipeline(self) -> Pipeline: ...

    def run(self, images: Sequence[Image], params: ParamTable) -> list[Result]:
        """The result of image k with row k of `params`, for each k; new arrays, images are not changed.

        Raises:
            OptionError: `params` has other columns than the pipeline, not one row per image, or crops outside of an
                image, as rows have that were drawn for another size; something that is no decoded image.
        """
        ...


def check_run(pipeline: Pipeline, images: Sized, params: ParamTable) -> None:
    """Refuses a table that was not drawn by `pipeline` for as many images; see `Executor.run`."""
    given: Any = params
    if not isinstance(given, ParamTable):
        raise OptionError(f"params must be a ParamTable, got {type(given).__name__}; draw them with Pipeline.params")
    expected = pipeline.columns
    if params.columns != expected:
        raise OptionError(
            f"params must have the columns {expected}, got {params.columns}; draw them with Pipeline.params"
        )
    if len(params) != len(images):
        raise OptionError(f"params must have one row for each of the {len(images)} images, got {len(params)}")


def check_drawn(pipeline: Pipeline, params: ParamTable, sizes: ArrayLike) -> None:
    """Refuses parameters that can't have been drawn for images of these sizes, (n, 2) heights and widths."""
    pipeline.program.check(params.values, np.asarray(sizes, np.int32).reshape(-1, 2))


def check_pipeline(executor: object, pipeline: object) -> None:
    """Refuses what is no pipeline, such as a list of ops or `Views`."""
    if not isinstance(pipeline, Pipeline):
        raise OptionError(
            f"{type(executor).__name__} needs a penstock.augment.Pipeline, got {type(pipeline).__name__}; wrap ops in "
            "Pipeline, and take each of Views by itself"
        )


def check_images(images: Iterable[object]) -> None:
    """Refuses what is no decoded image."""
    for place, image in enumerate(images):
        if not _is_decoded(image):
            got = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise OptionError(
                f"images must be (height, width, 3) uint8 arrays, got {got} at place {place}; convert it, for example "
                "with np.asarray(image.convert('RGB')), and leave empty ones out"
            )


def _is_decoded(image: object) -> bool:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3:
        return False
    return image.shape[2] == 3 and image.size > 0
