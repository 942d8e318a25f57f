"""Loading throughput beside torch's DataLoader: `python -m benchmarks.loader` (or `make bench`). Rules: README.md."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .candidates import BATCH_SIZE, CANDIDATES, SIZE_PX
from .environment import ROOT, child_environment, describe
from .images import MADE_COUNT, make_photographs, pack
from .report import plot, table

__all__ = ["main"]

RESULTS = Path(__file__).resolve().parent / "results"
VERSION = 1


def arguments() -> argparse.Namespace:
    """The command line."""
    default = os.environ.get("PENSTOCK_TEST_IMAGES")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loader", description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(default) if default else None,
        help=f"an image folder (default: $PENSTOCK_TEST_IMAGES, else {MADE_COUNT} photographs made on the spot)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each candidate runs, in turn (default: 5)")
    parser.add_argument("--epochs", type=int, default=2, help="timed epochs in each run (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="worker threads or processes, and cores (default: 1)")
    parser.add_argument("--output", type=Path, help="the JSON result (default: a new file in benchmarks/results/)")
    parser.add_argument("--plot", type=Path, help="also write a PNG (needs matplotlib)")
    return parser.parse_args()


def measure(name: str, folder: Path, packed: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run of one candidate, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.measure", name, "--folder", str(folder), "--pack", str(packed)]
    command += ["--workers", str(given.threads), "--epochs", str(given.epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=child_environment())
    if done.returncode:
        raise RuntimeError(f"{name!r} failed with status {done.returncode}:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def run_rounds(folder: Path, packed: Path, given: argparse.Namespace) -> dict[str, Any]:
    """All rounds; candidates take turns, so that a change in the machine's load meets each of them."""
    speeds: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    engines, images = {}, 0
    for number in range(1, given.rounds + 1):
        for name in CANDIDATES:
            measured = measure(name, folder, packed, given)
            images, engines[name] = measured["images"], measured["engine"]
            speeds[name] += [images / seconds for seconds in measured["seconds"]]
            print(f"round {number} of {given.rounds}: {speeds[name][-1]:6.0f} images/s  {name}", file=sys.stderr)
    return {"images": images, "engines": engines, "images_per_second": speeds}


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Prepares the data, measures, and gives the whole result."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as scratch:
        folder = given.data or make_photographs(Path(scratch, "photographs"))
        packed = pack(folder, Path(scratch, "pack"))
        rounds = run_rounds(folder, packed, given)
    return {
        "suite": "loader",
        "version": VERSION,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "data": given.data.name if given.data else "photographs of scikit-learn",
        "batch_size": BATCH_SIZE,
        "size_px": SIZE_PX,
        "workers": given.threads,
        "rounds": given.rounds,
        "epochs": given.epochs,
        **rounds,
        "environment": describe(),
    }


def result_path(result: dict[str, Any]) -> Path:
    """Where the result goes when nobody says: suite, day, processor and cores."""
    processor = re.sub(r"[^a-z0-9]+", "-", result["environment"]["processor"].lower()).strip("-")
    return RESULTS / f"loader-{result['date'][:10]}-{processor}-{result['workers']}-core.json"


def main() -> None:
    """Runs the suite, writes the result and prints its table."""
    given = arguments()
    if given.data is not None and not given.data.is_dir():
        sys.exit(f"benchmarks.loader: --data must be an image folder, and {given.data} is none")
    if min(given.rounds, given.epochs, given.threads) < 1:
        sys.exit("benchmarks.loader: --rounds, --epochs and --threads must be 1 or more")
    result = run(given)
    path = given.output or result_path(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    print(f"\nwritten to {path}", file=sys.stderr)
    if given.plot:
        plot(result, given.plot)
        print(f"plotted to {given.plot}", file=sys.stderr)


if __name__ == "__main__":
    main()
