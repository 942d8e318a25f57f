"""The table of contestants, and the protocol in which they are measured. Nothing here measures speed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import contestants, loader, targets
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.environment import ROOT, child_environment
from benchmarks.libjpeg import build
from benchmarks.peers import protocol
from benchmarks.session import ContestantError, Session, command_of, prepare
from PIL import Image
from support.waiting import state_of, wait_until

VENVS = (ROOT / "benchmarks" / "peers" / "make_venvs.sh").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder of three photographs, one of them grey."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    for name, mode in (("a/0.jpg", "RGB"), ("a/1.jpg", "L"), ("b/0.jpg", "RGB")):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).convert(mode).save(path)
    return tmp_path / "images"


def test_names_are_unique_and_targets_known() -> None:
    ids = [each.id for each in CONTESTANTS]
    assert len(set(ids)) == len(ids)
    assert {id_ for target in targets.TARGETS for id_ in target.above} <= set(ids)
    labels = [(each.name, each.output) for each in CONTESTANTS]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda each: each.id)
def test_contestant_has_its_adapter_and_environment(contestant: Contestant) -> None:
    if contestant.module:
        assert (ROOT / "benchmarks" / "peers" / f"{contestant.module}.py").exists()
    if contestant.environment:
        assert f"    {contestant.environment})" in VENVS


def test_contestants_are_chosen_by_the_start_of_their_names() -> None:
    assert [each.id for each in contestants.chosen("ffcv, decode")] == ["decode", "ffcv-uint8", "ffcv-float32"]
    assert contestants.chosen(None) == CONTESTANTS
    with pytest.raises(ValueError, match="nobody is called 'ffvc'"):
        contestants.chosen("decode,ffvc")


def test_list_names_all(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["loader", "--list"])
    loader.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [each.id for each in CONTESTANTS]


def test_a_turn_counts_images_after_a_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "WARM_UP_SECONDS", 0.0)
    taken = []

    def batches() -> Iterator[Any]:
        while True:
            time.sleep(0.001)
            taken.append(1)
            yield [np.zeros((4, 3, 2, 2), np.uint8), np.zeros(4)]

    turn = protocol.timed(batches(), 0.02)
    assert turn["seconds"] >= 0.02
    assert turn["images"] == 4 * (len(taken) - protocol.WARM_UP_BATCHES)


@pytest.mark.parametrize("batch", [np.zeros((2, 3), np.uint8), (np.zeros((2, 3), np.uint8), 1)])
def test_batches_are_described(batch: Any) -> None:
    assert protocol.described(batch) == "uint8 (2, 3)"


def session(tmp_path: Path, program: str) -> Session:
    """A contestant that runs a program of its own."""
    path = tmp_path / "contestant.py"
    path.write_text(textwrap.dedent(program))
    return Session([sys.executable, str(path)], threads=1, own=True)


def test_session_says_hello_and_takes_turns_however_much_its_library_prints(tmp_path: Path) -> None:
    program = """
        import os
        from benchmarks.peers.protocol import serve
        def start():
            os.write(1, b"a library says something")
            return {"batch": "none"}, lambda seconds: {"images": 10 * seconds}
        serve(start)
        """
    running = session(tmp_path, program)
    try:
        assert running.hello == {"batch": "none"}
        assert [running.turn(seconds) for seconds in (1.5, 2)] == [{"images": 15}, {"images": 20}]
    finally:
        running.close()


def test_session_is_stopped_between_turns(tmp_path: Path) -> None:
    program = """
        import os, subprocess, sys
        from benchmarks.peers.protocol import serve
        def start():
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
            return {"pids": [os.getpid(), child.pid]}, lambda seconds: {"images": 1}
        serve(start)
        """
    running = session(tmp_path, program)
    try:
        for _ in range(3):
            wait_until(lambda: [state_of(pid) for pid in running.hello["pids"]] == ["T", "T"])
            assert running.turn(1) == {"images": 1}
    finally:
        running.close()


def test_session_that_ends_gives_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ContestantError, match="ImportError: no such library"):
        session(tmp_path, "raise ImportError('no such library')")
    running = session(tmp_path, "print('{}', flush=True); input(); raise SystemExit('not today')")
    try:
        with pytest.raises(ContestantError, match="not today"):
            running.turn(1)
    finally:
        running.close()


def test_nobody_is_left_behind_when_the_runner_is_ended(tmp_path: Path) -> None:
    program = """
        import sys
        from benchmarks.session import Session, end_on_signals
        end_on_signals()
        session = Session([sys.executable, "-c", "print('{}', flush=True); input()"], threads=1, own=True)
        try:
            print(session._process.pid, flush=True)
            sys.stdin.read()
        finally:
            session.close()
        """
    path = tmp_path / "runner.py"
    path.write_text(textwrap.dedent(program))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(path)], env=child_environment(), **pipes) as runner:
        contestant = int(runner.stdout.readline())
        os.kill(contestant, 0)
        runner.terminate()
    assert runner.returncode == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(contestant, 0)


def by_id(id_: str) -> Contestant:
    return next(each for each in CONTESTANTS if each.id == id_)


@pytest.mark.parametrize("id_", ["folder-uint8", "folder-float32", "pillow-uint8"])
def test_adapter_gives_batches(id_: str, folder: Path, tmp_path: Path) -> None:
    contestant = by_id(id_)
    command = command_of(contestant, Path(sys.executable), "run", folder, tmp_path / "nothing")
    running = Session(command, threads=1, own=True)
    try:
        assert running.hello["batch"] == f"{contestant.output} (64, 3, 224, 224)"
        turn = running.turn(0.01)
        assert turn["images"] % 64 == 0
        assert turn["images"] > 0
    finally:
        running.close()


def test_preparing_tells_what_went_wrong(tmp_path: Path) -> None:
    nobody = replace(by_id("folder-uint8"), module="nobody")
    with pytest.raises(ContestantError, match=r"No module named benchmarks\.peers\.nobody"):
        prepare(nobody, Path(sys.executable), tmp_path / "nothing", tmp_path / "pack")


def test_yardstick_counts_each_file_once(folder: Path, tmp_path: Path) -> None:
    (folder / "b" / "link.jpg").symlink_to(folder / "b" / "0.jpg")
    (folder / "b" / "text.jpg").write_text("no image")
    program = build(tmp_path)
    for what in ("decode", "coefficients"):
        running = Session([str(program), what, str(folder)], threads=1, own=True)
        try:
            assert running.hello["files"] == 3
            assert running.turn(0.001)["images"] % 3 == 0
        finally:
            running.close()


def test_missing_peers_are_left_out_and_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "result.json"
    command = ["loader", "--data", str(folder), "--peers", str(tmp_path), "--only", "decode,ffcv-uint8"]
    monkeypatch.setattr(sys, "argv", [*command, "--rounds", "1", "--seconds", "0.01", "--output", str(output)])
    loader.main()
    result = json.loads(output.read_text())
    assert result["left_out"] == {"ffcv-uint8": "ffcv is not installed"}
    assert [each["id"] for each in result["contestants"]] == ["decode"]
    assert len(result["contestants"][0]["turns"]) == 1


def test_loader_says_what_is_wrong_with_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for options, message in (
        (["--data", str(tmp_path / "none")], "--data must be an image folder"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--only", "nobody"], "nobody is called 'nobody'"),
    ):
        monkeypatch.setattr(sys, "argv", ["loader", *options])
        with pytest.raises(SystemExit, match=message):
            loader.main()
