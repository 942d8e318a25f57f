"""`penstock bench`: what it selects, measures, compares, says and draws."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.children import start_python
from support.images import encoded, image_folder, pixels

import penstock
from penstock.cli.bench import measure
from penstock.cli.chart import draw_chart
from penstock.cli.contestants import Cold, Contestant, Decoding, Loading, Reading, Settings, Turn, in_threads
from penstock.cli.rates import Rate, Rates
from penstock.cli.selection import Selection, StoredImage, read_stored, select
from penstock.errors import DatasetError, RecordError
from penstock.formats import Arrays, Folder
from penstock.record import Codec

Command = Callable[..., Any]
QUICK = ("--seconds", "0.01", "--rounds", "1", "--size", "16", "--batch-size", "4")


def nothing(samples: int, size: int) -> None:
    del samples, size


def folder_with(root: Path, good: int, bad: int) -> Path:
    image_folder(root, {"cat": good, "dog": 1})
    for number in range(bad):
        (root / "cat" / f"bad-{number}.jpg").write_bytes(b"\xff\xd8\xff no image")
    return root


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    return select(Folder(folder_with(tmp_path / "in", 5, 0)), nothing)


# --- what is measured


def test_images_that_cannot_be_read_are_left_out_and_named(tmp_path: Path) -> None:
    dataset = Folder(folder_with(tmp_path / "in", 5, 2))
    seen: list[tuple[int, int]] = []
    found = select(dataset, lambda samples, size: seen.append((samples, size)))
    assert len(found.images) == 6
    assert sorted(dataset.name(index) for index in found.indices) == [f"cat/{n:03d}.jpg" for n in range(5)] + [
        "dog/000.jpg"
    ]
    assert len(found.bad) == 2
    assert all("bad-" in text and str(tmp_path) in text for text in found.bad)
    assert found.mean_bytes == np.mean([path.stat().st_size for path in (tmp_path / "in").rglob("[0-9]*.jpg")])
    assert seen == [(1, len(image.data)) for image in found.images]


def test_the_same_images_are_drawn_again_and_others_with_another_seed(selection: Selection) -> None:
    again = select(selection.dataset, nothing)
    assert again.indices.tolist() == selection.indices.tolist()
    orders = {tuple(select(selection.dataset, nothing, seed=seed).indices.tolist()) for seed in range(5)}
    assert len(orders) > 1


def test_not_more_images_are_drawn_than_a_measurement_needs() -> None:
    dataset = Arrays(np.zeros((1500, 2, 2, 3), np.uint8))
    assert len(select(dataset, nothing).images) == 1000


def test_a_dataset_of_bad_images_is_one_error_that_names_the_first(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(3):
        (tmp_path / "a" / f"{number}.jpg").write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"none of the 3 images that were tried can be read; the first: .*\.jpg"):
        select(Folder(tmp_path), nothing)


def test_an_empty_dataset_is_an_error() -> None:
    with pytest.raises(DatasetError, match="the dataset has no images"):
        select(Arrays(np.zeros((0, 4, 4, 3), np.uint8)), nothing)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_stored_files_are_decoded_whole(format: str) -> None:
    data = encoded(3, format, width=30, height=20)
    expected = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(StoredImage(data, Codec.ENCODED, 0, 0).decode(), expected)


def test_stored_pixels_and_coefficients_are_decoded_whole(pack: Command, tmp_path: Path) -> None:
    raw = Arrays(pixels(1, 6, 5)[None])
    assert np.array_equal(read_stored(raw.records([0]), 0).decode(), pixels(1, 6, 5))
    image_folder(tmp_path / "in", {"a": 1})
    pack(tmp_path / "in", tmp_path / "out")
    stored = read_stored(penstock.open_dataset(tmp_path / "out").records([0]), 0)
    assert stored.codec == Codec.DCT
    assert np.array_equal(stored.decode(), np.array(Image.open(tmp_path / "in" / "a" / "000.jpg")))


# --- how it is measured


def counting(limit: int | None = None) -> Iterator[int]:
    count = 0
    while limit is None or count < limit:
        time.sleep(0.001)
        count += 1
        yield 1


def test_threads_stop_when_time_is_up() -> None:
    before = threading.active_count()
    turn = in_threads([counting(), counting()], 0.05)
    assert turn.images >= 2
    assert turn.seconds >= 0.05
    assert threading.active_count() == before


def test_threads_that_have_no_more_to_do_end_the_turn() -> None:
    assert in_threads([counting(3), counting(4)], 60).images == 7


def test_an_error_in_a_thread_surfaces_and_stops_the_others() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RecordError("gone")

    before = threading.active_count()
    with pytest.raises(RecordError, match="gone"):
        in_threads([broken(), counting()], 0.05)
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_reading_and_decoding_count_images(selection: Selection, threads: int) -> None:
    for kind in (Reading, Decoding):
        turn = kind(selection, threads).turn(0.02)
        assert turn is not None
        assert turn.images >= threads
        assert turn.seconds >= 0.02


class CountingIO:
    """/proc/self/io of a process whose reads come from storage, or from memory."""

    def __init__(self, proc: Path, step: int) -> None:
        self.value, self.step = 1000, step
        self.place = proc / "self" / "io"

    def __truediv__(self, name: str) -> CountingIO:
        del name
        return self

    def read_text(self) -> str:
        text = f"rchar: 5\nread_bytes: {self.value}\nwrite_bytes: 0\n"
        self.value += self.step
        return text


@pytest.mark.parametrize(("share", "measured"), [(1.0, True), (0.95, True), (0.5, False), (0.0, False)])
def test_reads_are_cold_only_if_the_bytes_came_from_storage(
    selection: Selection, tmp_path: Path, share: float, measured: bool
) -> None:
    total = sum(len(image.data) for image in selection.images)
    cold = Cold(selection, 2, CountingIO(tmp_path, int(share * total) + 1))  # type: ignore[arg-type]
    turn = cold.turn(30)
    assert (turn is not None) == measured
    assert turn is None or turn.images == len(selection.images)


def test_reads_are_not_called_cold_where_the_system_does_not_say(selection: Selection, tmp_path: Path) -> None:
    assert Cold(selection, 1, tmp_path).turn(30) is None


def test_what_is_not_in_files_of_its_own_has_no_cold_read() -> None:
    chosen = select(Arrays(np.zeros((4, 2, 2, 3), np.uint8)), nothing)
    assert Cold(chosen, 1).turn(30) is None


class Batches:
    """A loader with epochs of three batches, that counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[Any]:
        for _ in range(3):
            self.taken += 1
            time.sleep(0.005)
            yield torch.zeros(4, 3, 2, 2), torch.zeros(4)


def test_a_loaders_first_batches_do_not_count_and_epochs_follow_each_other() -> None:
    loader = Batches()
    turn = Loading("Penstock", "uint8", 2, lambda: loader).turn(0.1)
    assert turn is not None
    assert turn.images % 8 == 0  # whole rounds of two workers
    assert 0 < turn.images // 4 <= loader.taken - 2
    assert loader.taken > 3


def test_one_thread_is_measured_once() -> None:
    assert Settings(16, 4, 1).threads == [1]
    assert Settings(16, 4, 5).threads == [1, 5]


class Scripted(Contestant):
    name, output, threads = "work", "", 1

    def __init__(self, log: list[str], turns: list[Turn | None]) -> None:
        self._log, self._turns = log, turns

    def turn(self, seconds: float) -> Turn | None:
        self._log.append(f"{seconds}")
        return self._turns.pop(0)


def test_rounds_are_interleaved_and_turns_that_failed_do_not_count() -> None:
    log: list[str] = []
    first = Scripted(log, [Turn(10, 1.0), None, Turn(30, 1.0)])
    second = Scripted(log, [Turn(0, 1.0), None, None])
    rates = measure([first, second], 3, 0.5)
    assert [rate.turns for rate in rates] == [(10.0, 30.0), ()]
    assert log == ["0.5"] * 6


# --- what is said


def rate(name: str, output: str, threads: int, *turns: float) -> Rate:
    return Rate(name, output, threads, turns)


def rates_with(kind: str = "folder", *, is_dct: bool = False, **changed: float | None) -> Rates:
    """Rates of two threads; those of `changed` differ from a good machine's (None: not measured)."""
    speed: dict[str, float | None] = {"storage": 9000, "memory": 30_000, "decode": 1000, "one": 1200, "two": 2300}
    speed |= {"torch": 400} | changed
    found = [
        ("read, from storage", "", 2, speed["storage"]),
        ("read, in memory", "", 1, speed["memory"]),
        ("decode, whole images", "", 1, speed["decode"]),
        ("Penstock", "uint8", 1, speed["one"]),
        ("Penstock", "uint8", 2, speed["two"]),
        ("torch + Pillow", "uint8", 2, speed["torch"]),
    ]
    rates = [rate(name, output, threads, *([] if value is None else [value])) for name, output, threads, value in found]
    return Rates(rates, 100_000, kind, is_dct=is_dct)


def test_rates_are_medians_and_ratios_compare_like_with_like() -> None:
    rates = Rates(
        [
            rate("Penstock", "uint8", 1, 100, 900, 300),
            rate("torch + Pillow", "uint8", 1, 100, 50, 300),
            rate("torch + Pillow", "float32", 1, 1),
            rate("torch + Pillow", "uint8", 2, 1),
            rate("read, in memory", "", 1, 500),
            rate("decode, whole images", "", 1),
        ],
        mean_bytes=20_000,
        kind="folder",
        is_dct=False,
    )
    ours = rates.find("Penstock, uint8", 1)
    assert ours is not None
    assert ours.images_per_second == 300
    assert rates.megabytes_per_second(ours) == 6.0
    assert [rates.times_torch(each) for each in rates.rates] == [3.0, None, None, None, None]
    assert rates.find("decode, whole images", 1) is None
    assert rates.threads == [1, 2]


def test_the_comparison_is_with_all_threads() -> None:
    text = "With 2 threads Penstock is 5.8 times as fast with uint8 as torch's loader with 2 worker processes."
    assert rates_with().comparison() == text
    assert rates_with(torch=None).comparison() == ""
    assert "(which gets its images from the pack too, decoded by Penstock)." in rates_with(is_dct=True).comparison()
    single = Rates([rate("Penstock", "uint8", 1, 6), rate("torch", "uint8", 1, 2)], 1, "folder", is_dct=False)
    expected = "With 1 thread Penstock is 3.0 times as fast with uint8 as torch's loader with 1 worker process."
    assert single.comparison() == expected


@pytest.mark.parametrize(
    ("given", "start", "advice"),
    [
        (rates_with(storage=500), "Bound by storage", "500 images/s, and 2,300 could be loaded"),
        (rates_with(storage=None), "Bound by the processor", "pack-dataset stores JPEGs"),
        (rates_with(), "Bound by the processor: an image takes 0.83 ms of a thread, of which 0.03 ms", "1.00 ms"),
        (rates_with(memory=2000), "Bound by the processor", "Many small files are slow to open"),
        (rates_with("pack", memory=2000, is_dct=True), "Bound by the processor", "More cores"),
        (rates_with("pack", is_dct=True), "Bound by the processor", "More cores, or a smaller --size"),
        (rates_with("pack", is_dct=True, two=1300), "Bound by the processor", "2 threads are only 1.1 times"),
        (rates_with(decode=20_000), "Bound by the processor", "More cores"),
        (rates_with(one=None), "Bound by the processor", ""),
    ],
)
def test_what_bounds_the_loader_is_said_with_what_would_help(given: Rates, start: str, advice: str) -> None:
    assert given.bound().startswith(start)
    assert advice in given.bound()


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert rates_with(two=None).bound() == ""


# --- what is drawn


def test_the_chart_is_a_png(tmp_path: Path) -> None:
    assert draw_chart(rates_with(), tmp_path / "chart", title="a title", subtitle="a machine")
    with Image.open(tmp_path / "chart") as chart:
        assert chart.format == "PNG"
        assert chart.width == 1500
        assert chart.convert("L").getextrema() == (0, 255)


def test_without_matplotlib_there_is_no_chart_but_the_rest(tmp_path: Path) -> None:
    (tmp_path / "fakes" / "matplotlib").mkdir(parents=True)
    (tmp_path / "fakes" / "matplotlib" / "__init__.py").write_text("raise ImportError('no matplotlib here')")
    image_folder(tmp_path / "in", {"cat": 3, "dog": 3})
    run = started(tmp_path / "in", *QUICK, "--workers", 1, "--output", tmp_path / "x.png", first=[tmp_path / "fakes"])
    out, err = run.communicate(timeout=100)
    assert run.returncode == 0, err
    assert "Penstock, uint8" in out
    assert err == "no chart: matplotlib is not installed; run pip install matplotlib\n"
    assert not (tmp_path / "x.png").exists()


# --- the command


def started(*arguments: object, first: Sequence[Path] = ()) -> subprocess.Popen[str]:
    return start_python("-m", "penstock", "bench", *arguments, first=first)


def test_a_folder_of_parts_is_measured_on_its_training_part(look: Command, tmp_path: Path) -> None:
    folder_with(tmp_path / "in" / "train", 7, 1)
    image_folder(tmp_path / "in" / "val", {"cat": 2, "dog": 1})
    chart = tmp_path / "chart.png"
    run = look("bench", tmp_path / "in", *QUICK, "--workers", 2, "--output", chart)
    assert (run.code, run.err) == (0, f"chart: {chart}\n")
    lines = run.out.splitlines()
    assert lines[0].startswith(f"{tmp_path}/in/train: Folder, 8 of 9 images, ")
    assert lines[1].startswith("left out: 1 of 9 images that were tried; ")
    assert "bad-0.jpg" in lines[1]
    assert "RandomResizedCrop(16) and flip, batches of 4; 1 round of 0.01 s" in lines[2]
    for title in ("read, in memory", "decode, whole images", "Penstock, uint8", "Penstock, float32"):
        (row,) = (line for line in lines if line.startswith(title))
        assert len(row.removeprefix(title).split()) == (6 if "Penstock" in title else 4)
    assert "times as fast" in run.out
    assert "Bound by" in run.out
    assert chart.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["pack", "lmdb", "csv"])
def test_every_kind_of_dataset_is_measured(look: Command, pack: Command, tmp_path: Path, kind: str) -> None:
    image_folder(tmp_path / "in", {"cat": 5, "dog": 4})
    place = tmp_path / ("list.csv" if kind == "csv" else kind)
    if kind == "csv":
        place.write_text("file,label\n" + "".join(f"in/cat/{n:03d}.jpg,cat\n" for n in range(5)))
    else:
        assert pack(tmp_path / "in", place, "--to", kind).code == 0
    run = look("bench", place, *QUICK, "--workers", 1, "--json", "--output", tmp_path / "chart.png")
    assert run.code == 0
    content = json.loads(run.out)
    assert content["kind"] == kind
    assert content["measured_images"] == content["images"] == (5 if kind == "csv" else 9)
    assert content["settings"] == {"size": 16, "batch_size": 4, "workers": 1, "seconds": 0.01, "rounds": 1}
    rates = {(each["name"], each["output"]): each for each in content["rates"]}
    assert {("read, in memory", None), ("decode, whole images", None), ("Penstock", "float32")} <= rates.keys()
    ours = rates["Penstock", "uint8"]
    (torchs,) = (each for (name, output), each in rates.items() if name.startswith("torch") and output == "uint8")
    assert ours["times_torch"] == pytest.approx(ours["images_per_second"] / torchs["images_per_second"])
    assert ours["megabytes_per_second"] == pytest.approx(ours["images_per_second"] * content["mean_bytes"] / 1e6)
    assert ("read, from storage", None) not in rates or kind != "lmdb"


@pytest.mark.parametrize("output", ["no/such/folder/chart.png", "."])
def test_a_chart_that_cannot_be_written_is_refused_at_once(look: Command, tmp_path: Path, output: str) -> None:
    run = look("bench", tmp_path, "--output", tmp_path / output)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("Error: --output ")
    assert "name a PNG file in a folder that you may write" in run.err


def test_errors_of_users_are_one_line(look: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad" / "a").mkdir(parents=True)
    (tmp_path / "bad" / "a" / "0.jpg").write_bytes(b"no image")
    for name in ("empty", "bad"):
        run = look("bench", tmp_path / name, "--output", tmp_path / "chart.png")
        assert (run.code, run.out) == (1, "")
        assert run.err.startswith("Error: ")
        assert run.err.count("\n") == 1
    assert not (tmp_path / "chart.png").exists()


def test_without_torch_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    image_folder(tmp_path / "in", {"cat": 3, "dog": 3})
    run = started(tmp_path / "in", "--output", tmp_path / "chart.png", first=[tmp_path])
    out, err = run.communicate(timeout=100)
    assert (run.returncode, out) == (1, "")
    expected = "which need torch, and it can't be loaded: no torch here; run pip install torch"
    assert err == f"Error: bench measures loaders, {expected}\n"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(("moment", "whole_group"), [("reading", False), ("loading", False), ("loading", True)])
def test_an_interrupt_ends_it_cleanly(tmp_path: Path, moment: str, whole_group: bool) -> None:
    """While threads read, or while torch's workers are in the middle of long batches; nobody is left behind."""
    image_folder(tmp_path / "in", {"cat": 2, "dog": 2}, width=1500, height=1200)
    seconds = 600 if moment == "reading" else 0.001
    run = started(tmp_path / "in", "--seconds", seconds, "--workers", 2, "--output", tmp_path / "chart.png")
    wait_for(run, "libtorch_cpu", f"/proc/{run.pid}/maps")
    if moment == "loading":
        wait_for(run, " ", f"/proc/{run.pid}/task/{run.pid}/children")
    else:
        wait_for_reading(run, tmp_path / "in")
    time.sleep(0.5)
    if whole_group:
        os.killpg(run.pid, signal.SIGINT)
    else:
        os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err.strip()) == (130, "", "Interrupted.")
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)
    assert not (tmp_path / "chart.png").exists()


HELD_LOCK = """
import os, signal, sys, time
from torch.utils.data import DataLoader, Dataset
from penstock.cli.contestants import Loading

class HoldsTheLock(Dataset):
    def __getitem__(self, index):
        if index == 1:
            frame = sys._getframe()
            while "done_event" not in frame.f_locals:
                frame = frame.f_back
            with frame.f_locals["done_event"]._cond:
                os.kill(os.getppid(), signal.SIGINT)
                time.sleep(600)
        return index, index
    def __len__(self):
        return 2

try:
    Loading("torch", "", 1, lambda: DataLoader(HoldsTheLock(), num_workers=1)).turn(600)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_ends_it_where_a_worker_holds_the_lock_that_torch_would_take() -> None:
    """As a worker does that asks whether it should end, which all do who hear of the interrupt."""
    run = start_python("-c", HELD_LOCK)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err) == (0, "interrupted\n", "")


def wait_for_reading(run: subprocess.Popen[str], folder: Path) -> None:
    """Until the running process has opened a file in the folder: all that it imports is there.

    An interrupt in the middle of an import may be remembered by Python, which then ends as if nobody had handled it.
    """
    opened = Path(f"/proc/{run.pid}/fd")
    while run.poll() is None:
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if any(file.readlink().is_relative_to(folder) for file in opened.iterdir()):
                return


def wait_for(run: subprocess.Popen[str], text: str, file: str) -> None:
    """Until the file of the running process holds the text."""
    while run.poll() is None and text not in Path(file).read_text():
        time.sleep(0.01)
