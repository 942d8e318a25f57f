"""What `pack-dataset` does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ..errors import OptionError, PackingError, RecordError
from ..formats import Dataset, open_dataset, split
from ..formats.lmdb_writer import LMDBWriter
from ..formats.pack.job import OnError
from ..formats.pack.plan import PackOptions, make_plan
from ..formats.pack.prepare import StoredCodec
from ..formats.pack.storage import exclusive
from ..formats.pack.transfer import transfer
from ..formats.pack.writer import PackResult, write_pack
from .bar import Bar
from .parts import parts_of
from .text import plural, ratio, reasons, shown_bytes

__all__ = ["Request", "run"]

_SHOWN_SKIPPED = 100
_COLUMN_DIGITS = 9
"""A number of more digits is no position of a column, but may be its name."""
_LMDB_FILES = ("data.mdb", "lock.mdb", "pack.lock")


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command line, under their names."""

    source: str
    destination: str
    images: str | None
    image_column: str | None
    label_column: tuple[str, ...]
    split: tuple[float, ...] | None
    classes_from: str | None
    to: str
    codec: StoredCodec | None
    resize: int | None
    quality: int | None
    workers: int
    shard_size: int
    shuffle: bool
    seed: int
    on_error: OnError
    overwrite: bool
    dry_run: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """A dataset to pack, and where to; `name` is empty where it is the only one."""

    name: str
    dataset: Dataset
    destination: Path
    options: PackOptions


def run(request: Request) -> None:
    """Packs what is asked for, and prints what was done."""
    _check_places(request)
    parts = list(_parts(request))
    _check_siblings(request, parts)
    results = [_planned(part) if request.dry_run else _packed(part, request) for part in parts]
    if request.as_json:
        click.echo(json.dumps({"destination": request.destination, "format": request.to, "parts": results}, indent=1))
    else:
        for result in results:
            click.echo(_sentence(result, request))
            if result.get("fallbacks"):
                click.echo(f"{result['path']}: stored encoded, as found: {reasons(result['fallbacks'])}")


def _check_places(request: Request) -> None:
    destination = Path(os.path.realpath(request.destination))
    for what, place in (("SRC", request.source), ("--images", request.images)):
        if place is not None and Path(os.path.realpath(place)) in (destination, *destination.parents):
            raise OptionError(
                f"DST ({request.destination}) must not be {what} ({place}) nor lie in it, because the source is never "
                "changed: name a destination beside it"
            )


def _check_siblings(request: Request, parts: list[_Part]) -> None:
    """Several parts go into a directory that holds nothing else."""
    top = Path(request.destination)
    if not parts[0].name or not os.path.isdir(top):
        return
    foreign = sorted({path.name for path in top.iterdir()} - {part.name for part in parts})
    if foreign:
        raise PackingError(
            f"{top}: expected an empty directory for {', '.join(part.name for part in parts)}, but it holds "
            f"{foreign[0]!r}; name another destination"
        )


def _parts(request: Request) -> Iterator[_Part]:
    places = parts_of(request.source)
    if request.split is not None and "" not in places:
        raise OptionError(f"--split: {request.source} is split already, into {', '.join(places)}; leave out --split")
    classes: Any = None if request.classes_from is None else _first_part(request.classes_from)
    for name, place in places.items():
        dataset = open_dataset(place, classes=classes, **_csv_options(request))
        if request.split is not None:
            yield from _split(request, dataset)
            return
        classes = classes if classes is not None or not dataset.classes else dataset.classes
        yield _Part(name, dataset, Path(request.destination, name), _options(request, {}))


def _first_part(path: str) -> Dataset:
    return open_dataset(next(iter(parts_of(path).values())))


def _split(request: Request, dataset: Dataset) -> Iterator[_Part]:
    fractions = request.split or ()
    names = ("train", "val", "test")[: len(fractions)]
    for name, part in zip(names, split(dataset, fractions, seed=request.seed), strict=True):
        if not len(part):
            raise OptionError(
                f"--split: {','.join(map(str, fractions))} leaves {name} none of the {plural(len(dataset), 'image')} "
                f"in {request.source}; give it a larger fraction"
            )
        selection = {"split": list(fractions), "split_seed": request.seed, "part": name}
        yield _Part(name, part, Path(request.destination, name), _options(request, selection))


def _csv_options(request: Request) -> dict[str, Any]:
    labels = [_column(name) for name in request.label_column]
    options = {
        "images": request.images,
        "image_column": None if request.image_column is None else _column(request.image_column),
        "label_column": None if not labels else labels[0] if len(labels) == 1 else labels,
    }
    return {name: value for name, value in options.items() if value is not None}


def _column(name: str) -> str | int:
    return int(name) if name.isdecimal() and len(name) <= _COLUMN_DIGITS else name


def _options(request: Request, selection: dict[str, Any]) -> PackOptions:
    columns = {"image_column": request.image_column, "label_column": list(request.label_column)}
    return PackOptions(
        codec=request.codec or ("dct" if request.to == "pack" else "encoded"),
        resize=request.resize,
        quality=request.quality,
        shard_size=request.shard_size,
        shuffle=request.shuffle,
        seed=request.seed,
        selection=selection | {name: value for name, value in columns.items() if value},
    )


def _planned(part: _Part) -> dict[str, Any]:
    plan = make_plan(part.dataset, part.options)
    shards = len(plan.bounds) - 1
    return _described(part) | {"images": plan.samples, "shards": shards, "bytes": plan.size, "dry_run": True}


def _packed(part: _Part, request: Request) -> dict[str, Any]:
    write = _to_pack if request.to == "pack" else _to_lmdb
    with Bar(f"packing {part.name}".rstrip()) as bar:
        try:
            result = write(part, request, bar)
        except RecordError as error:
            raise PackingError(f"{error}. {_way_on(request)}") from error
    _list_skipped(result)
    return _described(part) | {
        "images": result.samples,
        "shards": result.shards,
        "reused_shards": result.reused_shards,
        "bytes": result.size,
        "source_bytes": result.source_size,
        "codecs": dict(result.codecs),
        "fallbacks": dict(result.fallbacks),
        "skipped": [asdict(each) for each in result.skipped],
        "was_complete": result.was_complete,
    }


def _way_on(request: Request) -> str:
    """What to do after a stop at a bad image."""
    left_out = "With --on-error skip the same command leaves out such images, and lists them"
    if request.to == "lmdb":
        return left_out
    again = "without --overwrite it" if request.overwrite else "it"
    return f"{left_out}; finished shards stay, and {again} goes on after them"


def _to_pack(part: _Part, request: Request, bar: Bar) -> PackResult:
    return write_pack(
        part.dataset,
        part.destination,
        part.options,
        workers=request.workers,
        on_error=request.on_error,
        overwrite=request.overwrite,
        progress=bar,
    )


def _to_lmdb(part: _Part, request: Request, bar: Bar) -> PackResult:
    directory = part.destination
    foreign = sorted(set(os.listdir(directory)) - set(_LMDB_FILES)) if os.path.isdir(directory) else []
    foreign = [name for name in foreign if not name.startswith(".penstock-")]
    if foreign:
        raise PackingError(f"{directory}: expected an empty directory or an LMDB, but it holds {foreign[0]!r}")
    with exclusive(directory):
        for leftover in directory.glob(".penstock-*"):
            leftover.unlink()
        with LMDBWriter(directory / "data.mdb", classes=part.dataset.classes, overwrite=request.overwrite) as writer:
            result = transfer(
                part.dataset, writer, part.options, workers=request.workers, on_error=request.on_error, progress=bar
            )
            writer.commit()
    return result


def _described(part: _Part) -> dict[str, Any]:
    return {"name": part.name, "path": str(part.destination), "classes": len(part.dataset.classes)}


def _list_skipped(result: PackResult) -> None:
    for each in result.skipped[:_SHOWN_SKIPPED]:
        click.echo(f"left out {each.source}: {each.reason}", err=True)
    if len(result.skipped) > _SHOWN_SKIPPED:
        click.echo(f"left out {len(result.skipped) - _SHOWN_SKIPPED:,} more (pack.json lists all)", err=True)


def _sentence(result: dict[str, Any], request: Request) -> str:
    size = shown_bytes(result["bytes"])
    if not request.dry_run and result["bytes"] != result["source_bytes"]:
        size += f", {ratio(result['bytes'], result['source_bytes'])}"
    what = f"{plural(result['images'], 'image')} ({size}, {plural(result['classes'], 'class')})"
    shards = f" in {plural(result['shards'], 'shard')}" if request.to == "pack" else ""
    if request.dry_run:
        return f"{result['path']}: would hold {what}{shards}; nothing was written"
    if result["was_complete"]:
        return f"{result['path']}: already complete: {what}{shards}"
    skipped = f", {plural(len(result['skipped']), 'image')} left out" if result["skipped"] else ""
    reused = f", {plural(result['reused_shards'], 'shard')} from an earlier run" if result["reused_shards"] else ""
    return f"{result['path']}: packed {what}{shards}{skipped}{reused}"
