"""Packing: a source dataset -> a plan -> one job per shard -> workers -> the index."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ...errors import DatasetError, PackingError
from ...record import Codec
from ..base import Dataset
from .index import Index, write_index
from .job import OnError, SamplePreparer, ShardPacker, stretches, write_shard
from .layout import INDEX_NAME, MANIFEST_NAME
from .manifest import Manifest
from .parquet import write_parquet
from .plan import PackOptions, Plan, ShardJob, difference, make_plan
from .rows import Rows
from .shard import Footer, Skipped, read_footer
from .storage import PLAN_NAME, exclusive, new_file, remove_pack, remove_temporaries, require_free
from .workers import run_jobs

__all__ = ["NoProgress", "PackResult", "Progress", "write_pack"]


class Progress(Protocol):
    """What a packing run tells about itself while it runs."""

    def start(self, samples: int, done: int) -> None:
        """There are `samples` in all; `done` of them rest in shards that an earlier run has finished."""
        ...

    def advance(self, samples: int, size: int) -> None:
        """`samples` more are done, `size` bytes stored."""
        ...


class NoProgress:
    """Progress that nobody looks at."""

    def start(self, samples: int, done: int) -> None:
        del samples, done

    def advance(self, samples: int, size: int) -> None:
        del samples, size


@dataclass(frozen=True, slots=True)
class PackResult:
    """What a packing run has made.

    Attributes:
        samples: in the pack.
        shards: in the pack.
        reused_shards: of them, those that an earlier run had finished.
        size: bytes of all records.
        source_size: bytes of all samples of the source, with those that were left out.
        codecs: name of a codec -> number of records.
        fallbacks: why records are stored `encoded` although `dct` was asked for: reason -> number of records.
        skipped: samples that were left out.
        was_complete: the pack was there already, with the same options and source; nothing was done.
    """

    samples: int
    shards: int
    reused_shards: int
    size: int
    source_size: int
    codecs: Mapping[str, int]
    fallbacks: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    was_complete: bool

    @classmethod
    def of(cls, manifest: Manifest, plan: Plan, reused_shards: int, *, was_complete: bool) -> PackResult:
        """What the manifest of a pack by this plan says."""
        return cls(
            samples=manifest.samples,
            shards=manifest.shards,
            reused_shards=reused_shards,
            size=manifest.size,
            source_size=plan.size,
            codecs=manifest.codecs,
            fallbacks=manifest.fallbacks,
            skipped=tuple(Skipped(entry["source"], entry["reason"]) for entry in manifest.skipped),
            was_complete=was_complete,
        )


def write_pack(
    source: Dataset,
    destination: Path,
    options: PackOptions | None = None,
    *,
    workers: int = 0,
    on_error: OnError = "raise",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PackResult:
    """Packs `source` into the directory `destination`; goes on where a killed run with the same options stopped.

    Every image is read in full to see that it is whole. The bytes written don't depend on `workers`.

    Args:
        workers: processes; 0 does everything in this one. With others, a script needs the usual
            `if __name__ == "__main__"`, and `source` is pickled.
        on_error: "raise" stops at a bad sample (finished shards stay); "skip" leaves it out and lists it in pack.json.
        overwrite: remove the pack, finished or not, that is in `destination`.

    Raises:
        RecordError: a sample is bad. DatasetError: the source is empty.
        PackingError: no room; or `destination` holds something else, or a pack of another source or other options.
    """
    chosen = options if options is not None else PackOptions()
    require_free(destination)
    plan = make_plan(source, chosen)
    with exclusive(destination):
        if overwrite:
            remove_pack(destination)
        done = _settled(destination, plan, on_error)
        if isinstance(done, PackResult):
            return done
        packer = ShardPacker(source, chosen.preparation, on_error, destination, plan.pack_id)
        with _cleared(destination):
            _pack(packer, plan, done, workers, progress if progress is not None else NoProgress())
            return _finish(destination, plan, len(done))


def _settled(directory: Path, plan: Plan, on_error: OnError) -> PackResult | set[int]:
    """The result of a finished pack, or the numbers of shards that are finished; plan.json is written then."""
    if (directory / INDEX_NAME).exists():
        return _complete(directory, plan)
    remove_temporaries(directory)
    path = directory / PLAN_NAME
    if path.exists():
        _check_same(directory, _recorded(path), plan)
        return _finished_shards(directory, plan, on_error)
    if list(directory.glob("shard-*")):
        raise _refusal(directory, f"it holds shards without a {PLAN_NAME} that says what they are of")
    with new_file(path) as file:
        file.write(json.dumps(plan.record, indent=1).encode() + b"\n")
    return set()


def _complete(directory: Path, plan: Plan) -> PackResult:
    try:
        manifest = Index(directory).manifest
    except DatasetError as error:
        raise _refusal(directory, f"it holds a damaged pack ({error})") from error
    _check_same(directory, {"options": manifest.options, "classes": manifest.classes, "source": manifest.source}, plan)
    (directory / PLAN_NAME).unlink(missing_ok=True)
    return PackResult.of(manifest, plan, manifest.shards, was_complete=True)


def _recorded(path: Path) -> dict[str, Any]:
    try:
        recorded = json.loads(path.read_bytes())
        if (
            isinstance(recorded, dict)
            and isinstance(recorded["options"], dict)
            and isinstance(recorded["source"], dict)
        ):
            return recorded
    except (OSError, ValueError, KeyError):
        pass
    raise _refusal(path.parent, f"its {PLAN_NAME} can't be read")


def _check_same(directory: Path, recorded: dict[str, Any], plan: Plan) -> None:
    differing = difference(recorded, plan)
    if differing is not None:
        raise _refusal(directory, f"it holds a pack that was made otherwise: {differing}")


def _refusal(directory: Path, why: str) -> PackingError:
    return PackingError(
        f"{directory} is left as it is, because {why}. Use --overwrite (overwrite=True) to replace it, or name another "
        "destination"
    )


def _finished_shards(directory: Path, plan: Plan, on_error: OnError) -> set[int]:
    finished = set()
    for number in range(len(plan.bounds) - 1):
        try:
            footer = read_footer(directory, number)
        except DatasetError:
            continue
        if footer.header.pack_id != plan.pack_id:
            continue
        if footer.skipped and on_error == "raise":
            raise _refusal(
                directory, f"--on-error was skip, now it is raise, and {footer.skipped[0].source} has been skipped"
            )
        finished.add(number)
    return finished


def _pack(packer: ShardPacker, plan: Plan, done: set[int], workers: int, progress: Progress) -> None:
    jobs = [job for job in plan.jobs if job.number not in done]
    progress.start(plan.samples, plan.samples - sum(len(job.indices) for job in jobs))
    if len(jobs) < workers:
        _pack_few(packer, jobs, workers, progress)
        return
    for _ in run_jobs(packer, jobs, workers=workers, report=progress.advance):
        pass


def _pack_few(packer: ShardPacker, jobs: Sequence[ShardJob], workers: int, progress: Progress) -> None:
    """Fewer shards than workers: the workers share the samples of each shard, and this process writes it."""
    preparer = SamplePreparer(packer.source, packer.preparation, packer.on_error)
    parts = [stretches(job.indices) for job in jobs]
    every = [stretch for part in parts for stretch in part]
    prepared = run_jobs(preparer, every, workers=min(workers, len(every)), report=progress.advance, ordered=True)
    with contextlib.closing(prepared):
        for job, part in zip(jobs, parts, strict=True):
            samples = itertools.chain.from_iterable(itertools.islice(prepared, len(part)))
            write_shard(packer.directory, job.number, packer.pack_id, packer.source.labels, samples)


@contextlib.contextmanager
def _cleared(directory: Path) -> Iterator[None]:
    """Leaves no temporary file behind and, where no shard was finished, no plan either."""
    try:
        yield
    finally:
        remove_temporaries(directory)
        if not list(directory.glob("shard-*")):
            (directory / PLAN_NAME).unlink(missing_ok=True)


def _finish(directory: Path, plan: Plan, reused: int) -> PackResult:
    footers = [read_footer(directory, number) for number in range(len(plan.bounds) - 1)]
    rows = Rows.joined([footer.rows for footer in footers])
    manifest = _manifest(plan, rows, footers)
    if not len(rows):
        raise PackingError(
            f"{directory}: none of the {plan.samples} samples could be packed; the first: "
            f"{manifest.skipped[0]['reason']}"
        )
    content = manifest.to_bytes()
    with new_file(directory / MANIFEST_NAME) as file:
        file.write(content)
    write_parquet(directory, rows, plan.classes)
    write_index(directory, rows, [footer.size for footer in footers], content, plan.pack_id)
    (directory / PLAN_NAME).unlink()
    return PackResult.of(manifest, plan, reused, was_complete=False)


def _manifest(plan: Plan, rows: Rows, footers: Sequence[Footer]) -> Manifest:
    codecs = np.bincount(rows.codec, minlength=256)
    fallbacks = sum((Counter(footer.fallbacks) for footer in footers), Counter[str]())
    label = {"name": "label", "type": rows.label.dtype.name, "shape": list(rows.label.shape[1:])}
    return Manifest(
        pack_id=plan.pack_id,
        fields=[
            {"name": "image", "type": "image", "shape": []},
            label,
            {"name": "name", "type": "string", "shape": []},
        ],
        classes=plan.classes,
        options=plan.options.to_dict(),
        source=plan.source,
        lossy=plan.options.preparation.lossy,
        samples=len(rows),
        shards=len(footers),
        size=int(rows.length.sum()),
        codecs={codec.name.lower(): int(codecs[codec]) for codec in Codec if codecs[codec]},
        fallbacks=dict(sorted(fallbacks.items())),
        skipped=[asdict(each) for footer in footers for each in footer.skipped],
    )
