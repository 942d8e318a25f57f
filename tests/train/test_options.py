"""Options and the command line that fills them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.augment import imagenet_eval, imagenet_train
from penstock.errors import OptionError
from penstock.train.arguments import parse_arguments
from penstock.train.data import training_pipeline, validation_pipeline
from penstock.train.options import Options

PATHS = {"train": "a", "val": "b"}


def test_defaults_are_the_imagenet_recipe() -> None:
    options = Options(**PATHS)
    assert (options.model, options.epochs, options.image_size, options.val_short_side) == ("resnet50", 90, 224, 256)
    assert (options.peak_lr, options.warmup, options.label_smoothing) == (0.1, 5, 0.1)


def test_dependent_defaults_follow_and_can_be_set() -> None:
    assert Options(**PATHS, batch_size=1024).peak_lr == pytest.approx(0.4)
    assert Options(**PATHS, batch_size=1024, lr=0.3).peak_lr == 0.3
    assert Options(**PATHS, epochs=10).warmup == 2
    assert Options(**PATHS, epochs=10, warmup_epochs=0).warmup == 0
    assert Options(**PATHS, image_size=112).val_short_side == 128
    assert Options(**PATHS, image_size=32, val_resize=32).val_short_side == 32
    assert Options(**PATHS, workers=3).loading_workers(local_world_size=8) == 3
    assert Options(**PATHS).loading_workers(local_world_size=10_000) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "vgg"}, "model is 'vgg'; expected one of resnet18, resnet34, resnet50"),
        ({"parallel": "both"}, "parallel is 'both'; expected one of none, scatter, ddp"),
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"batch_size": -1}, "batch_size is -1; expected 1 or more"),
        ({"image_size": 0}, "image_size is 0; expected 1 or more"),
        ({"image_size": 64, "val_resize": 32}, "val_resize is 32; expected at least image_size"),
        ({"crop_scale": (0.5, 1.5)}, r"crop_scale is \(0.5, 1.5\); expected two numbers"),
        ({"crop_scale": (0.9, 0.5)}, "crop_scale is"),
        ({"lr": 0.0}, "lr is 0.0; expected above 0"),
        ({"lr": float("nan")}, "lr is nan; expected above 0"),
        ({"momentum": 1.0}, "momentum is 1.0; expected from 0 to below 1"),
        ({"label_smoothing": -0.1}, "label_smoothing is -0.1; expected from 0 to below 1"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; expected 0 or more"),
        ({"warmup_epochs": -1.0}, "warmup_epochs is -1.0; expected 0 or more"),
        ({"workers": 1025}, "workers is 1025; expected 0 to 1024"),
        ({"lr": float("inf")}, "lr is inf; expected above 0"),
        ({"weight_decay": float("inf")}, "weight_decay is inf; expected 0 or more"),
        ({"warmup_epochs": float("inf")}, "warmup_epochs is inf; expected 0 or more"),
        ({"seed": -1}, "seed is -1; expected from 0 to below 2\\*\\*64"),
        ({"seed": 1 << 64}, "seed is 18446744073709551616; expected"),
        ({"workers": -1}, "workers is -1; expected 0 to 1024"),
        ({"parallel": "scatter", "devices": ("cpu",)}, "'scatter' needs two or more devices, got 'cpu' alone"),
    ],
)
def test_wrong_values_are_named_with_what_was_expected(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Options(**PATHS, **wrong)


def test_command_line_fills_every_option() -> None:
    line = (
        "--train a --val b --out c --model resnet18 --small-stem --image-size 32 --val-resize 40 --crop-scale 0.6,1 "
        "--no-flip --epochs 3 --batch-size 64 --lr 0.05 --momentum 0.8 --weight-decay 0 --warmup-epochs 1 "
        "--label-smoothing 0 --workers 2 --seed 7 --parallel scatter --devices cpu,cpu --no-amp --channels-last "
        "--resume d --overwrite"
    )
    expected = Options(
        train="a",
        val="b",
        out="c",
        model="resnet18",
        small_stem=True,
        image_size=32,
        val_resize=40,
        crop_scale=(0.6, 1.0),
        flip=False,
        epochs=3,
        batch_size=64,
        lr=0.05,
        momentum=0.8,
        weight_decay=0,
        warmup_epochs=1,
        label_smoothing=0,
        workers=2,
        seed=7,
        parallel="scatter",
        devices=("cpu", "cpu"),
        amp=False,
        channels_last=True,
        resume="d",
        overwrite=True,
    )
    assert parse_arguments(line.split()) == expected
    defaults = Options(train="", val="").to_dict()
    untouched = [name for name, value in expected.to_dict().items() if value == defaults[name]]
    assert untouched == ["augment", "mean", "std"], "the command line above leaves options at their defaults"


def test_without_arguments_the_defaults_are_those_of_options() -> None:
    assert parse_arguments(["--train", "a", "--val", "b"]) == Options(train="a", val="b")


def test_one_folder_stands_for_train_and_val_inside(tmp_path: Path) -> None:
    for name in ("train", "val"):
        (tmp_path / name).mkdir()
    options = parse_arguments([str(tmp_path)])
    assert (options.train, options.val) == (str(tmp_path / "train"), str(tmp_path / "val"))


def test_resume_without_a_file_is_the_last_checkpoint_of_out() -> None:
    without_out = parse_arguments(["--train", "a", "--val", "b", "--resume"])
    assert without_out.resume == str(Path(without_out.out, "last.pt"))
    assert parse_arguments(["--train", "a", "--val", "b", "--out", "here", "--resume"]).resume == str(
        Path("here/last.pt")
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "give either one folder that holds train and val, or both --train PATH and --val PATH"),
        ("--train a", "give either one folder"),
        ("data --train a --val b", "give either one folder"),
        ("/no/such/folder", "no such file or folder: /no/such/folder"),
        ("--train a --val b --epochs x", "argument --epochs: invalid int value: 'x'"),
        ("--train a --val b --crop-scale 1", "argument --crop-scale: invalid fractions value: '1'"),
        ("--train a --val b --modle resnet18", "unrecognized arguments: --modle"),
    ],
)
def test_misuse_is_an_option_error(line: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_arguments(line.split())


def test_folder_without_val_is_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(OptionError, match="has no val inside; give a folder with train and val in it, or --train"):
        Options.from_folder(tmp_path)


def test_without_options_the_pipelines_are_imagenets_presets() -> None:
    plain = Options(**PATHS)
    assert training_pipeline(plain) == imagenet_train(224)
    assert validation_pipeline(plain) == imagenet_eval(224)
    smaller = Options(**PATHS, image_size=112, val_resize=120, crop_scale=(0.5, 1.0), flip=False)
    assert training_pipeline(smaller) == imagenet_train(112, scale=(0.5, 1.0), flip=0.0)
    assert validation_pipeline(smaller) == imagenet_eval(112, 120)
