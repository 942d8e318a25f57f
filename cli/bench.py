"""What `penstock bench` does."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from .. import _core
from .._machine import processor_name, usable_cores
from ..errors import PenstockError
from ..formats import open_dataset
from ..formats.registry import kind_of
from ..record import Codec
from .bar import Bar
from .chart import draw_chart
from .output import check_output
from .parts import parts_of
from .program import late
from .rates import Rate, Rates
from .selection import Selection, select
from .text import plural, shown_bytes, wrapped

if TYPE_CHECKING:
    from .contestants import Contestant

__all__ = ["BenchRequest", "bench"]

LEAST_WIDTH = 80


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """The options of the command line, under their names; `workers` None: one per core that can be used."""

    path: str
    size: int
    batch_size: int
    workers: int | None
    seconds: float
    rounds: int
    output: str
    as_json: bool


def bench(request: BenchRequest) -> None:
    """Measures the dataset at `path`, or its training part, and prints and draws what was found."""
    check_output(request.output)
    contestants = _contestants()
    workers = usable_cores() if request.workers is None else request.workers
    place = next(iter(parts_of(request.path).values()))
    dataset = open_dataset(place)
    with Bar("trying images") as bar:
        selection = select(dataset, bar.advance)
    settings = contestants.Settings(request.size, request.batch_size, workers)
    found = measure(contestants.contestants_for(selection, settings), request.rounds, request.seconds)
    is_dct = sum(image.codec == Codec.DCT for image in selection.images) > len(selection.images) / 2
    rates = Rates(found, selection.mean_bytes, kind_of(place), is_dct=is_dct)
    if request.as_json:
        click.echo(json.dumps(_content(request, workers, place, selection, rates), indent=1))
    else:
        for line in _lines(request, place, selection, rates):
            click.echo(line)
    _draw(request, place, selection, rates)


def measure(contestants: Sequence[Contestant], rounds: int, seconds: float) -> list[Rate]:
    """Rounds in which each takes a turn, so that a change in the machine's load meets all of them."""
    turns: dict[int, list[float]] = {number: [] for number in range(len(contestants))}
    total = rounds * len(contestants)
    with tqdm(total=total, desc="measuring", unit=" turns", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for _ in range(rounds):
            for number, contestant in enumerate(contestants):
                turn = contestant.turn(seconds)
                if turn is not None and turn.images:
                    turns[number].append(turn.images / turn.seconds)
                bar.update()
    return [Rate(each.name, each.output, each.threads, tuple(turns[number])) for number, each in enumerate(contestants)]


def _contestants() -> ModuleType:
    """The module that measures; it needs torch."""
    try:
        return late("contestants")
    except ImportError as error:
        raise PenstockError(
            f"bench measures loaders, which need torch, and it can't be loaded: {error}; run pip install torch"
        ) from error


def _lines(request: BenchRequest, place: str, selection: Selection, rates: Rates) -> Iterator[str]:
    yield f"{place}: {_measured(selection)}"
    if selection.bad:
        tried = len(selection.images) + len(selection.bad)
        yield f"left out: {len(selection.bad):,} of {plural(tried, 'image')} that were tried; {selection.bad[0]}"
    yield f"{_machine()}; {_work(request)}; {plural(request.rounds, 'round')} of {request.seconds:g} s, medians"
    yield ""
    yield from _table(rates)
    if not any(title.startswith("read, from storage") for title in rates.titles):
        yield ""
        yield "Reading from storage was not measured: the system kept the data in memory, or can't say where it was."
    width = max(shutil.get_terminal_size().columns, LEAST_WIDTH)
    for text in (rates.comparison(), rates.bound()):
        yield from ("", *wrapped(text, width)) if text else ()


def _table(rates: Rates) -> Iterator[str]:
    """A row for each work, and for each number of threads: images/s, MB/s of stored bytes, times torch's loader."""
    width = max(map(len, rates.titles))
    yield " " * width + "".join(f"{plural(threads, 'thread'):>33}" for threads in rates.threads)
    yield " " * width + f"{'images/s':>13}{'MB/s':>10}{'x torch':>10}" * len(rates.threads)
    for title in rates.titles:
        cells = [_cells(rates, rates.find(title, threads)) for threads in rates.threads]
        yield f"{title:<{width}}{''.join(cells)}".rstrip()


def _cells(rates: Rates, rate: Rate | None) -> str:
    if rate is None:
        return f"{'-':>13}{'-':>10}{'':>10}"
    times = rates.times_torch(rate)
    shown = "" if times is None else f"{times:.1f}"
    return f"{rate.images_per_second:>13,.0f}{rates.megabytes_per_second(rate):>10,.1f}{shown:>10}"


def _draw(request: BenchRequest, place: str, selection: Selection, rates: Rates) -> None:
    title = f"{Path(place).resolve().name}: {_measured(selection)}"
    drawn = draw_chart(rates, Path(request.output), title=title, subtitle=f"{_work(request)}, on {_machine()}")
    if drawn:
        click.echo(f"chart: {request.output}", err=True)
    else:
        click.echo("no chart: matplotlib is not installed; run pip install matplotlib", err=True)


def _measured(selection: Selection) -> str:
    count, total = len(selection.images), len(selection.dataset)
    which = plural(total, "image") if count == total else f"{count:,} of {plural(total, 'image')}"
    return f"{type(selection.dataset).__name__}, {which}, {shown_bytes(selection.mean_bytes)} each"


def _work(request: BenchRequest) -> str:
    return f"RandomResizedCrop({request.size}) and flip, batches of {request.batch_size}"


def _machine() -> str:
    return f"{processor_name()}, {plural(usable_cores(), 'core')}, {_core.simd_levels()[-1]}"


def _content(request: BenchRequest, workers: int, place: str, selection: Selection, rates: Rates) -> dict[str, Any]:
    """All of it, for --json."""
    return {
        "path": place,
        "kind": rates.kind,
        "images": len(selection.dataset),
        "measured_images": len(selection.images),
        "mean_bytes": rates.mean_bytes,
        "bad": list(selection.bad),
        "machine": {
            "processor": processor_name(),
            "cores": usable_cores(),
            "instruction_set": _core.simd_levels()[-1],
        },
        "settings": {
            "size": request.size,
            "batch_size": request.batch_size,
            "workers": workers,
            "seconds": request.seconds,
            "rounds": request.rounds,
        },
        "rates": [_rate(rates, rate) for rate in rates.rates],
        "comparison": rates.comparison(),
        "bound": rates.bound(),
    }


def _rate(rates: Rates, rate: Rate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "output": rate.output or None,
        "threads": rate.threads,
        "images_per_second": rate.images_per_second,
        "megabytes_per_second": rates.megabytes_per_second(rate),
        "times_torch": rates.times_torch(rate),
        "turns": list(rate.turns),
    }
