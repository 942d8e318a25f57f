"""One device, several devices and several processes learn the same thing from the same global batches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 training images; 21 validation images, which two processes and batches of 12 can't share evenly."""
    return write_colours(tmp_path_factory.mktemp("colours"), train=12, val=7)


@pytest.fixture(scope="module")
def expected(colours: Path) -> Any:
    """What one device learns."""
    return two_epochs(colour_options(colours))


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes on this machine."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    paths = os.pathsep.join([str(TESTS), *(path for path in sys.path if path)])
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100, check=False)


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


def test_two_processes_learn_the_same(colours: Path, expected: Any, tmp_path: Path) -> None:
    done = torchrun(str(TESTS / "support" / "training.py"), str(colours), str(tmp_path / "result.pt"))
    assert done.returncode == 0, done.stderr
    assert_same(torch.load(tmp_path / "result.pt", weights_only=True), expected)


def test_the_command_runs_under_torchrun_and_speaks_once(colours: Path, tmp_path: Path) -> None:
    arguments = "--model resnet18 --image-size 16 --epochs 1 --batch-size 12 --workers 1 --devices cpu --parallel ddp"
    done = torchrun("-m", "penstock.train", str(colours), *arguments.split(), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stdout
    assert lines[0].endswith("1 epochs, on 2 processes")
    assert lines[1].startswith("epoch 1/1 ")
    checkpoint = load_checkpoint(tmp_path / "last.pt")
    assert (checkpoint.epoch, checkpoint.step) == (1, 3)
    assert not any(name.startswith("module.") for name in checkpoint.model)


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
