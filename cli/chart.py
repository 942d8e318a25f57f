"""The rates of `penstock bench` as a bar chart."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .rates import Rate, Rates
from .text import plural

__all__ = ["draw_chart"]

PENSTOCK, TORCH, STAGE = "#0e7490", "#a1a1aa", "#e4b363"
ONE_THREAD_OPACITY = 0.45
INK = "#3f3f46"


def draw_chart(rates: Rates, path: Path, *, title: str, subtitle: str) -> bool:
    """Writes a PNG: a panel of loaders and one of their stages; bars of medians, whiskers from slowest to fastest turn.

    False, and nothing is written, where matplotlib is missing. OSError where `path` can't be written.
    """
    try:
        matplotlib: Any = importlib.import_module("matplotlib")
    except ImportError:
        return False
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    panels = [(heading, rows) for heading, rows in _panels(rates) if rows]
    heights = [len(rows) + 0.6 for _, rows in panels]
    figure, axes = pyplot.subplots(
        len(panels),
        figsize=(10, 1.9 + 0.36 * sum(heights) + 0.55 * len(panels)),
        height_ratios=heights,
        squeeze=False,
        layout="constrained",
    )
    for axis, (heading, rows) in zip(axes[:, 0], panels, strict=True):
        _draw_bars(axis, rows, rates)
        axis.set_title(heading, loc="left", fontsize=11)
    axes[-1, 0].set_xlabel("images per second (median; whiskers: slowest and fastest turn)")
    figure.suptitle(f"{title}\n{subtitle}", fontsize=11)
    try:
        figure.savefig(path, dpi=150, format="png")
    finally:
        pyplot.close(figure)
    return True


def _panels(rates: Rates) -> list[tuple[str, list[Rate]]]:
    loaders = [rate for rate in rates.rates if rate.output]
    stages = [rate for rate in rates.rates if not rate.output]
    order = [each.title for each in sorted(loaders, key=lambda rate: -rate.images_per_second)]
    loaders.sort(key=lambda rate: (order.index(rate.title), -rate.threads))
    stages.sort(key=lambda rate: (rates.titles.index(rate.title), -rate.threads))
    return [("loaders: batches of random crops", loaders), ("stages alone: stored bytes, and whole images", stages)]


def _draw_bars(axis: Any, rows: Sequence[Rate], rates: Rates) -> None:
    middles = [rate.images_per_second for rate in rows]
    below = [middle - min(rate.turns) for middle, rate in zip(middles, rows, strict=True)]
    above = [max(rate.turns) - middle for middle, rate in zip(middles, rows, strict=True)]
    most = rates.threads[-1]
    bars = axis.barh(range(len(rows)), middles, color=[_colour(rate) for rate in rows], height=0.74)
    axis.errorbar(middles, range(len(rows)), xerr=[below, above], fmt="none", ecolor=INK, elinewidth=0.9, capsize=2.5)
    for bar, rate in zip(bars, rows, strict=True):
        bar.set_alpha(ONE_THREAD_OPACITY if rate.threads < most else 1.0)
    ends = [max(rate.turns) for rate in rows]
    for number, (rate, end) in enumerate(zip(rows, ends, strict=True)):
        axis.annotate(
            _label(rate, rates), (end, number), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9
        )
    axis.set_xlim(0, 1.3 * max(ends))
    axis.set_yticks(range(len(rows)), [f"{rate.title}, {_workers(rate)}" for rate in rows])
    for text, rate in zip(axis.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if rate.name == "Penstock" and rate.threads == most else "normal")
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.spines[["top", "right", "left"]].set_visible(False)


def _label(rate: Rate, rates: Rates) -> str:
    times = rates.times_torch(rate)
    shown = f"{rate.images_per_second:,.0f}"
    if times is not None:
        return f"{shown}  ({times:.1f} x torch)"
    return shown if rate.output else f"{shown}  ({rates.megabytes_per_second(rate):,.0f} MB/s)"


def _workers(rate: Rate) -> str:
    kind = "worker" if rate.output and rate.name != "Penstock" else "thread"
    return plural(rate.threads, kind)


def _colour(rate: Rate) -> str:
    if not rate.output:
        return STAGE
    return PENSTOCK if rate.name == "Penstock" else TORCH
