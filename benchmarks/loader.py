"""Images per second of Penstock, of other loaders and of libjpeg-turbo alone: `python -m benchmarks.loader`.

Everybody does the same work on the same JPEG files, on one core. Rules and remarks: README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import results
from .contestants import CONTESTANTS, Contestant, chosen
from .images import add_data_option, data_folder, image_files, repeated
from .libjpeg import build
from .peers.protocol import BATCH_SIZE, SIZE_PX
from .report import markdown
from .session import ContestantError, Session, command_of, end_on_signals, prepare

__all__ = ["main"]

VERSION = 2


def arguments() -> argparse.Namespace:
    """The command line."""
    peers = os.environ.get("PENSTOCK_PEERS")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__)
    add_data_option(parser)
    parser.add_argument(
        "--peers",
        type=Path,
        default=Path(peers) if peers else None,
        help="folder of the peers' environments, made by benchmarks/peers/make_venvs.sh (default: $PENSTOCK_PEERS)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant (default: 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn, at least (default: 2)")
    parser.add_argument("--only", metavar="NAMES", help="ids, or starts of ids, separated by commas")
    parser.add_argument("--list", action="store_true", help="list the contestants and end")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    return parser.parse_args()


class Field:
    """The contestants of a run: prepared, started, and left out where that fails.

    Attributes:
        sessions: those that run, by id.
        left_out: why others don't, by name.
    """

    def __init__(self, data: Path, scratch: Path, peers: Path | None) -> None:
        self.sessions: dict[str, Session] = {}
        self.left_out: dict[str, str] = {}
        self._data = data
        self._folder = scratch / "images"
        self._scratch = scratch
        self._peers = peers
        self._prepared: set[str] = set()
        self.repetitions = repeated(data, self._folder)

    def add(self, contestant: Contestant, stack: ExitStack) -> None:
        """Prepares and starts one."""
        own = not contestant.environment
        try:
            command = self._command(contestant)
            print(f"starting {contestant.id}", file=sys.stderr)
            session = Session(command, threads=contestant.threads, own=own)
        except ContestantError as error:
            if own:
                raise ContestantError(f"{contestant.id}: {error}") from error
            self.drop(contestant, str(error))
            return
        stack.callback(session.close)
        self.sessions[contestant.id] = session

    def warm(self, contestant: Contestant) -> None:
        """Reads what a contestant reads, so that it is in the file cache: a system may have thrown it out meanwhile."""
        place = self._scratch / contestant.form if contestant.form else self._data
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                with file.open("rb", buffering=0) as opened:
                    while opened.read(1 << 20):
                        pass

    def drop(self, contestant: Contestant, reason: str) -> None:
        """Goes on without one."""
        print(f"left out: {contestant.id}: {reason}", file=sys.stderr)
        self.left_out[contestant.id] = reason
        self.sessions.pop(contestant.id, None)

    def _command(self, contestant: Contestant) -> list[str]:
        if contestant.group == "libjpeg-turbo":
            return [str(build(self._scratch)), contestant.variant, str(self._data)]
        python = self._python(contestant)
        target = self._scratch / (contestant.form or contestant.module)
        if contestant.form and contestant.form not in self._prepared:
            print(f"preparing {contestant.form}", file=sys.stderr)
            prepare(contestant, python, self._folder, target)
            self._prepared.add(contestant.form)
        return command_of(contestant, python, "run", self._folder, target)

    def _python(self, contestant: Contestant) -> Path:
        if not contestant.environment:
            return Path(sys.executable)
        if self._peers is None:
            raise ContestantError("no folder of peers was given (--peers, $PENSTOCK_PEERS)")
        python = self._peers.absolute() / contestant.environment / "bin" / "python"
        if not python.exists():
            raise ContestantError(f"{contestant.environment} is not installed")
        return python


def run_rounds(contestants: Sequence[Contestant], field: Field, given: argparse.Namespace) -> dict[str, Any]:
    """All rounds; contestants take turns, so that a change in the machine's load meets each of them."""
    turns: dict[str, list[dict[str, float]]] = {each.id: [] for each in contestants}
    for number in range(1, given.rounds + 1):
        for contestant in [each for each in contestants if each.id in field.sessions]:
            field.warm(contestant)
            try:
                turn = field.sessions[contestant.id].turn(given.seconds)
            except ContestantError as error:
                if not contestant.environment:
                    raise
                field.drop(contestant, f"round {number}: {error}")
                turns[contestant.id] = []
                continue
            turns[contestant.id].append(turn)
            rate = turn["images"] / turn["seconds"]
            print(f"round {number} of {given.rounds}: {rate:8,.0f} images/s  {contestant.id}", file=sys.stderr)
    return turns


def described(contestant: Contestant, session: Session, turns: list[dict[str, float]]) -> dict[str, Any]:
    """What a result says about a contestant."""
    return {
        "id": contestant.id,
        "name": contestant.name,
        "group": contestant.group,
        "output": contestant.output,
        "threads": contestant.threads,
        "note": contestant.note,
        **session.hello,
        "turns": turns,
    }


def run(contestants: Sequence[Contestant], given: argparse.Namespace) -> dict[str, Any]:
    """Prepares the data, measures, and gives the whole result."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as place, ExitStack() as stack:
        scratch = Path(place)
        data = data_folder(given, scratch)
        field = Field(data, scratch, given.peers)
        for contestant in contestants:
            field.add(contestant, stack)
        turns = run_rounds(contestants, field, given)
        sizes = [path.stat().st_size for path in image_files(data)]
        return results.stamped(
            "loader",
            VERSION,
            {
                "data": {
                    "name": data.name,
                    "images": len(sizes),
                    "mean_bytes": sum(sizes) / len(sizes),
                    "repetitions": field.repetitions,
                },
                "batch_size": BATCH_SIZE,
                "size_px": SIZE_PX,
                "rounds": given.rounds,
                "turn_seconds": given.seconds,
                "contestants": [
                    described(each, field.sessions[each.id], turns[each.id])
                    for each in contestants
                    if each.id in field.sessions
                ],
                "left_out": field.left_out,
            },
        )


def list_contestants() -> None:
    """Prints ids and names."""
    for each in CONTESTANTS:
        print(f"{each.id:20} {each.name}{f', {each.output}' if each.output else ''}")


def draw(result: dict[str, Any], path: Path) -> None:
    """Writes the picture, where matplotlib is there."""
    try:
        from .plot import plot

        plot(result, path)
    except ImportError:
        print("no picture: matplotlib is missing (pip install 'penstock[plot]')", file=sys.stderr)


def main() -> None:
    """Runs the suite, writes the result and prints its tables."""
    given = arguments()
    if given.list:
        list_contestants()
        return
    if given.rounds < 1 or given.seconds <= 0:
        sys.exit("benchmarks.loader: --rounds must be 1 or more, --seconds more than 0")
    end_on_signals()
    try:
        result = run(chosen(given.only), given)
    except (ContestantError, ValueError) as error:
        sys.exit(f"benchmarks.loader: {error}")
    text = markdown(result)
    path = results.write(result, text, given.output)
    draw(result, path.with_suffix(".png"))
    print(text)
    print(f"\nwritten to {path}, .md and .png", file=sys.stderr)


if __name__ == "__main__":
    main()
