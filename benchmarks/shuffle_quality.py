"""How random the orders of Penstock, torch and shuffle buffers are. `python -m benchmarks.shuffle_quality`

Writes docs/figures/shuffle.png and the table of docs/shuffle.md. Nothing here is timed, and every number is drawn from
a fixed seed, so the result is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from penstock.rng import Permutation

from .environment import ROOT
from .report import table
from .results import replace_section
from .shuffle_plot import plot

__all__ = ["KINDS", "Measures", "Setting", "buffered", "main", "measure"]

SEED = 2026
PAGE = ROOT / "docs" / "shuffle.md"
FIGURE = ROOT / "docs" / "figures" / "shuffle.png"

Order: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    """A dataset that lies sorted by class in shards, as packing a folder of class folders leaves it.

    Attributes:
        samples, classes: with as many samples in each class as can be.
        shard: samples in a shard.
        batch_size: of the batches that are looked at.
    """

    samples: int = 1_281_167
    classes: int = 1000
    shard: int = 1000
    batch_size: int = 256


@dataclass(frozen=True)
class Measures:
    """What an order is judged by. `ideal` gives the expected values of an order drawn from all orders.

    Attributes:
        displacement: mean distance between where a sample lies and when it comes, as a share of the dataset.
        neighbours: share of samples that come right after one that lies less than a shard away.
        classes: mean number of classes in a batch, of data that lie sorted by class.
        classes_of_shuffled: the same of data that were shuffled once, before they were packed.
        met_again: how many of the other samples of its batch a sample meets again in its next epoch's batch.
        epochs: correlation of when a sample comes in one epoch and in the next.
    """

    displacement: float
    neighbours: float
    classes: float
    classes_of_shuffled: float
    met_again: float
    epochs: float

    @classmethod
    def ideal(cls, setting: Setting) -> Measures:
        """Expected values, the classes' for a dataset much larger than a batch."""
        others = setting.batch_size - 1
        near = 2 * (setting.shard - 1) / setting.samples
        classes = setting.classes * (1 - (1 - 1 / setting.classes) ** setting.batch_size)
        return cls(1 / 3, near, classes, classes, others * others / (setting.samples - 1), 0.0)


def penstock(setting: Setting, epoch: int) -> Order:
    """The keyed permutation of (seed, epoch)."""
    return Permutation(setting.samples, SEED, epoch).take(0, setting.samples)


def randperm(setting: Setting, epoch: int) -> Order:
    """torch's, of `RandomSampler` and `DistributedSampler`."""
    generator = torch.Generator().manual_seed(SEED + epoch)
    return torch.randperm(setting.samples, generator=generator).numpy()


def in_shuffled_shards(setting: Setting, epoch: int) -> Order:
    """Shards in a random order, the samples of each as they lie."""
    starts = np.random.default_rng((SEED, epoch)).permutation(np.arange(0, setting.samples, setting.shard))
    return np.concatenate([np.arange(start, min(start + setting.shard, setting.samples)) for start in starts])


def buffered(stream: Order, size: int, rng: np.random.Generator) -> Order:
    """What a shuffle buffer makes of a stream: it is filled, then a random one of it goes and the next takes its place.

    As `tf.data.Dataset.shuffle(size)` and, but for how it fills the buffer, `webdataset.shuffle(size)` do it.
    """
    buffer = stream[:size].tolist()
    places = rng.integers(0, size, max(len(stream) - size, 0)).tolist()
    shuffled = []
    for place, sample in zip(places, stream[size:].tolist(), strict=True):
        shuffled.append(buffer[place])
        buffer[place] = sample
    return np.array(shuffled + rng.permutation(buffer).tolist(), np.int64)


def buffer_alone(size: int) -> Callable[[Setting, int], Order]:
    """A buffer over shards that are always read in the same order."""
    return lambda setting, epoch: buffered(np.arange(setting.samples), size, np.random.default_rng((SEED, epoch, 1)))


def shards_and_buffer(size: int) -> Callable[[Setting, int], Order]:
    """A buffer over shards in a random order."""
    return lambda setting, epoch: buffered(
        in_shuffled_shards(setting, epoch), size, np.random.default_rng((SEED, epoch, 1))
    )


KINDS: Mapping[str, Callable[[Setting, int], Order]] = {
    "Penstock": penstock,
    "torch.randperm": randperm,
    "shuffled shards, buffer of 10,000": shards_and_buffer(10_000),
    "shuffled shards, buffer of 1,000": shards_and_buffer(1_000),
    "buffer of 10,000 alone": buffer_alone(10_000),
}


def measure(first: Order, second: Order, setting: Setting) -> Measures:
    """The measures of two epochs; all but the last two are of the first."""
    positions = np.empty((2, setting.samples), np.int64)
    for row, order in zip(positions, (first, second), strict=True):
        row[order] = np.arange(setting.samples)
    labels = np.arange(setting.samples) * setting.classes // setting.samples
    shuffled_labels = np.random.default_rng(SEED).permutation(labels)
    batches = in_batches(second, setting.batch_size)
    return Measures(
        displacement=float(np.abs(first - np.arange(setting.samples)).mean() / setting.samples),
        neighbours=float((np.abs(np.diff(first)) < setting.shard).mean()),
        classes=float(distinct(labels[in_batches(first, setting.batch_size)]).mean()),
        classes_of_shuffled=float(distinct(shuffled_labels[in_batches(first, setting.batch_size)]).mean()),
        met_again=float(alike(positions[0][batches] // setting.batch_size).mean()),
        epochs=float(np.corrcoef(positions)[0, 1]),
    )


def in_batches(order: Order, batch_size: int) -> Order:
    """(batches, batch_size), without the last where it is smaller."""
    whole = len(order) // batch_size
    return order[: whole * batch_size].reshape(whole, batch_size)


def distinct(rows: Order) -> NDArray[np.int64]:
    """How many different values each row has."""
    return 1 + (np.diff(np.sort(rows, axis=1), axis=1) != 0).sum(axis=1)


def alike(rows: Order) -> NDArray[np.int64]:
    """(rows * columns,): to how many others of its row each value is equal."""
    keyed = rows + np.arange(len(rows))[:, None] * (rows.max() + 1)
    _, inverse, counts = np.unique(keyed.ravel(), return_inverse=True, return_counts=True)
    others: NDArray[np.int64] = counts[inverse] - 1
    return others


def markdown(found: Mapping[str, Measures], setting: Setting) -> str:
    """The table of the page."""
    rows = [
        [
            name,
            f"{each.displacement:.3f}",
            f"{each.neighbours:.2%}",
            f"{each.classes:.1f}",
            f"{each.classes_of_shuffled:.1f}",
            f"{each.met_again:.2f}",
            f"{each.epochs:.3f}",
        ]
        for name, each in {**found, "every order equally likely": Measures.ideal(setting)}.items()
    ]
    heading = [
        "order",
        "displacement",
        "neighbours from one place",
        "classes in a batch",
        "the same, shuffled before packing",
        "met again",
        "correlation of epochs",
    ]
    return table(heading, rows, "<>>>>>>")


def main(figure: Path = FIGURE, page: Path = PAGE) -> None:
    """Draws the orders, and writes the figure and the table of the page."""
    setting = Setting()
    orders = {name: (draw(setting, 0), draw(setting, 1)) for name, draw in KINDS.items()}
    found = {name: measure(*epochs, setting) for name, epochs in orders.items()}
    ideal = Measures.ideal(setting)
    counts = {
        name: distinct(in_batches(first, setting.batch_size) * setting.classes // setting.samples)
        for name, (first, _) in orders.items()
    }
    plot(
        {name: first for name, (first, _) in orders.items()},
        counts,
        {name: each.met_again for name, each in found.items()},
        expected=(ideal.classes, ideal.met_again),
        path=figure,
    )
    text = markdown(found, setting)
    page.write_text(replace_section(page.read_text(), "shuffle_quality", text))
    print(text)


if __name__ == "__main__":
    main()
