"""A result of the `loader` suite as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from .targets import outcomes, rates_of

__all__ = ["markdown", "table"]


def markdown(result: Mapping[str, Any]) -> str:
    """All tables of a result: what was measured, then the targets, then who was left out."""
    parts = [measured_table(result), targets_table(result)]
    if result["left_out"]:
        left = "\n".join(f"- {name}: {reason}" for name, reason in result["left_out"].items())
        parts.append(f"Not measured here:\n\n{left}")
    return "\n\n".join(part for part in parts if part)


def measured_table(result: Mapping[str, Any]) -> str:
    """Rates, fastest first. The share is of libjpeg-turbo's whole decode, in the same run."""
    rates = rates_of(result)
    floor = median(rates["decode"]) if rates.get("decode") else None
    measured = [each for each in result["contestants"] if rates[each["id"]]]
    rows = []
    for each in sorted(measured, key=lambda each: -median(rates[each["id"]])):
        values = rates[each["id"]]
        middle = median(values)
        cpu = median(1e6 * turn["cpu_seconds"] / turn["images"] for turn in each["turns"])
        rows.append(
            [
                each["name"],
                each["output"],
                f"{middle:,.0f}",
                f"{min(values):,.0f}",
                f"{max(values):,.0f}",
                f"{cpu:,.0f}",
                f"{middle / floor:.2f}" if floor else "",
                each["note"],
            ]
        )
    heading = ["images/s", "output", "median", "lowest", "highest", "CPU us/image", "x decode", "remarks"]
    return table(heading, rows, "<<>>>>><")


def targets_table(result: Mapping[str, Any]) -> str:
    """Targets beside what was measured; "" where nothing can be compared."""
    rows = [
        [
            each.text,
            f"{each.goal:.2f}",
            f"{each.ratio:.2f}",
            f"{each.lowest:.2f}-{each.highest:.2f}",
            "" if each.cpu_ratio is None else f"{each.cpu_ratio:.2f}",
            verdict(each.met),
        ]
        for each in outcomes(result)
    ]
    return table(["ratio", "target", "measured", "rounds", "by CPU time", ""], rows, "<>>>><") if rows else ""


def verdict(met: bool) -> str:
    """In a word."""
    return "met" if met else "not met"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], alignment: str) -> str:
    """A Markdown table; `alignment` holds "<" or ">" for each column."""
    widths = [max(len(row[k]) for row in [heading, *rows]) for k in range(len(heading))]
    rule = [
        f"{'-' * (width + 1)}:" if side == ">" else "-" * (width + 2)
        for width, side in zip(widths, alignment, strict=True)
    ]
    lines = [f"|{'|'.join(rule)}|"]
    for row in [heading, *rows]:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, alignment, widths, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([lines[1], lines[0], *lines[2:]])
