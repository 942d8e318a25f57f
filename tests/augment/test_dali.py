"""The DALI executor, with DALI's CPU back-end, against the oracle: from decoded pixels and from compressed bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from support.parity import OVERSHOOTING, tolerance
from support.pipelines import crops, images, short_side_resizes, sizes

from penstock.augment import (
    CenterCrop,
    ColorJitter,
    Cutout,
    DaliExecutor,
    Executor,
    GaussianBlur,
    Grayscale,
    Normalize,
    Op,
    Pad,
    Pipeline,
    RandomCrop,
    RandomErasing,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomInvert,
    RandomPosterize,
    RandomResizedCrop,
    RandomSolarize,
    RandomVerticalFlip,
    ReferenceExecutor,
    Resize,
    ToDtype,
    imagenet_eval,
    imagenet_train,
)
from penstock.augment.executors.dali import Branch, DaliViews, dali_obstacle
from penstock.errors import OptionError

pytest.importorskip("nvidia.dali", reason="NVIDIA DALI is not installed")

Picture = NDArray[np.uint8]
PHOTOGRAPHS: list[Picture] = load_sample_images().images
PICTURES = [
    PHOTOGRAPHS[0][100:260, 200:420],
    PHOTOGRAPHS[1][:97, :181],
    np.repeat(PHOTOGRAPHS[0][50:81, 300:317, 1:2], 3, axis=2),
    np.random.default_rng(0).integers(0, 256, (41, 23, 3), np.uint8),
    np.full((2, 11, 3), 77, np.uint8),
    np.full((1, 1, 3), 255, np.uint8),
]

UNIT = ToDtype("float32", scale=True)
IMAGENET = Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

CASES: list[tuple[Op, ...]] = [
    (RandomResizedCrop(64),),
    (RandomResizedCrop((30, 200), scale=(0.01, 1)),),
    (Resize(40),),
    (Resize(150, max_size=160),),
    (Resize((3, 5)),),
    (Resize((300, 2)),),
    *((RandomResizedCrop((40, 90), (0.05, 1), interpolation=name),) for name in ("bicubic", "lanczos")),
    *((Resize(40, name),) for name in ("bicubic", "lanczos")),
    *((Resize((3, 150), name),) for name in ("bicubic", "lanczos")),
    (CenterCrop((60, 170)),),
    (CenterCrop(33),),
    (Pad((3, 50, 8, 0), (1, 20, 255)),),
    (Pad(4),),
    (RandomCrop((40, 70), 3, True, (9, 8, 7)),),
    (RandomCrop(1),),
    (RandomHorizontalFlip(),),
    (RandomVerticalFlip(),),
    (Grayscale(),),
    (RandomGrayscale(0.6),),
    (RandomInvert(),),
    *((RandomPosterize(bits),) for bits in (1, 5, 8)),
    *((RandomSolarize(threshold, 0.7),) for threshold in (-3, 0, 100.5, 255, 300)),
    (ColorJitter(brightness=0.8),),
    (ColorJitter(contrast=(0, 3)),),
    (ColorJitter(saturation=(0, 5)),),
    (ColorJitter(),),
    (GaussianBlur((9, 3), (0.2, 4)),),
    *((ToDtype(dtype, scale),) for dtype in ("uint8", "float32", "float16") for scale in (False, True)),
    (UNIT, IMAGENET),
    (ToDtype("float16", scale=True), IMAGENET),
    (CenterCrop(40), RandomErasing(0.7, value=(0, 9, 255))),
    (CenterCrop(40), Cutout(15, 3, value=7)),
    (CenterCrop(40), UNIT, IMAGENET, RandomErasing(0.7, value=0.25), Cutout(9, value=(0.5, -2, 0))),
    (CenterCrop(40), ToDtype("float16", scale=True), RandomErasing(1, value=0.1)),
    (ToDtype("float32"), Normalize((120, 110, 100), (60, 50, 70))),
]


def compared(result: NDArray[Any], expected: NDArray[Any], pipeline: Pipeline) -> NDArray[np.float64]:
    """By how many grey levels each value differs."""
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert result.flags.c_contiguous
    levels = np.ones((3, 1, 1))
    for op in pipeline:
        if isinstance(op, ToDtype) and op.scale and op.dtype != "uint8":
            levels = levels * 255
        if isinstance(op, Normalize):
            levels = levels * np.array(op.std)[:, None, None]
    return np.abs(result.astype(np.float64) - expected.astype(np.float64)) * levels


def both(pipeline: Pipeline, pictures: list[Picture]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """What DALI and the oracle make of the pictures."""
    params = pipeline.params(range(len(pictures)), sizes=[picture.shape[:2] for picture in pictures])
    results = DaliExecutor(pipeline).run(pictures, params)
    return list(zip(results, ReferenceExecutor(pipeline).run(pictures, params), strict=True))


def allowed_by(op: Op) -> float:
    """What the table allows; a row of its own has the filters that overshoot."""
    overshoots = getattr(op, "interpolation", "bilinear") != "bilinear"
    return tolerance(OVERSHOOTING if overshoots else type(op).__name__, "dali")


def jpeg(picture: Picture, **options: Any) -> NDArray[np.uint8]:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG", **options)
    return np.frombuffer(data.getvalue(), np.uint8)


def decoded(data: NDArray[np.uint8]) -> Picture:
    return np.array(Image.open(io.BytesIO(data.tobytes())).convert("RGB"))


def test_it_is_an_executor() -> None:
    assert isinstance(DaliExecutor(Pipeline()), Executor)


@pytest.mark.parametrize("ops", CASES, ids=repr)
def test_op_is_as_near_to_the_oracle_as_the_table_says(ops: tuple[Op, ...]) -> None:
    pipeline = Pipeline(ops)
    allowed = max(allowed_by(op) for op in ops)
    for result, expected in both(pipeline, PICTURES):
        apart = compared(result, expected, pipeline)
        if result.dtype == np.float16:
            allowed = max(allowed, float(np.spacing(np.abs(expected).max())) * 255)
        assert apart.max() <= allowed


def runs(op: Op) -> bool:
    return not dali_obstacle(op)


@given(images(), (crops() | short_side_resizes()).filter(runs) | st.builds(Resize, sizes), st.integers(0, 1000))
@settings(max_examples=60)
def test_resizes_of_any_image_are_as_near_as_the_table_says(image: Picture, op: Op, index: int) -> None:
    pipeline = Pipeline([op])
    params = pipeline.params([index], sizes=image.shape[:2])
    (result,) = DaliExecutor(pipeline).run([image], params)
    (expected,) = ReferenceExecutor(pipeline).run([image], params)
    assert compared(result, expected, pipeline).max() <= allowed_by(op)


BICUBIC = Pipeline([RandomResizedCrop(112, interpolation="bicubic"), RandomHorizontalFlip(), UNIT, IMAGENET])


@pytest.mark.parametrize(
    "preset", [imagenet_train(112), imagenet_eval(112, 128), BICUBIC], ids=["train", "eval", "bicubic"]
)
def test_presets_stay_within_the_tolerance_of_resampling_on_photographs(preset: Pipeline) -> None:
    for result, expected in both(preset, PHOTOGRAPHS):
        apart = compared(result, expected, preset)
        assert apart.mean() < 0.5
        assert np.percentile(apart, 99.9) <= 2


@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 2}, {"subsampling": 1, "progressive": True}, {"exif": b"\x00orientation"}],
    ids=repr,
)
def test_files_are_decoded_as_pillow_does(options: dict[str, Any]) -> None:
    if "exif" in options:
        exif = Image.Exif()
        exif[0x112] = 6  # to be turned by who shows it, not by who trains
        options = {"exif": exif}
    files = [jpeg(picture, **options) for picture in PICTURES] + [jpeg(PICTURES[1][..., 1])]
    pictures = [decoded(file) for file in files]
    sizes = [picture.shape[:2] for picture in pictures]
    for pipeline in (Pipeline(), Pipeline([RandomCrop(1)]), Pipeline([RandomVerticalFlip(1), CenterCrop(20)])):
        params = pipeline.params(range(len(files)), sizes=sizes)
        results = DaliExecutor(pipeline).run_encoded(files, params, sizes)
        for result, expected in zip(results, ReferenceExecutor(pipeline).run(pictures, params), strict=True):
            assert np.array_equal(result.numpy(), expected)


def test_crops_from_files_are_resized_as_crops_of_pixels() -> None:
    pipeline = Pipeline([RandomResizedCrop(48), RandomHorizontalFlip(), UNIT, IMAGENET])
    files = [jpeg(picture, quality=90) for picture in PHOTOGRAPHS] * 4
    sizes = [decoded(file).shape[:2] for file in files]
    params = pipeline.params(range(8), sizes=sizes)
    executor = DaliExecutor(pipeline)
    results = executor.run_encoded(files, params, sizes)
    from_pixels = executor.run_batch([decoded(file) for file in files], params)
    assert np.array_equal(results.numpy(), from_pixels.numpy())


def test_own_photographs_from_files_are_as_near_as_from_pixels(photographs: list[Path]) -> None:
    chosen = photographs[:: max(len(photographs) // 12, 1)][:12]
    files = [np.frombuffer(path.read_bytes(), np.uint8) for path in chosen]
    pictures = [decoded(file) for file in files]
    sizes = [picture.shape[:2] for picture in pictures]
    whole = DaliExecutor(Pipeline()).run_encoded(files, Pipeline().params(range(len(files))), sizes)
    assert all(np.array_equal(*pair) for pair in zip((made.permute(1, 2, 0) for made in whole), pictures, strict=True))
    for interpolation in ("bilinear", "bicubic", "lanczos"):
        pipeline = Pipeline([RandomResizedCrop(112, interpolation=interpolation)])
        params = pipeline.params(range(len(files)), sizes=sizes)
        results = DaliExecutor(pipeline).run_encoded(files, params, sizes)
        for result, expected in zip(results, ReferenceExecutor(pipeline).run(pictures, params), strict=True):
            apart = compared(result.numpy(), expected, pipeline)
            assert apart.max() <= allowed_by(pipeline[0])
            assert apart.mean() < 0.5


def test_a_batch_may_hold_files_pixels_and_windows_of_pixels() -> None:
    pipeline = Pipeline([RandomResizedCrop(32), RandomHorizontalFlip()])
    pictures = [decoded(jpeg(picture)) for picture in PHOTOGRAPHS for _ in range(2)]
    sizes = [picture.shape[:2] for picture in pictures]
    params = pipeline.params(range(4), sizes=sizes)
    executor = DaliExecutor(pipeline)
    windows = executor.windows(params, sizes)
    assert windows is not None
    x, y, width, height = windows[3]
    mixed = [
        jpeg(PHOTOGRAPHS[0]),
        pictures[1],
        jpeg(PHOTOGRAPHS[1]),
        pictures[3][y : y + height, x : x + width],
    ]
    cut = np.array([False, False, False, True])
    results = executor.run_encoded(mixed, params, sizes, cut)
    assert np.array_equal(results.numpy(), executor.run_batch(pictures, params).numpy())
    pixels = [pictures[0], pictures[1], pictures[2], mixed[3]]
    assert np.array_equal(results.numpy(), executor.run_encoded(pixels, params, sizes, cut).numpy())


def test_windows_are_known_only_where_a_crop_comes_first() -> None:
    later = Pipeline([RandomHorizontalFlip(), RandomCrop(2)])
    assert DaliExecutor(later).windows(later.params([0], sizes=(9, 9)), [(9, 9)]) is None
    padded = Pipeline([RandomCrop(4, padding=1)])
    assert DaliExecutor(padded).windows(padded.params([0], sizes=(9, 9)), [(9, 9)]) is None
    first = Pipeline([RandomCrop((4, 5))])
    params = first.params([0], sizes=(9, 9))
    x, y = (int(params[f"0.{field}"][0]) for field in ("x", "y"))
    assert DaliExecutor(first).windows(params, [(9, 9)]).tolist() == [[x, y, 5, 4]]


def test_batches_are_tensors_of_their_own_of_any_number_of_samples() -> None:
    pipeline = Pipeline([CenterCrop(20), RandomInvert()])
    executor = DaliExecutor(pipeline, threads=2)
    expected = {}
    results = {}
    for count in (2, 6, 1, 6, 0):
        pictures = PICTURES[:count]
        params = pipeline.params(range(count), sizes=[picture.shape[:2] for picture in pictures] or (1, 1))
        expected[count] = ReferenceExecutor(pipeline).run(pictures, params)
        results[count] = executor.run_batch(pictures, params)
    for count, batch in results.items():
        assert len(batch) == count
        for result, oracle in zip(batch, expected[count], strict=True):
            assert np.array_equal(result.numpy(), oracle)
    assert results[6].shape == (6, 3, 20, 20)


def test_channels_last_is_about_memory_only() -> None:
    pipeline = Pipeline([Resize((30, 20)), UNIT])
    params = pipeline.params(range(len(PICTURES)), sizes=[picture.shape[:2] for picture in PICTURES])
    plain = DaliExecutor(pipeline).run_batch(PICTURES, params)
    last = DaliExecutor(pipeline, channels_last=True).run_batch(PICTURES, params)
    assert np.array_equal(plain.numpy(), last.numpy())
    assert plain.is_contiguous()
    assert last.permute(0, 2, 3, 1).is_contiguous()


def test_sizes_after_are_those_of_the_results() -> None:
    pipeline = Pipeline([Resize(20, max_size=31), Pad((1, 2))])
    sizes = [picture.shape[:2] for picture in PICTURES]
    params = pipeline.params(range(len(PICTURES)), sizes=sizes)
    executor = DaliExecutor(pipeline)
    assert executor.sizes_after(params, sizes).tolist() == [
        [*result.shape[1:]] for result in executor.run(PICTURES, params)
    ]


def test_after_a_file_that_is_damaged_the_executor_goes_on() -> None:
    pipeline = Pipeline([CenterCrop(8)])
    files = [jpeg(picture) for picture in PICTURES]
    sizes = [picture.shape[:2] for picture in PICTURES]
    params = pipeline.params(range(len(files)), sizes=sizes)
    executor = DaliExecutor(pipeline)
    with pytest.raises(RuntimeError, match="decode"):
        executor.run_encoded([*files[:3], files[3][: len(files[3]) // 2], *files[4:]], params, sizes)
    assert executor.run_encoded(files, params, sizes).shape == (len(files), 3, 8, 8)


class Interrupted(list[Any]):
    """Numbers whose reading Ctrl-C interrupts."""

    def __iter__(self) -> NoReturn:
        raise KeyboardInterrupt


class InterruptedOnce(Branch):
    """Feeds that are interrupted when some of them are with DALI already."""

    interrupts = 0

    def feeds(self, *args: Any) -> dict[str, Any]:
        feeds = super().feeds(*args)
        if self.interrupts:
            self.interrupts -= 1
            feeds["1.0.flip"] = Interrupted(feeds["1.0.flip"])
        return feeds


def test_ctrl_c_between_two_inputs_leaves_nothing_for_the_next_batch() -> None:
    pipeline = Pipeline([RandomCrop(20), RandomHorizontalFlip()])
    branch = InterruptedOnce(pipeline, 2)
    views = DaliViews([branch])
    pictures = [PHOTOGRAPHS[0][:50, :60], PHOTOGRAPHS[1][:70, :30]]
    sizes = [picture.shape[:2] for picture in pictures]
    for epoch in range(3):
        params = pipeline.params(range(2), epoch, sizes=sizes)
        branch.interrupts = int(epoch == 1)
        if branch.interrupts:
            with pytest.raises(KeyboardInterrupt):
                views.run(pictures, [params], sizes)
        (batch,) = views.run(pictures, [params], sizes)
        for result, expected in zip(batch, ReferenceExecutor(pipeline).run(pictures, params), strict=True):
            assert np.array_equal(result.numpy(), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Pipeline(), "meta"), "device of DaliExecutor must be 'cpu' or a CUDA device, got 'meta'"),
        ((Pipeline(), "nowhere"), "must be 'cpu' or a CUDA device, got 'nowhere', which is none"),
        ((Pipeline(), "cuda:99"), r"got 'cuda:99', and torch sees \d+ CUDA devices; take 'cpu'"),
        (([CenterCrop(3)],), r"needs a penstock\.augment\.Pipeline, got list; wrap ops in Pipeline"),
    ],
)
def test_bad_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DaliExecutor(*arguments)


def test_a_number_of_threads_is_a_number() -> None:
    threads: Any = "2"
    with pytest.raises(OptionError, match="threads of DaliExecutor must be an int, got '2'"):
        DaliExecutor(Pipeline(), threads=threads)


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((5, 5), np.uint8), r"uint8 of shape \(5, 5\)"),
        (np.zeros((5, 5, 4), np.uint8), r"uint8 of shape \(5, 5, 4\)"),
        (np.zeros((5, 5, 3), np.float32), r"float32 of shape \(5, 5, 3\)"),
        (np.zeros(0, np.uint8), r"uint8 of shape \(0,\)"),
        (b"bytes", "bytes"),
    ],
)
def test_what_is_no_image_is_refused_and_harms_nothing(image: Any, got: str) -> None:
    pipeline = Pipeline([CenterCrop(4)])
    executor = DaliExecutor(pipeline)
    params = pipeline.params([0, 1], sizes=(5, 5))
    good = np.ones((5, 5, 3), np.uint8)
    with pytest.raises(OptionError, match=rf"image 1 must be uint8 pixels.*, got {got}"):
        executor.run_encoded([good, image], params, [(5, 5)] * 2)
    with pytest.raises(OptionError, match=r"sizes must be \(2, 2\) heights and widths, got int64 of shape \(1, 2\)"):
        executor.run_encoded([good, good], params, [(5, 5)])
    assert executor.run([good, good], params)[1].all()


def test_a_table_of_another_pipeline_is_refused() -> None:
    other = Pipeline([RandomInvert()]).params([0])
    with pytest.raises(OptionError, match="params must have the columns"):
        DaliExecutor(Pipeline([RandomCrop(1)])).run(PICTURES[:1], other)
