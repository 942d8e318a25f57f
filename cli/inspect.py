"""What `penstock inspect` does."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from ..formats import Dataset, Pack, open_dataset
from ..formats.pack.manifest import Manifest
from ..formats.summary import Summary, summarize
from .parts import parts_of
from .text import plural, ratio, reasons, shown_bytes

__all__ = ["inspect"]


def inspect(path: str, *, as_json: bool) -> None:
    """Prints what the dataset at `path`, or each of its parts, holds."""
    found = {}
    for place in parts_of(path).values():
        dataset = open_dataset(place)
        found[place] = dataset, summarize(dataset)
    if as_json:
        click.echo(json.dumps([_content(place, *each) for place, each in found.items()], indent=1))
        return
    for place, (dataset, summary) in found.items():
        click.echo(f"{place}: {type(dataset).__name__}")
        for name, value in _lines(dataset, summary):
            click.echo(f"  {name:<11} {value}")


def _content(place: str, dataset: Dataset, summary: Summary) -> dict[str, Any]:
    content = {"path": place, "kind": type(dataset).__name__.lower(), "classes": dataset.classes, **asdict(summary)}
    content["bytes"] = content.pop("size")
    if isinstance(dataset, Pack):
        manifest = dataset.manifest
        content |= {"shards": manifest.shards, "options": manifest.options, "lossy": manifest.lossy}
        content |= {"source_bytes": _source_bytes(manifest), "fallbacks": manifest.fallbacks}
        content |= {"skipped": manifest.skipped, "id": manifest.pack_id.hex()}
    return content


def _lines(dataset: Dataset, summary: Summary) -> list[tuple[str, str]]:
    lines = [("images", f"{summary.samples:,}"), ("size", _size(dataset, summary))]
    lines.append(("codecs", ", ".join(f"{name} {count:,}" for name, count in summary.codecs.items())))
    if isinstance(dataset, Pack) and dataset.manifest.fallbacks:
        lines.append(("encoded", reasons(dataset.manifest.fallbacks)))
    lines.append(("labels", summary.labels))
    if dataset.classes:
        first = ", ".join(dataset.classes[:5]) + (" ..." if len(dataset.classes) > 5 else "")
        lines.append(("classes", f"{len(dataset.classes):,} ({first})"))
    if summary.per_class is not None:
        lines.append(("per class", "{:,} to {:,} images".format(*summary.per_class)))
    if summary.width is not None and summary.height is not None:
        lines.append(("width", "{} to {} px".format(*summary.width)))
        lines.append(("height", "{} to {} px".format(*summary.height)))
    if isinstance(dataset, Pack):
        lossy = dataset.manifest.lossy
        lines.append(
            (
                "changed",
                ", ".join(f"{k} {v}" for k, v in lossy.items()) if lossy else "nothing: pixels as in the source",
            )
        )
        lines.append(("left out", f"{len(dataset.manifest.skipped):,}"))
    return lines


def _size(dataset: Dataset, summary: Summary) -> str:
    size = shown_bytes(summary.size)
    if not isinstance(dataset, Pack):
        return size
    source_bytes = _source_bytes(dataset.manifest)
    compared = f", {ratio(summary.size, source_bytes)} ({shown_bytes(source_bytes)})" if source_bytes else ""
    return f"{size} in {plural(dataset.manifest.shards, 'shard')}{compared}"


def _source_bytes(manifest: Manifest) -> int | None:
    """Bytes of all samples that the pack was made from, where pack.json says so."""
    size = manifest.source.get("bytes")
    return size if type(size) is int and size > 0 else None
