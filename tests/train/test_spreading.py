"""One device, several devices and several processes learn the same thing from the same global batches."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.training import colour_options, two_epochs, write_colours

from penstock.errors import OptionError
from penstock.train.checkpoint import load_checkpoint
from penstock.train.data import open_data
from penstock.train.main import main
from penstock.train.options import Options
from penstock.train.world import World, join_world

TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 training images; 21 validation images, which two processes and batches of 12 can't share evenly."""
    return write_colours(tmp_path_factory.mktemp("colours"), train=12, val=7)


@pytest.fixture(scope="module")
def expected(colours: Path) -> Any:
    """What one device learns."""
    return two_epochs(colour_options(colours))


@pytest.fixture(scope="module")
def processes(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What two processes under torchrun leave: in a folder, and on standard output. See `support/training.py`."""
    out = tmp_path_factory.mktemp("processes")
    script = [str(TESTS / "support" / "training.py"), str(colours), str(out)]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *script]
    paths = os.pathsep.join([str(TESTS), *(path for path in sys.path if path)])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "images/s" not in done.stderr, "a progress bar without a terminal"
    return out, done.stdout


def assert_same(result: dict[str, Any], expected: dict[str, Any]) -> None:
    for name, value in expected["model"].items():
        torch.testing.assert_close(result["model"][name], value, rtol=1e-4, atol=1e-6, msg=name)
    for ours, theirs in zip(result["scores"], expected["scores"], strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert {k: v for k, v in ours.items() if k != "loss"} == {k: v for k, v in theirs.items() if k != "loss"}


def test_every_image_counts_once(expected: Any) -> None:
    assert [scores["count"] for scores in expected["scores"]] == [36, 21, 36, 21]


def test_two_devices_in_one_process_learn_the_same(colours: Path, expected: Any) -> None:
    result = two_epochs(colour_options(colours, parallel="scatter", devices=("cpu", "cpu")))
    assert result is not None
    assert_same(result, expected)


def test_two_processes_learn_the_same(processes: tuple[Path, str], expected: Any) -> None:
    assert_same(torch.load(processes[0] / "result.pt", weights_only=True), expected)


def test_the_command_speaks_once_and_saves_once(processes: tuple[Path, str]) -> None:
    out, spoken = processes
    lines = spoken.splitlines()
    assert len(lines) == 3, spoken
    assert lines[0].endswith("1 epoch, on 2 processes")
    assert lines[1].startswith("epoch 1/1 ")
    assert lines[2] == f"checkpoints: last {out}/run/last.pt, best {out}/run/best.pt"
    checkpoint = load_checkpoint(out / "run" / "last.pt")
    assert (checkpoint.epoch, checkpoint.step) == (1, 3)
    assert not any(name.startswith("module.") for name in checkpoint.model)
    assert sorted(path.name for path in (out / "run").iterdir()) == ["best.pt", "last.pt"]


def test_batch_that_does_not_divide_over_the_processes_is_refused(colours: Path) -> None:
    uneven = colour_options(colours, batch_size=13)
    with pytest.raises(OptionError, match="batch_size is 13; expected a multiple of the 2 processes"):
        open_data(uneven).loaders(uneven, World(0, 2, 2, (torch.device("cpu"),)))


@pytest.mark.parametrize(("rank", "start"), [("0", "error: "), ("1", "error (process 1): ")])
def test_processes_other_than_the_first_say_which_they_are(
    rank: str, start: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", rank)
    assert main([]) == 2
    assert capsys.readouterr().err.startswith(start + "give either one folder")


def options(**changes: Any) -> Options:
    return Options(train="a", val="b", **changes)


def test_process_group_is_joined_and_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    torchruns = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in torchruns.items():
        monkeypatch.setenv(name, value)
    with join_world(options(parallel="ddp", devices=("cpu",))) as world:
        assert torch.distributed.get_backend() == "gloo"
        assert world == World(0, 1, 1, (torch.device("cpu"),))
    assert not torch.distributed.is_initialized()


def test_torchrun_and_parallel_have_to_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(OptionError, match="torchrun started 2 processes, but parallel is 'none'; add --parallel ddp"):
        join_world(options()).__enter__()
    monkeypatch.delenv("WORLD_SIZE")
    with pytest.raises(OptionError, match="parallel 'ddp' runs under torchrun: torchrun --nproc-per-node N"):
        join_world(options(parallel="ddp")).__enter__()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": ("toaster",)}, "devices has 'toaster'; expected names such as cpu, cuda or cuda:1"),
        ({"devices": ("meta",)}, "devices has 'meta'; this trainer computes on cpu and cuda"),
        ({"devices": ("cuda:99",)}, "devices has 'cuda:99', but torch sees [0-9]+ CUDA devices"),
        ({"devices": ("cpu", "cpu")}, "'none' computes on one device, got cpu, cpu; add --parallel scatter"),
    ],
)
def test_devices_that_do_not_suit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        join_world(options(**changes)).__enter__()


@pytest.mark.skipif(torch.cuda.device_count() > 1, reason="this machine has several CUDA devices")
def test_scatter_without_several_devices_says_how_to_name_some() -> None:
    with pytest.raises(OptionError, match=r"'scatter' needs two or more devices, .* --devices cuda:0,cuda:1"):
        join_world(options(parallel="scatter")).__enter__()
