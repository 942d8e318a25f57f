"""The main job from end to end: pack a folder of images, load it, train on it.

    python examples/demo.py                              handwritten digits that come with scikit-learn
    DATA=/path/to/imagefolder python examples/demo.py    your own images, in class sub-folders, or in train/ and val/

Everything it makes is in ./demo-out, and can be deleted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Read when torch is loaded: its threads sleep while they wait for each other. Spinning, which is the default, makes
# training on a busy CPU several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from PIL import Image
from pillow_dataset import PillowImages
from torch import Tensor
from tqdm import tqdm

from penstock.augment import Pipeline, contact_sheet, imagenet_train
from penstock.augment.presets import IMAGENET_MEAN, IMAGENET_STD
from penstock.errors import PenstockError
from penstock.formats import Folder, open_dataset
from penstock.loaders import DataLoader
from penstock.train import Options, Result, train

OUT = Path("demo-out")

SECONDS = 2.0
"""How long each loader is measured."""


class DemoError(Exception):
    """Something that the user can put right; the message says how."""


@dataclass(frozen=True)
class Job:
    """What the demo works on, and how.

    Attributes:
        train_folder: the training images as files: what torch's DataLoader is measured on.
        pack: where the packs train and val go.
        commands: arguments of `pack-dataset` that fill it.
        image_size, crop_scale, flip: the augmentation.
        epochs, batch_size, lr: the training; lr None: the trainer's default for the batch size.
    """

    train_folder: Path
    pack: Path
    commands: list[list[str]]
    image_size: int
    crop_scale: tuple[float, float]
    flip: bool
    epochs: int
    batch_size: int
    lr: float | None

    def pipeline(self) -> Pipeline:
        """The training augmentation."""
        return imagenet_train(self.image_size, scale=self.crop_scale, flip=0.5 if self.flip else 0.0)


def main() -> int:
    """Exit status: 0 done, 1 failed, 130 interrupted."""
    try:
        run()
    except subprocess.CalledProcessError as error:
        print(f"error: pack-dataset stopped (exit status {error.returncode}) with the message above", file=sys.stderr)
        print(f"       delete {OUT} where that is about files of an earlier run", file=sys.stderr)
        return 1
    except (DemoError, PenstockError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing is left half done, run it again to go on", file=sys.stderr)
        return 130
    return 0


def run() -> None:
    """The four steps."""
    data = os.environ.get("DATA")
    heading(1, "a folder of images")
    job = own_images(Path(data)) if data else digits()
    heading(2, "pack it")
    for arguments in job.commands:
        pack_dataset(arguments)
    heading(3, "load it")
    compare_loaders(job)
    sheet = look(job)
    heading(4, "train on it")
    result = learn(job)
    heading(5, "done")
    print(f"accuracy        {result.final.val_top1:.2%} of {len(open_dataset(job.pack / 'val')):,} held-out images")
    for name, path in (("packs", job.pack), ("contact sheet", sheet), ("checkpoint", result.best)):
        print(f"{name:15s} {path}")
    print(f"next            penstock inspect {job.pack / 'train'}")
    print("                python -m penstock.train --help")


def heading(number: int, text: str) -> None:
    """Announces a step."""
    print(f"\n--- {number}: {text} ---", flush=True)


# --- 1: images ----------------------------------------------------------------------------------------------------


def digits() -> Job:
    """scikit-learn's 1,797 digits, 8x8 px, as 32x32 JPEG files in class folders; every fifth is held out."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DemoError(
            "the digits come with scikit-learn, which is not installed; "
            f"run: {sys.executable} -m pip install scikit-learn (or set DATA=/path/to/imagefolder)"
        ) from None
    folder = OUT / "digits"
    images, labels = load_digits(return_X_y=True)
    if not folder.exists():
        write_digits(images.reshape(-1, 8, 8), labels, folder)
    print(f"{folder}: {len(images):,} handwritten digits as JPEG files, in train/<digit> and val/<digit>")
    return Job(
        train_folder=folder / "train",
        pack=OUT / "digits-pack",
        commands=[[str(folder), str(OUT / "digits-pack")]],
        image_size=32,
        crop_scale=(0.6, 1.0),
        flip=False,  # a mirrored digit is another digit, or none
        epochs=8,
        batch_size=64,
        lr=0.05,
    )


def write_digits(images: Any, labels: Any, folder: Path) -> None:
    """Writes to another name first, so that `folder` is whole or absent. Images: (n, 8, 8), values 0 to 16."""
    unfinished = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for number, (image, label) in enumerate(zip(tqdm(images, "writing digits", disable=None), labels, strict=True)):
        part = unfinished / ("val" if number % 5 == 4 else "train") / str(label)
        part.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.rint(image * (255 / 16)).astype(np.uint8))
        picture.resize((32, 32), Image.Resampling.BICUBIC).save(part / f"{number:04d}.jpg", quality=95)
    unfinished.rename(folder)


def own_images(folder: Path) -> Job:
    """The user's images, with settings that suit their number and this machine."""
    if not folder.is_dir():
        raise DemoError(f"DATA={folder} is no folder; give a folder with one sub-folder of images for each class")
    parted = all((folder / name).is_dir() for name in ("train", "val"))
    train_folder = folder / "train" if parted else folder
    count, classes = len(Folder(train_folder)), len(Folder(train_folder).classes)
    if classes < 2 or count < 16:
        raise DemoError(
            f"{train_folder} has {count} images in {classes} classes; "
            "training needs 16 images or more in 2 or more class sub-folders"
        )
    gpu = torch.cuda.is_available()
    pack = OUT / f"{folder.resolve().name}-pack"
    job = Job(
        train_folder=train_folder,
        pack=pack,
        commands=own_commands(folder, pack, parted=parted),
        image_size=128 if gpu else 64,
        crop_scale=(0.25, 1.0),
        flip=True,
        epochs=max(1, min(10, (1_000_000 if gpu else 10_000) // count)),
        batch_size=min(256 if gpu else 32, count // 4),
        lr=None,
    )
    print(f"{folder}: {count:,} images in {classes} classes" + ("" if parted else "; a fifth will be held out"))
    if count < 10 * classes:
        print(f"that is {count / classes:.1f} images per class: too few to learn much from, but enough to see it run")
    print(f"chosen: images of {job.image_size} px, batches of {job.batch_size}, {job.epochs} epochs")
    return job


def own_commands(folder: Path, pack: Path, *, parted: bool) -> list[list[str]]:
    """What packs the user's folder into train and val; images that can't be read are left out and listed."""
    if not parted:
        return [[str(folder), str(pack), "--split", "0.8,0.2", "--on-error", "skip"]]
    first, second = (pack / name for name in ("train", "val"))
    return [
        [str(folder / "train"), str(first), "--on-error", "skip"],
        [str(folder / "val"), str(second), "--classes-from", str(first), "--on-error", "skip"],
    ]


# --- 2: pack ------------------------------------------------------------------------------------------------------


def pack_dataset(arguments: list[str]) -> None:
    """Runs the command as a user would; it goes on where an interrupted run stopped."""
    beside = Path(sys.executable).with_name("pack-dataset")
    command = str(beside) if beside.exists() else shutil.which("pack-dataset")
    if command is None:
        raise DemoError("the command pack-dataset is not installed; run make demo, or pip install . in this folder")
    print("$ pack-dataset", *arguments, flush=True)
    subprocess.run([command, *arguments], check=True)


# --- 3: load ------------------------------------------------------------------------------------------------------


def look(job: Job) -> Path:
    """Draws one augmented batch."""
    dataset = open_dataset(job.pack / "train")
    loader: DataLoader[list[Tensor]] = DataLoader(dataset, batch_size=32, shuffle=True, augment=job.pipeline(), seed=0)
    images, labels = next(iter(loader))
    path = OUT / "batch.png"
    contact_sheet(images, labels, dataset.classes, mean=IMAGENET_MEAN, std=IMAGENET_STD).save(path)
    print(f"one augmented batch: {path}")
    return path


def compare_loaders(job: Job) -> None:
    """The same work, done by penstock from the pack and by torch's DataLoader from the folder."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings: dict[str, Any] = {"batch_size": job.batch_size, "num_workers": workers, "shuffle": True}
    settings |= {"drop_last": True}
    packed: DataLoader[list[Tensor]] = DataLoader(
        open_dataset(job.pack / "train"), augment=job.pipeline(), seed=0, **settings
    )
    plain = PillowImages(
        job.train_folder, job.image_size, job.crop_scale, flip=job.flip, normalize=(IMAGENET_MEAN, IMAGENET_STD)
    )
    torchs: Any = torch.utils.data.DataLoader(plain, persistent_workers=True, **settings)
    ours = images_per_second(packed, "penstock")
    theirs = images_per_second(torchs, "torch")
    print(f"same crops to {job.image_size} px and normalisation, {workers} workers, {SECONDS:g} s each:")
    print(f"penstock.loaders.DataLoader, pack      {ours:10,.0f} images/s")
    print(f"torch.utils.data.DataLoader, Pillow    {theirs:10,.0f} images/s")
    print(f"ratio                                  {ours / theirs:10.1f}")


def images_per_second(loader: Iterable[list[Tensor]], name: str) -> float:
    """Epoch after epoch for `SECONDS`; the first epoch's start, when workers are started, is not counted."""
    next(iter(loader))
    count, started = 0, time.perf_counter()
    with tqdm(total=SECONDS, desc=f"measuring {name}", unit="s", disable=None, leave=False) as bar:
        while True:
            for _, labels in loader:
                count += len(labels)
                seconds = time.perf_counter() - started
                bar.update(min(seconds, SECONDS) - bar.n)
                if seconds >= SECONDS:
                    return count / seconds


# --- 4: train -----------------------------------------------------------------------------------------------------


def learn(job: Job) -> Result:
    """Trains the reference ResNet-18 on the pack."""
    options = Options.from_folder(
        job.pack,
        out=str(OUT / "run"),
        overwrite=True,
        model="resnet18",
        image_size=job.image_size,
        val_resize=job.image_size,
        crop_scale=job.crop_scale,
        flip=job.flip,
        epochs=job.epochs,
        batch_size=job.batch_size,
        lr=job.lr,
    )
    return train(options)


if __name__ == "__main__":
    sys.exit(main())
