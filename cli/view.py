"""What `penstock view` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ..augment import Normalize, Pipeline, ToDtype, contact_sheet
from ..augment.named import named_augmentation
from ..augment.views import pipelines_of
from ..errors import OptionError, PenstockError, RecordError
from ..formats import Dataset, open_dataset
from .mixed import mixed, share_text
from .output import check_output
from .parts import parts_of
from .text import plural

__all__ = ["ViewRequest", "view"]


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """The options of the command line, under their names."""

    path: str
    augment: str
    images: int
    samples: int | None
    seed: int
    cell: int
    output: str


def view(request: ViewRequest) -> None:
    """Draws originals of the dataset at `path`, or its training part, each beside what `augment` makes of it."""
    check_output(request.output)
    augmentation = named_augmentation(request.augment)
    pipelines = pipelines_of(augmentation)
    place = next(iter(parts_of(request.path).values()))
    dataset = open_dataset(place)
    chosen = _spread(len(dataset), request.images)
    count = _samples(pipelines) if request.samples is None else request.samples
    rows = _rows(count, pipelines)
    samples = [dataset[index] for index in chosen]
    columns = {
        place: _column(pipelines, dataset, chosen, samples, place, request.seed) for row in rows for place in row
    }
    tiles: list[NDArray[Any]] = []
    captions: list[str] = []
    for sample, (image, label) in enumerate(samples):
        for row in rows:
            made = [tile for place in row for tile in columns[place][sample]]
            tiles += [image.transpose(2, 0, 1), *(picture for picture, _ in made)]
            captions += [_label(dataset, label), *(caption for _, caption in made)]
    sheet = contact_sheet(tiles, captions, columns=len(tiles) // (len(samples) * len(rows)), cell_px=request.cell)
    sheet.save(request.output, "PNG")
    of = plural(len(dataset), "image")
    click.echo(f"{request.output}: {len(chosen):,} of {of}, {plural(count, 'sample')} each, of {place}")


def _spread(count: int, wanted: int) -> list[int]:
    """Indices all over the dataset, so that folders show many of their classes."""
    if count == 0:
        raise OptionError("the dataset has no images to look at")
    return [round(place) for place in np.linspace(0, count - 1, min(wanted, count)).tolist()]


def _samples(pipelines: Sequence[Pipeline]) -> int:
    """How many fill a screen, no more; of what draws nothing all would be equal."""
    if not any(pipeline.columns or pipeline.functions for pipeline in pipelines):
        return 1
    return 1 if _has_row_each(pipelines) else 7


def _has_row_each(pipelines: Sequence[Pipeline]) -> bool:
    return len(pipelines) > 1 or pipelines[0].crops > 1


def _rows(samples: int, pipelines: Sequence[Pipeline]) -> list[list[tuple[int, int]]]:
    """(epoch, view) of what stands beside an original, row by row: all samples, or a row with the results of each."""
    if _has_row_each(pipelines):
        return [[(epoch, view) for view in range(len(pipelines))] for epoch in range(samples)]
    return [[(epoch, 0) for epoch in range(samples)]]


def _column(
    pipelines: Sequence[Pipeline],
    dataset: Dataset,
    chosen: Sequence[int],
    samples: Sequence[tuple[NDArray[np.uint8], Any]],
    place: tuple[int, int],
    seed: int,
) -> list[list[tuple[NDArray[Any], str]]]:
    """What stands at a place (epoch, view) beside each of the chosen samples: its crops, each with its caption.

    They are one batch to an op that mixes batches.
    """
    epoch, view = place
    images, mixing = pipelines[view].split_batches()
    results: list[NDArray[Any]] = [
        _augmented(images, dataset, image, index, epoch, seed, view)
        for index, (image, _) in zip(chosen, samples, strict=True)
    ]
    caption = f"epoch {epoch}, view {view}" if len(pipelines) > 1 else f"epoch {epoch}"
    captions = [caption] * len(results)
    if mixing is not None:
        results, shares = mixed(mixing, results, [label for _, label in samples], chosen[0], epoch, seed)
        captions = [share_text(row, dataset.classes) for row in shares]
    return [_crops(_shown(result, images), text) for result, text in zip(results, captions, strict=True)]


def _augmented(
    pipeline: Pipeline, dataset: Dataset, image: NDArray[np.uint8], index: int, epoch: int, seed: int, view: int
) -> NDArray[Any]:
    try:
        return pipeline.apply(image, index, epoch, seed, view=view)
    except RecordError as error:
        raise error.at(dataset.describe(index), index) from error
    except PenstockError:
        raise
    except Exception as error:  # functions of others (Lambda) may raise anything; a note on it names the op
        notes = getattr(error, "__notes__", ())
        if not notes:
            raise
        what = f"{dataset.describe(index)}: {type(error).__name__}: {error}, {' '.join(notes)} (sample {index})"
        raise click.ClickException(" ".join(what.split())) from error


def _shown(result: NDArray[Any], pipeline: Pipeline) -> NDArray[Any]:
    """As uint8, or as floats from 0 to 1: the arithmetic of `Normalize` and of `ToDtype` without scale undone."""
    if result.dtype == np.uint8:
        return result
    floats = result.astype(np.float64)
    for op in pipeline:
        if isinstance(op, Normalize):
            floats = floats * np.reshape(op.std, (3, 1, 1)) + np.reshape(op.mean, (3, 1, 1))
    scaled = any(isinstance(op, ToDtype) and op.scale for op in pipeline)
    return floats if scaled else floats / 255


def _crops(result: NDArray[Any], caption: str) -> list[tuple[NDArray[Any], str]]:
    if result.ndim == 3:
        return [(result, caption)]
    return [(crop, f"{caption}, crop {number}") for number, crop in enumerate(result)]


def _label(dataset: Dataset, label: Any) -> str:
    """The class by name where it has one; several labels by their numbers."""
    if np.ndim(label):
        return " ".join(f"{value:g}" for value in label)
    return dataset.classes[label] if 0 <= label < len(dataset.classes) else str(label)
