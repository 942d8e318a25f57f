"""A result as a table and as a plot."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["plot", "table"]


def table(result: dict[str, Any]) -> str:
    """Median, spread and ratio of each candidate, as Markdown."""
    speeds: dict[str, list[float]] = result["images_per_second"]
    base = median(next(iter(speeds.values())))
    heading = f"images/s, {result['workers']} core(s)"
    width = max(map(len, [heading, *speeds]))
    lines = [
        f"| {heading:{width}} | median | lowest | highest | ratio |",
        f"|{'-' * (width + 2)}|-------:|-------:|--------:|------:|",
    ]
    for name, values in speeds.items():
        middle = median(values)
        columns = f"{middle:6.0f} | {min(values):6.0f} | {max(values):7.0f} | {middle / base:5.2f}"
        lines.append(f"| {name:{width}} | {columns} |")
    return "\n".join(lines)


def plot(result: dict[str, Any], path: Path) -> None:
    """Writes a PNG: a bar for each median, whiskers from the slowest to the fastest epoch. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    speeds: dict[str, list[float]] = result["images_per_second"]
    names, middles = list(speeds), [median(values) for values in speeds.values()]
    below = [middle - min(values) for middle, values in zip(middles, speeds.values(), strict=True)]
    above = [max(values) - middle for middle, values in zip(middles, speeds.values(), strict=True)]
    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.6 * len(names)), layout="constrained")
    bars = axes.barh(names, middles, xerr=[below, above], capsize=4, color=["#a1a1aa", *["#0e7490"] * len(names)])
    axes.bar_label(bars, [f"{middle:.0f}  ({middle / middles[0]:.2f}x)" for middle in middles], padding=12)
    axes.invert_yaxis()
    axes.set_xlim(0, max(m + a for m, a in zip(middles, above, strict=True)) * 1.25)
    axes.set_xlabel(f"images/s on {result['workers']} core(s): RandomResizedCrop(224) + flip to uint8")
    axes.set_title(f"{result['environment']['processor']}, {result['images']} images", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)
