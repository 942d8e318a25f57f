"""What an image of a pack costs, stage by stage: `python -m benchmarks.stages`. Rules: README.md beside this file."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penstock import _core
from penstock.formats import Pack, open_dataset
from penstock.record import Codec

from . import results
from .contestants import CONTESTANTS
from .environment import ROOT, child_environment
from .images import add_data_option, data_folder, image_files, repeated
from .session import ContestantError, keep_to, prepare
from .stages_report import markdown

__all__ = ["main"]

VERSION = 1
IMAGES = 680
"""Records in a round."""
COLD_RUNS = 3
CODECS = ("dct", "encoded")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=7, help="passes over the records, for each level (default: 7)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    return parser.parse_args()


def make_packs(data: Path, scratch: Path) -> dict[str, Path]:
    """A pack of each codec, of many links to the images."""
    repeated(data, scratch / "images")
    packs = {}
    for codec in CODECS:
        contestant = next(each for each in CONTESTANTS if each.form == codec)
        packs[codec] = scratch / codec
        print(f"packing: {codec}", file=sys.stderr)
        prepare(contestant, Path(sys.executable), scratch / "images", packs[codec])
    return packs


def record_lines(packs: dict[str, Path]) -> tuple[str, dict[str, float]]:
    """What `stages` reads: codec, offset, length and path of records spread over each pack; and their mean lengths."""
    lines, mean_bytes = [], {}
    for codec, path in packs.items():
        pack = open_dataset(path)
        if not isinstance(pack, Pack):
            raise ContestantError(f"{path} is not a pack")
        indices = np.linspace(0, len(pack) - 1, min(IMAGES, len(pack))).astype(np.int64)
        records = pack.records(indices)
        wanted = np.flatnonzero(records.codec == Codec[codec.upper()])
        mean_bytes[codec] = float(records.length[wanted].mean())
        lines += [f"{codec} {records.offset[k]} {records.length[k]} {records.paths[records.file[k]]}" for k in wanted]
    return "\n".join(lines) + "\n", mean_bytes


def build_program() -> str:
    """Builds `core/benchmarks`, and gives the path of its program."""
    done = subprocess.run(
        ["make", "-s", "-j", "-C", str(ROOT / "core" / "benchmarks")], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ContestantError(f"core/benchmarks does not build:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def run_stages(program: str, what: str, levels: Iterable[str], rounds: int, lines: str) -> list[dict[str, Any]]:
    """The lines that `stages` prints, on one core."""
    print(f"timing stages: {what}", file=sys.stderr)
    done = subprocess.run(
        [program, what, ",".join(levels), str(rounds)],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: keep_to(1),  # this process has no threads
    )
    if done.returncode:
        raise ContestantError(done.stderr.strip())
    return [line for line in map(json.loads, done.stdout.splitlines()) if line.get("level") != "warm-up"]


def run_cold(packs: dict[str, Path]) -> dict[str, list[dict[str, float]]]:
    """Epochs of the loader on packs that the file cache has forgotten, on one core, by turns."""
    found: dict[str, list[dict[str, float]]] = {codec: [] for codec in packs}
    for _ in range(COLD_RUNS):
        for codec, path in packs.items():
            print(f"loading from storage: {codec}", file=sys.stderr)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.cold", str(path)],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                env=child_environment(),
                preexec_fn=lambda: keep_to(1),  # this process has no threads
            )
            if done.returncode:
                raise ContestantError(done.stderr.strip())
            found[codec].append(json.loads(done.stdout))
    return found


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Prepares the data, measures, and gives the whole result."""
    levels: Sequence[str] = _core.simd_levels()[::-1]
    with tempfile.TemporaryDirectory(prefix="penstock-stages-") as place:
        data = data_folder(given, Path(place))
        packs = make_packs(data, Path(place))
        lines, mean_bytes = record_lines(packs)
        program = build_program()
        body = {
            "data": {"name": data.name, "images": len(image_files(data))},
            "rounds": given.rounds,
            "levels": levels,
            "record_bytes": mean_bytes,
            "crop": run_stages(program, "crop", levels, given.rounds, lines),
            "whole": run_stages(program, "whole", levels[:1], given.rounds, lines),
            "cold": run_cold(packs),
        }
    return results.stamped("stages", VERSION, body)


def main() -> None:
    """Runs the suite, writes the result and prints its tables."""
    given = arguments()
    try:
        result = run(given)
    except (ContestantError, ValueError) as error:
        sys.exit(f"benchmarks.stages: {error}")
    text = markdown(result)
    path = results.write(result, text, given.output)
    print(text)
    print(f"\nwritten to {path} and .md", file=sys.stderr)


if __name__ == "__main__":
    main()
