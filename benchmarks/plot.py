"""A result of the `loader` suite as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from .targets import outcomes, rates_of

__all__ = ["plot"]

COLOURS = {"penstock": "#0e7490", "peer": "#a1a1aa", "torch": "#a1a1aa", "libjpeg-turbo": "#e4b363"}
TARGET_COLOUR = "#b91c1c"
OUTPUTS = ("uint8", "float32")


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Writes a PNG: bars of medians, whiskers from the slowest to the fastest turn, a panel for each output.

    Needs matplotlib. Writes nothing where no loader was measured.
    """
    panels = {output: rows for output in OUTPUTS if (rows := rows_of(result, output))}
    if not panels:
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    heights = [len(rows) for rows in panels.values()]
    figure, axes = pyplot.subplots(
        len(panels),
        figsize=(10, 1.6 + 0.36 * sum(heights) + 0.5 * len(panels)),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    rates = [rate for rows in panels.values() for row in rows for rate in row["rates"]]
    rates += [rate for output in panels for _, rate in goals_of(result, output)]
    axes[0, 0].set_xlim(0, 1.12 * max(rates))
    for axis, (output, rows) in zip(axes[:, 0], panels.items(), strict=True):
        draw_bars(axis, rows)
        draw_goals(axis, goals_of(result, output), len(rows))
        axis.set_title(output if output == "uint8" else f"{output}, normalised", loc="left", fontsize=11)
    axes[-1, 0].set_xlabel("images per second on one core (median; whiskers: slowest and fastest turn)")
    figure.suptitle(
        f"RandomResizedCrop(224) + flip, batches of {result['batch_size']}\n"
        f"{result['data']['images']} JPEGs of {result['data']['mean_bytes'] / 1000:.0f} kB on one core of "
        f"{result['environment']['processor']}",
        fontsize=11,
    )
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


def rows_of(result: Mapping[str, Any], output: str) -> list[dict[str, Any]]:
    """The bars of a panel, fastest first: loaders with this output and one thread, and the yardstick beside uint8."""
    rates = rates_of(result)
    rows = [
        {"name": each["name"], "group": each["group"], "rates": rates[each["id"]]}
        for each in result["contestants"]
        if rates[each["id"]]
        and each["threads"] == 1
        and each["group"] in COLOURS
        and (each["output"] == output or (output == "uint8" and each["id"] == "decode"))
    ]
    return sorted(rows, key=lambda row: -median(row["rates"]))


def goals_of(result: Mapping[str, Any], output: str) -> list[tuple[str, float]]:
    """(what is to be reached, in images per second) by the dct pack, from the lowest."""
    rates = rates_of(result)
    who = {each["id"]: each for each in result["contestants"]}
    goals = [
        (f"target: {each.goal:g} x {who[each.below[0]]['name']}", each.goal * median(rates[each.below[0]]))
        for each in outcomes(result)
        if each.above == (f"dct-{output}",) and who[each.below[0]]["group"] in COLOURS
    ]
    return sorted(goals, key=lambda goal: goal[1])


def draw_bars(axis: Any, rows: list[dict[str, Any]]) -> None:
    """One output's bars."""
    middles = [median(row["rates"]) for row in rows]
    below = [middle - min(row["rates"]) for middle, row in zip(middles, rows, strict=True)]
    above = [max(row["rates"]) - middle for middle, row in zip(middles, rows, strict=True)]
    bars = axis.barh(
        range(len(rows)),
        middles,
        xerr=[below, above],
        color=[COLOURS[row["group"]] for row in rows],
        error_kw={"ecolor": "#3f3f46", "elinewidth": 0.9, "capsize": 2.5},
        height=0.72,
    )
    for label in axis.bar_label(bars, [f"{middle:,.0f}" for middle in middles], padding=4, fontsize=9, zorder=4):
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})
    axis.set_yticks(range(len(rows)), [row["name"] for row in rows])
    for label, row in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row["group"] == "penstock" else "normal")
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def draw_goals(axis: Any, goals: list[tuple[str, float]], rows: int) -> None:
    """Lines at the rates to be reached, named in the empty space beside the lowest bars."""
    middle = axis.get_xlim()[1] / 2
    for number, (text, rate) in enumerate(goals):
        axis.axvline(rate, color=TARGET_COLOUR, linestyle="--", linewidth=1, zorder=3)
        side = "left" if rate < middle else "right"  # of the text, which goes where there is room
        row = rows - 1 - number
        label = axis.text(rate, row, f"  {text}  ", color=TARGET_COLOUR, ha=side, va="center", fontsize=8.5, zorder=5)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8})
