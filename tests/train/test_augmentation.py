"""The trainer's other augmentations: which ones it learns from, and which it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.training import colour_options, write_colours

from penstock.augment import (
    CenterCrop,
    Choice,
    CutMix,
    FiveCrop,
    Lambda,
    MixUp,
    Normalize,
    Pipeline,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToDtype,
    Views,
    cifar_train,
    mxnet_level1,
)
from penstock.errors import OptionError, PenstockError, SpecError
from penstock.train import Options, Result, load_checkpoint, train
from penstock.train.arguments import parse_arguments
from penstock.train.data import training_pipeline, validation_pipeline
from penstock.train.main import main

PATHS = {"train": "a", "val": "b"}
FLOATS = (ToDtype("float32", scale=True), Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))
CROPS = Pipeline([RandomCrop(16), RandomHorizontalFlip(), *FLOATS])


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("colours"), train=12, val=2)


def quiet(_: str) -> None:
    """Reports nothing."""


def with_mixing(op: Any) -> Pipeline:
    return Pipeline([*CROPS, op])


def test_presets_files_and_pipelines_become_pipelines(tmp_path: Path) -> None:
    file = tmp_path / "crops.json"
    file.write_text(CROPS.to_json())
    small = {**PATHS, "image_size": 16}
    assert Options(**small, augment=str(file)).augment == CROPS
    assert Options(**small, augment=CROPS) == Options(**small, augment=str(file))
    assert parse_arguments(["--train", "a", "--val", "b", "--augment", "mxnet-level1"]).augment == mxnet_level1()
    line = ["--train", "a", "--val", "b", "--image-size", "32", "--augment", "cifar_train"]
    assert training_pipeline(parse_arguments(line)) == cifar_train()


def test_the_usual_recipe_may_be_named() -> None:
    options = Options(**PATHS, augment="imagenet-train", flip=False)
    assert options == Options(**PATHS, flip=False)
    assert training_pipeline(options) == training_pipeline(Options(**PATHS, flip=False))


def test_validation_images_are_converted_and_normalised_as_training_images() -> None:
    pipeline = with_mixing(MixUp(3))
    options = Options(**PATHS, image_size=16, val_resize=20, augment=pipeline)
    assert validation_pipeline(options) == Pipeline([Resize(20), CenterCrop(16), *FLOATS])
    unscaled = Pipeline([RandomCrop(16), ToDtype("float32"), Normalize((120, 120, 120), (60, 60, 60))])
    options = Options(**PATHS, image_size=16, augment=Pipeline([*unscaled, RandomErasing()]))
    assert validation_pipeline(options) == Pipeline([Resize(18), CenterCrop(16), *unscaled[1:]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"augment": "imagenet"}, "--augment imagenet is no file and no preset; give a file of Pipeline.to_json"),
        ({"augment": 3}, "augment is 3; expected a Pipeline, the name of a preset, or a file of Pipeline.to_json"),
        ({"augment": "simclr"}, "augment 'simclr' gives 2 views of each image, and this trainer learns the classes"),
        ({"augment": Views(1, CROPS)}, "augment gives 1 views of each image, .*; give the pipeline of one view"),
        ({"augment": Pipeline([FiveCrop(16), *FLOATS])}, "augment gives 5 crops of each image, .* write CenterCrop"),
        ({"augment": Pipeline([RandomCrop(16)])}, r"gives uint8 images, .* write ToDtype\('float32', scale=True\)"),
        ({"augment": Pipeline([RandomCrop(16), ToDtype("float16", scale=True)])}, "gives float16 images"),
        ({"augment": Pipeline(FLOATS)}, r"images of several sizes, .* end its crops with RandomResizedCrop\(16\)"),
        ({"augment": "cifar_train"}, "gives images of 32 x 32 px, and image_size, .*, is 16; give --image-size 32, or"),
        ({"augment": Pipeline([Resize((16, 8)), *FLOATS])}, "of 16 x 8 px, .* is 16; give a pipeline of that size"),
        ({"augment": CROPS, "flip": False}, "flip is False; expected the default beside another augment than image"),
        ({"augment": CROPS, "crop_scale": (0.5, 1)}, "crop_scale is .*; write it into the pipeline"),
        ({"augment": CROPS, "mean": (0, 0, 0)}, "mean is .*; write it into the pipeline"),
    ],
)
def test_what_it_cant_learn_from_is_refused_with_a_fix(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Options(**PATHS, **{"image_size": 16, **wrong})


def test_functions_that_no_checkpoint_can_keep_are_refused() -> None:
    with pytest.raises(SpecError, match="Lambda: function must be importable to be written as a dictionary"):
        Options(**PATHS, image_size=16, augment=Pipeline([Lambda(lambda pixels: pixels), *CROPS]))


@pytest.mark.parametrize("spread", [{}, {"parallel": "scatter", "devices": ("cpu", "cpu")}], ids=["one", "two"])
def test_mixed_batches_are_learnt_from(colours: Path, tmp_path: Path, spread: dict[str, Any]) -> None:
    pipeline = with_mixing(Choice([MixUp(3, alpha=0.2), CutMix(3)]))
    options = colour_options(colours, out=str(tmp_path), augment=pipeline, epochs=1, **spread)
    result = train(options, quiet)
    assert np.isfinite(result.final.train_loss)
    assert np.isfinite(result.final.val_loss)


def test_mixed_labels_are_what_the_loss_is_of(colours: Path, tmp_path: Path) -> None:
    plain, mixed, never = (
        train(colour_options(colours, out=str(tmp_path / name), augment=pipeline, epochs=1), quiet).final
        for name, pipeline in (
            ("plain", CROPS),
            ("mixed", with_mixing(MixUp(3))),
            ("never", with_mixing(MixUp(3, p=0))),
        )
    )
    assert never.train_loss == pytest.approx(plain.train_loss, rel=1e-5)
    assert mixed.train_loss > plain.train_loss


def test_files_with_functions_are_learnt_from(colours: Path, tmp_path: Path) -> None:
    file = tmp_path / "functions.json"
    file.write_text(Pipeline([Lambda("numpy:ascontiguousarray"), *CROPS]).to_json())
    result = train(colour_options(colours, out=str(tmp_path / "run"), augment=str(file), epochs=1, workers=0), quiet)
    assert np.isfinite(result.final.val_loss)


def test_another_number_of_classes_is_refused(colours: Path, tmp_path: Path) -> None:
    options = colour_options(colours, out=str(tmp_path), augment=with_mixing(Choice([CutMix(5)])))
    message = f"augment has {CutMix(5)!r}, but {options.train} has 3 classes; write num_classes=3"
    with pytest.raises(OptionError, match=re.escape(message)):
        train(options, quiet)


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("{", 1, "pipeline.json: a pipeline can't be read from JSON: Expecting"),
        (Pipeline([RandomCrop(400), *FLOATS]).to_json(), 2, "gives images of 400 x 400 px, and image_size, "),
        (Pipeline([RandomCrop(16), *FLOATS, MixUp(7)]).to_json(), 2, "but .* has 3 classes; write num_classes=3"),
    ],
)
def test_command_refuses_files_with_one_line(
    colours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, status: int, message: str
) -> None:
    file = tmp_path / "pipeline.json"
    file.write_text(text)
    line = f"{colours} --out {tmp_path / 'run'} --image-size 16 --batch-size 12 --devices cpu --augment {file}"
    assert main(line.split()) == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def finished(colours: Path) -> Result:
    return train(colour_options(colours, out=str(colours / "run"), augment=CROPS, epochs=1), quiet)


def test_checkpoints_keep_the_pipeline(colours: Path, finished: Result) -> None:
    kept = load_checkpoint(finished.last).options
    assert kept["augment"] == CROPS.to_dict()
    assert Options(**kept) == colour_options(colours, out=str(colours / "run"), augment=CROPS, epochs=1)


@pytest.mark.parametrize(
    ("augment", "said"),
    [
        (CROPS, None),
        (
            "imagenet_train",
            "augment [RandomCrop, RandomHorizontalFlip, ToDtype, Normalize] -> imagenet_train",
        ),
        (
            Pipeline([RandomResizedCrop(16), *FLOATS]),
            "augment [RandomCrop, RandomHorizontalFlip, ToDtype, Normalize] -> [RandomResizedCrop, ToDtype, Normalize]",
        ),
        (
            Pipeline([RandomCrop(16), RandomHorizontalFlip(0.25), *FLOATS]),
            f"augment {json.dumps(RandomHorizontalFlip().to_dict())} -> "
            f"{json.dumps(RandomHorizontalFlip(0.25).to_dict())}",
        ),
    ],
)
def test_resuming_with_another_augmentation_is_said(
    colours: Path, finished: Result, tmp_path: Path, augment: Any, said: str | None
) -> None:
    lines: list[str] = []
    options = colour_options(colours, out=str(tmp_path), epochs=1, resume=str(finished.last))
    train(replace(options, augment=augment), report=lines.append)
    assert [line.endswith(said or "") for line in lines if "augment" in line] == ([True] if said else [])


def test_checkpoints_of_before_are_of_the_usual_recipe(colours: Path, finished: Result) -> None:
    checkpoint = load_checkpoint(finished.last)
    before = {name: value for name, value in checkpoint.options.items() if name != "augment"}
    earlier = replace(checkpoint, options=before)
    assert earlier.changes(colour_options(colours, epochs=1)) == []
    assert earlier.changes(colour_options(colours, epochs=1, augment=CROPS)) == [
        "augment imagenet_train -> [RandomCrop, RandomHorizontalFlip, ToDtype, Normalize]"
    ]


def test_bad_specs_are_penstocks_errors() -> None:
    with pytest.raises(PenstockError, match="a pipeline must have the keys"):
        Options(**PATHS, augment={"ops": []})  # type: ignore[arg-type]
