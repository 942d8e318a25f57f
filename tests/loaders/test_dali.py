"""`executor="dali"`: the loader's contract, with DALI's CPU back-end in place of the native kernels."""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.loading import Plain, arrays, collate, equal, settles, write_folder
from support.waiting import a_signal_comes, wait_until

from penstock.augment import (
    Apply,
    CenterCrop,
    ColorJitter,
    Grayscale,
    Lambda,
    Normalize,
    Op,
    Pad,
    Pipeline,
    RandomCrop,
    RandomEqualize,
    RandomHorizontalFlip,
    RandomInvert,
    RandomResizedCrop,
    RandomRotation,
    RandomVerticalFlip,
    Resize,
    TenCrop,
    ToDtype,
    Views,
)
from penstock.errors import DecodeError, EngineClosedError, OptionError, RecordError, SpecError, TruncatedError
from penstock.formats import Arrays, Folder, Pack
from penstock.formats.pack.plan import PackOptions
from penstock.formats.pack.writer import write_pack
from penstock.loaders import DataLoader
from penstock.loaders.engines.dali_engine import DaliEngine
from penstock.loaders.engines.dali_making import DaliMaker

pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")

PIPELINE = Pipeline([RandomResizedCrop((18, 20)), RandomHorizontalFlip(), ToDtype("float32", scale=True)])
JITTERED = Pipeline([*PIPELINE[:2], ColorJitter(0.1, 0.1), *PIPELINE[2:], Normalize((0.5,) * 3, (1.0,) * 3)])
WORKERS = (0, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEGs and PNGs, some of them grey."""
    return write_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module", params=["folder", "dct pack", "encoded pack", "raw pack", "arrays"])
def dataset(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "folder":
        return Folder(folder)
    if request.param == "arrays":
        return arrays()
    to = tmp_path_factory.mktemp("packs") / request.param
    write_pack(Folder(folder), to, PackOptions(codec=request.param.split()[0]))
    return Pack(to)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A JPEG cut short (sample 4), and a file that is no image (sample 7)."""
    root = write_folder(tmp_path / "damaged", extensions=(".jpg",))
    files = [Path(Folder(root).describe(index)) for index in range(12)]
    files[4].write_bytes(files[4].read_bytes()[:-300])
    files[7].write_bytes(b"no image")
    return root


def loader(dataset: Any, **arguments: Any) -> DataLoader[Any]:
    arguments = {"augment": PIPELINE, "seed": 3, "shuffle": True, "executor": "dali", **arguments}
    return DataLoader(dataset, 4, **arguments)


def assert_alike(made: list[Any], expected: list[Any], levels: float = 2) -> None:
    """Batches of the same samples, whose values (from 0 to 1) are so many grey levels apart at most."""
    assert len(made) == len(expected)
    for (images, labels), (others, other_labels) in zip(made, expected, strict=True):
        assert torch.equal(labels, other_labels)
        assert (images.shape, images.dtype, images.stride()) == (others.shape, others.dtype, others.stride())
        assert (images - others).abs().max() * 255 <= levels + 1e-3


@pytest.mark.parametrize("workers", WORKERS)
def test_batches_are_those_of_the_native_engine(dataset: Any, workers: int) -> None:
    own = loader(dataset, num_workers=workers)
    native = loader(dataset, num_workers=workers, executor="native")
    for _ in range(2):
        assert_alike(list(own), list(native))
    assert own.stats().setup.engine == "dali"


@pytest.mark.parametrize("pipeline", [Pipeline([RandomCrop(12)]), Pipeline([Resize((9, 9)), CenterCrop(7)])], ids=repr)
def test_crops_without_and_with_a_resize(dataset: Any, pipeline: Pipeline) -> None:
    made, expected = (list(loader(dataset, augment=pipeline, executor=name)) for name in ("dali", "native"))
    pairs = zip(made, expected, strict=True)
    apart = max(int((images.int() - others.int()).abs().max()) for (images, _), (others, _) in pairs)
    assert apart <= 2 * isinstance(pipeline[0], Resize)


@pytest.mark.parametrize("workers", WORKERS)
def test_the_rest_of_a_pipeline_is_torchs(dataset: Any, workers: int) -> None:
    own = loader(dataset, augment=JITTERED, num_workers=workers)
    assert_alike(list(own), list(loader(dataset, augment=JITTERED, executor="native")), levels=4)
    lines = own.explain().splitlines()
    assert lines[0].startswith("engine: dali (NVIDIA DALI; ")
    assert lines[1].startswith(
        "ops (executor='dali'): ColorJitter can't run in DALI: the order of brightness, contrast"
    )
    ops = [line for line in lines if line.startswith("  ")]
    assert [line.endswith(": DALI on cpu") for line in ops] == [True, True, False, False, False]
    assert all(line.endswith(": torch on cpu") for line in ops[2:])


def test_what_dali_could_do_after_an_op_of_torchs_is_torchs() -> None:
    """The torch executor begins with uint8 images, so it takes the conversion as well."""
    pipeline = Pipeline([RandomResizedCrop(9), ToDtype("float32", scale=True), Normalize((0.5,) * 3, (1.0,) * 3)])
    assert "torch on" not in loader(arrays(), augment=pipeline).explain()
    assert "1 ToDtype(dtype='float32', scale=True): DALI on cpu" in loader(arrays(), augment=pipeline).explain()


def test_channels_last(dataset: Any) -> None:
    given: dict[str, Any] = {"memory_format": torch.channels_last}
    made = list(loader(dataset, **given))
    assert_alike(made, list(loader(dataset, executor="native", **given)))
    assert made[0][0].is_contiguous(memory_format=torch.channels_last)


VIEWS = Views(2, PIPELINE) + Views(1, JITTERED) + Views(2, Pipeline([RandomResizedCrop(7, (0.05, 0.3)), Grayscale()]))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("workers", WORKERS)
def test_views_are_those_of_the_native_engine(dataset: Any, workers: int, memory_format: torch.memory_format) -> None:
    given: dict[str, Any] = {"augment": VIEWS, "num_workers": workers, "memory_format": memory_format}
    own, native = loader(dataset, **given), loader(dataset, executor="native", **given)
    for _ in range(2):
        for (made, labels), (expected, others) in zip(own, native, strict=True):
            assert type(made) is list
            for view, other, levels in zip(made, expected, (2, 2, 4, 2 * 255, 2 * 255), strict=True):
                assert_alike([[view.float(), labels]], [[other.float(), others]], levels)
    assert own.stats().setup.engine == "dali"


def test_a_view_that_needs_the_whole_image_beside_one_that_does_not(dataset: Any) -> None:
    views = Views.of(
        [Pipeline([RandomCrop(9)]), Pipeline([CenterCrop(14)]), Pipeline([RandomRotation(30), CenterCrop(8)])]
    )
    assert equal(*(list(loader(dataset, augment=views, executor=name)) for name in ("dali", "native")))


def test_an_image_is_decoded_once_for_all_views(folder: Path) -> None:
    own = loader(Folder(folder), augment=VIEWS)
    list(own)
    stages = own.stats().stages
    assert [stages[name].samples for name in ("read", "decode", "augment")] == [12, 12, 12]


def test_explain_says_where_the_ops_of_each_view_run() -> None:
    lines = loader(arrays(), augment=VIEWS).explain().splitlines()
    begin = lines.index("  2 views:")
    ends = [line.rpartition(": ")[2] for line in lines[begin : begin + 13]]
    assert ends == [
        *("  2 views:", *["DALI on cpu"] * 3),
        *("  1 view:", *["DALI on cpu"] * 2, *["torch on cpu"] * 3),
        *("  2 views:", *["DALI on cpu"] * 2),
    ]


UNEVEN = {
    "decoding": (0, [RandomRotation(20), RandomResizedCrop(11, interpolation="hamming")]),
    "a crop": (0, [RandomResizedCrop((11, 8), interpolation="nearest"), RandomHorizontalFlip()]),
    "a flip": (1, [RandomVerticalFlip(), Apply([RandomRotation(40)], 0.5), RandomResizedCrop(9)]),
    "a resize": (4, [Resize(19), ColorJitter(0.1, 0.1), CenterCrop(17)]),
    "padding": (0, [Pad(2), RandomCrop(14, 9, padding_mode="reflect"), ToDtype("float32")]),
}


@pytest.mark.parametrize(("levels", "ops"), UNEVEN.values(), ids=UNEVEN)
def test_images_of_several_sizes_go_on_in_torch(dataset: Any, levels: float, ops: list[Op]) -> None:
    """After what DALI does of a pipeline."""
    own, native = (loader(dataset, augment=Pipeline(ops), executor=name, num_workers=1) for name in ("dali", "native"))
    for (made, _), (expected, _) in zip(own, native, strict=True):
        assert (made.shape, made.dtype) == (expected.shape, expected.dtype)
        assert (made.float() - expected.float()).abs().max() <= levels
    assert "torch on cpu" in own.explain()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("before", [[], [Resize((16, 18))], [Resize(18)]], ids=repr)
def test_several_crops_of_each_image(dataset: Any, before: list[Op], memory_format: torch.memory_format) -> None:
    pipeline = Pipeline([*before, TenCrop((7, 9)), RandomHorizontalFlip(), ToDtype("float32", scale=True)])
    given: dict[str, Any] = {"augment": pipeline, "memory_format": memory_format}
    assert_alike(list(loader(dataset, **given)), list(loader(dataset, executor="native", **given)))
    lines = loader(dataset, **given).explain().splitlines()
    assert lines[1].startswith("ops (executor='dali'): TenCrop can't run in DALI: ")


@pytest.mark.parametrize("workers", WORKERS)
def test_an_image_that_is_smaller_than_a_crop_is_a_bad_sample(workers: int) -> None:
    pipeline = Pipeline([Resize(12), RandomEqualize(), RandomCrop((12, 15))])
    images = np.zeros((4, 40, 60, 3), np.uint8), np.zeros((4, 40, 41, 3), np.uint8)
    dataset = torch.utils.data.ConcatDataset([Arrays(part, np.arange(4)) for part in images])
    own = loader(dataset, augment=pipeline, num_workers=workers, on_error="skip", shuffle=False)
    assert [len(made) for made, _ in own] == [4]
    with pytest.raises(DecodeError, match=r"RandomCrop.*\(sample 4\)"):
        list(loader(dataset, augment=pipeline, num_workers=workers, shuffle=False))


@pytest.mark.parametrize("workers", WORKERS)
def test_a_state_goes_on_exactly(dataset: Any, workers: int) -> None:
    whole = list(loader(dataset, num_workers=workers))
    for delivered in range(len(whole)):
        first = loader(dataset, num_workers=workers)
        batches = iter(first)
        for _ in range(delivered):
            next(batches)
        second = loader(dataset, num_workers=2 - workers)
        second.load_state_dict(first.state_dict())
        assert equal(list(second), whole[delivered:])


@pytest.mark.parametrize("workers", WORKERS)
def test_a_damaged_file_is_named(damaged: Path, workers: int) -> None:
    name = Folder(damaged).describe
    ordered = loader(Folder(damaged), shuffle=False, num_workers=workers)
    batches = iter(ordered)
    next(batches)
    with pytest.raises(TruncatedError, match=rf"{name(4)}.*\(sample 4\)") as caught:
        next(batches)
    assert isinstance(caught.value, RecordError)
    assert len(next(batches)[0]) == 4  # and the pass goes on
    with pytest.raises(StopIteration):
        next(batches)
    with pytest.raises(DecodeError, match=rf"{name(7)}.*\(sample 1\)"):
        list(loader(torch.utils.data.Subset(Folder(damaged), [0, 7]), shuffle=False, num_workers=workers))


@pytest.fixture(scope="module")
def unusual(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Images of one pixel, files of many formats, modes and ways to code."""
    root = tmp_path_factory.mktemp("unusual")
    (root / "all").mkdir()
    coarse = np.random.default_rng(2).integers(0, 256, (5, 6, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((37, 31), Image.Resampling.BICUBIC)
    deep = np.arange(31 * 37, dtype=np.uint16).reshape(31, 37) * 58
    turned = Image.Exif()
    turned[0x112] = 6
    files: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((picture.convert(mode), "jpg", {"progressive": coded}) for mode in ("CMYK", "L", "RGB") for coded in (0, 1)),
        *((picture, "jpg", {"subsampling": name}) for name in ("4:4:4", "4:2:2", "4:2:0", "4:1:1")),
        (picture, "jpg", {"keep_rgb": True}),
        (picture, "jpg", {"restart_marker_rows": 1}),
        (picture, "jpg", {"exif": turned}),
        *((picture.resize((1, 1)), suffix, {}) for suffix in ("jpg", "png")),
        (Image.fromarray(deep), "png", {}),
        *((picture.convert(mode), "png", {}) for mode in ("P", "LA", "RGBA", "1")),
        *((picture, suffix, {}) for suffix in ("gif", "webp", "bmp", "tiff")),
    ]
    for number, (image, suffix, options) in enumerate(files):
        image.save(root / "all" / f"{number:02d}.{suffix}", **options)
    return Folder(root)


@pytest.mark.parametrize("batch_size", [1, 9])
@pytest.mark.parametrize(
    "pipeline", [Pipeline([CenterCrop(33)]), Pipeline([RandomCrop(9, pad_if_needed=True)])], ids=repr
)
def test_unusual_files_are_decoded_as_ever(unusual: Folder, pipeline: Pipeline, batch_size: int) -> None:
    given: dict[str, Any] = {"batch_size": batch_size, "augment": pipeline, "seed": 1, "num_workers": 1}
    assert equal(
        list(DataLoader(unusual, executor="dali", **given)), list(DataLoader(unusual, executor="native", **given))
    )


@pytest.mark.parametrize("workers", WORKERS)
def test_views_go_on_exactly_with_bad_samples_among_them(damaged: Path, workers: int) -> None:
    given: dict[str, Any] = {"augment": VIEWS, "on_error": "substitute", "num_workers": workers}
    whole = list(loader(Folder(damaged), **given))
    assert [[len(view) for view in views] for views, _ in whole] == [[4] * 5] * 3
    first = loader(Folder(damaged), **given)
    next(iter(first))
    second = loader(Folder(damaged), **given)
    second.load_state_dict(first.state_dict())
    assert equal(list(second), whole[1:])


@pytest.mark.parametrize("policy", ["skip", "substitute"])
@pytest.mark.parametrize("workers", WORKERS)
def test_bad_samples_are_skipped_or_replaced(damaged: Path, policy: Any, workers: int, tmp_path: Path) -> None:
    made, lines = [], []
    for name in ("dali", "native"):
        log = tmp_path / f"{name}.jsonl"
        own = loader(Folder(damaged), executor=name, on_error=policy, error_log=log, num_workers=workers)
        made.append(list(own))
        lines.append([json.loads(line) | {"reason": ""} for line in log.read_text().splitlines()])
    assert_alike(*made)
    assert lines[0] == lines[1]
    assert {line["record"] for line in lines[0]} >= {4, 7}


def test_pass_after_pass_with_the_same_threads() -> None:
    own = loader(arrays(), num_workers=1, persistent_workers=True)
    passes = [list(own) for _ in range(3)]
    assert not equal(passes[0], passes[1])
    own.set_epoch(1)
    assert equal(list(own), passes[1])


def test_threads_end_with_the_pass_and_when_it_is_left_early() -> None:
    before = set(threading.enumerate())
    for batches in (1, 100):
        passing = iter(loader(arrays(), num_workers=2))
        for _, _ in zip(range(batches), passing, strict=False):
            pass
        del passing
        gc.collect()
        assert settles(lambda: not set(threading.enumerate()) - before)


def test_a_closed_iterator_says_so() -> None:
    batches = iter(loader(arrays(), num_workers=1))
    next(batches)
    batches.close()  # type: ignore[attr-defined]  # of Penstock's iterators
    with pytest.raises(EngineClosedError, match="this iterator was closed"):
        next(batches)


FORKING = """
import os, sys
from support.loading import PIPELINE, arrays
from penstock.errors import EngineClosedError
from penstock.loaders import DataLoader
batches = iter(DataLoader(arrays(), 4, augment=PIPELINE, seed=1, num_workers=1, executor="dali"))
next(batches)
child = os.fork()
if child == 0:
    try:
        next(batches)
    except EngineClosedError:
        sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(list(batches)))
"""


def test_a_forked_child_ends_and_its_parent_goes_on() -> None:
    """DALI's graphs, taken down in the child, would wait for threads that are not there."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["7", "5"]


def test_each_op_that_dali_can_not_run_is_explained_once() -> None:
    ops = [Resize((9, 9)), RandomEqualize(), RandomInvert(), ColorJitter(hue=0.1), RandomEqualize(0.25)]
    line = loader(arrays(), augment=Pipeline(ops)).explain().splitlines()[1]
    assert line == (
        "ops (executor='dali'): RandomEqualize can't run in DALI: no operator of DALI gives its pixels sample by "
        "sample; ColorJitter can't run in DALI: DALI turns hues in another colour space than Pillow"
    )


def test_what_can_not_run_is_refused_by_name_or_falls_back() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"augment": Pipeline([Resize(8)])}, "no fixed output size"),
        ({"collate_fn": collate}, "collate_fn is your own"),
        ({"dataset": Plain(arrays())}, "Plain"),
        ({"engine": "python"}, "engine='python' asks for Python"),
        ({"devices": ["cpu", "cpu"]}, "makes batches on one device, got devices="),
    ]
    for given, reason in cases:
        arguments = {"dataset": arrays(), **given}
        with pytest.raises(OptionError, match=f"executor='dali'.*{reason}"):
            iter(loader(**arguments))
        fallen = loader(**arguments, executor_fallback=True)
        assert re.search(rf"ops \(executor='dali'\): .*{reason}", fallen.explain())
        if "devices" not in given:
            assert list(fallen)
    functions = Pipeline([RandomResizedCrop(9), Lambda(np.ascontiguousarray)])
    message = (
        "^executor='dali': Lambda can't run in DALI: it calls Python on single images; TorchExecutor can't run Lambda, "
        "which calls Python on single images; leave Lambda out, or take the native executor, or allow "
        "executor_fallback=True$"
    )
    for augment in (functions, Views(2, PIPELINE) + Views(1, functions)):
        with pytest.raises(SpecError, match=message):
            loader(arrays(), augment=augment)
    fallen = loader(arrays(), augment=functions, executor_fallback=True)
    assert "ops (executor='dali'): executor='dali': Lambda can't run in DALI" in fallen.explain()
    assert equal(list(fallen), list(loader(arrays(), augment=functions, executor="native")))


def maker(pipeline: Pipeline) -> DaliMaker:
    return DaliMaker([pipeline], torch.device("cpu"), threads=1, channels_last=False)


class Wary:
    """What takes no files, or waits before each batch, and else is DALI."""

    def __init__(self, inner: DaliMaker, gate: threading.Event) -> None:
        self.inner = inner
        self.gate = gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def run(self, images: Any, *args: Any) -> Any:
        self.gate.wait(60)
        if any(image.ndim == 1 for image in images):
            raise RuntimeError("Critical error in pipeline")
        return self.inner.run(images, *args)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_files_that_only_dali_can_not_decode_come_as_pixels(
    folder: Path, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = Pipeline([RandomResizedCrop(16)])
    source = Folder(folder)
    keys: dict[str, Any] = {"seed": 1, "epoch": 0, "indices": np.arange(6), "draws": np.zeros(6, np.int64)}
    results = []
    for making in (maker(pipeline), Wary(maker(pipeline), gate)):
        gate.set()
        out = np.zeros((6, 3, 16, 16), np.uint8)
        engine: Any = DaliEngine(making, threads=0)  # type: ignore[arg-type]  # a wrapper
        with caplog.at_level(logging.WARNING, "penstock.loaders"):
            assert engine.wait(engine.submit(source.records(np.arange(6)), [out], **keys)) == []
        engine.close()
        results.append(out)
    assert results[0].any()
    assert np.array_equal(*results)
    (record,) = caplog.records
    assert "DALI failed where Penstock's decoder does not" in record.getMessage()


def test_ctrl_c_while_waiting_loses_no_batch(gate: threading.Event) -> None:
    engine: Any = DaliEngine(Wary(maker(Pipeline([RandomCrop(4)])), gate), threads=1)  # type: ignore[arg-type]  # a wrapper
    out = np.zeros((3, 3, 4, 4), np.uint8)
    keys: dict[str, Any] = {"seed": 0, "epoch": 0, "indices": np.arange(3), "draws": np.zeros(3, np.int64)}
    ticket = engine.submit(arrays().records(np.arange(3)), [out], **keys)
    with pytest.raises(KeyboardInterrupt), a_signal_comes():
        engine.wait(ticket)
    gate.set()
    assert engine.wait(ticket) == []
    assert out.any()
    engine.close()


def test_waiting_is_for_a_time(gate: threading.Event) -> None:
    pipeline = Pipeline([RandomCrop(4)])
    engine: Any = DaliEngine(Wary(maker(pipeline), gate), threads=1)  # type: ignore[arg-type]  # a wrapper
    records = arrays().records(np.arange(3))
    out = np.zeros((3, 3, 4, 4), np.uint8)
    ticket = engine.submit(records, [out], seed=0, epoch=0, indices=np.arange(3), draws=np.zeros(3, np.int64))
    assert engine.wait(ticket, 0.05) is None
    assert not engine.ready(ticket)
    wait_until(lambda: [stage for _, _, _, stage, _ in engine.under_way()] == ["augment"])
    assert all(seconds > 0 for *_, seconds in engine.under_way())
    gate.set()
    assert engine.wait(ticket) == []
    assert engine.under_way() == []
    stages = engine.counters()["stages"]
    assert {name: (done["images"], done["errors"]) for name, done in stages.items()} == {
        "read": (3, 0),
        "decode": (3, 0),
        "augment": (3, 0),
    }
    assert stages["read"]["bytes"] == 3 * 21 * 26 * 3
    engine.close()
    engine.close()
    with pytest.raises(EngineClosedError, match="the DALI engine is closed"):
        engine.submit(records, [out], seed=0, epoch=0, indices=np.arange(3), draws=np.zeros(3, np.int64))
