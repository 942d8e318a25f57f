"""Shuffled orders as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .plot import COLOURS

__all__ = ["plot"]

START = 20_000
DOTS = 5_000
GREY = "#3f3f46"


def plot(
    orders: Mapping[str, NDArray[np.int64]],
    classes: Mapping[str, NDArray[np.int64]],
    met_again: Mapping[str, float],
    *,
    expected: tuple[float, float],
    path: Path,
) -> None:
    """Writes a PNG: for each order a panel of dots, and below them classes in batches, and neighbours met again.

    Args:
        orders: by name, (n,): which sample comes at each position.
        classes: by name, how many classes each batch has.
        met_again: by name, how many samples of its batch a sample meets again in the next epoch.
        expected: the last two of an order drawn from all orders.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(12, 6.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.05])
    draw_dots(top.subplots(1, len(orders), sharey=True), orders)
    left, right = bottom.subplots(1, 2, width_ratios=[1, 1], sharey=True)
    draw_classes(left, classes, expected[0])
    draw_met_again(right, met_again, expected[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def colour(name: str) -> str:
    return COLOURS["penstock" if name == "Penstock" else "torch" if name.startswith("torch") else "libjpeg-turbo"]


def draw_dots(axes: Any, orders: Mapping[str, NDArray[np.int64]]) -> None:
    """When samples come (across, the start of the epoch) and where they lie (up), for some of them."""
    for axis, (name, order) in zip(axes, orders.items(), strict=True):
        positions = np.arange(0, START, START // DOTS)
        axis.plot(positions, order[positions] / len(order), ".", color=colour(name), markersize=2.2, markeredgewidth=0)
        axis.set_title(name.replace(", ", ",\n"), fontsize=10, fontweight="bold" if name == "Penstock" else "normal")
        axis.set(xlim=(0, START), ylim=(-0.01, 1.01), xticks=[0, START // 2, START], box_aspect=1)
        axis.set_xticklabels(["0", f"{START // 2:,}", f"{START:,}"], fontsize=8.5)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks([0, 1], ["first", "last"])
    axes[0].set_ylabel("place in the dataset", fontsize=9, labelpad=-16)
    axes[len(axes) // 2].set_xlabel("position in the epoch", fontsize=9)


def draw_classes(axis: Any, classes: Mapping[str, NDArray[np.int64]], expected: float) -> None:
    """The middle half and the range of the batches."""
    for row, (name, counts) in enumerate(classes.items()):
        low, first, middle, third, high = np.percentile(counts, [0, 25, 50, 75, 100])
        axis.plot([low, high], [row, row], color=colour(name), linewidth=1.5, solid_capstyle="butt")
        axis.barh(row, max(third - first, 0.8), left=first, height=0.55, color=colour(name))
        axis.text(high + 4, row, f"{middle:.0f}", va="center", fontsize=9)
    axis.axvline(expected, color=GREY, linestyle="--", linewidth=0.9, zorder=0)
    axis.set_yticks(range(len(classes)), classes)
    for label in axis.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == "Penstock" else "normal")
    axis.set_xlim(0, 1.18 * expected)
    axis.set_title("classes in a batch of 256, data sorted by class", loc="left", fontsize=10)
    axis.set_xlabel("bar: middle half of the batches; line: all; dashed: every order equally likely", fontsize=8.5)
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def draw_met_again(axis: Any, met_again: Mapping[str, float], expected: float) -> None:
    """Bars on a logarithmic scale."""
    bars = axis.barh(range(len(met_again)), met_again.values(), color=[colour(name) for name in met_again], height=0.55)
    axis.bar_label(bars, [f"{value:.2f}" for value in met_again.values()], padding=4, fontsize=9)
    axis.axvline(expected, color=GREY, linestyle="--", linewidth=0.9, zorder=0)
    axis.set_xlim(expected / 4, 400)
    axis.set_xscale("log")
    axis.set_title("of 255 others in its batch, met again in the next epoch", loc="left", fontsize=10)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)
