"""A whole training run: epochs, validation, checkpoints."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from ..errors import OptionError, TrainingError
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .data import Data, open_data
from .loop import Progress, train_epoch, validate
from .optimizer import build_optimizer
from .options import Options
from .parallel import OneDevice, place_model
from .resnet import build_model
from .schedule import Schedule
from .world import World, join_world

__all__ = ["Epoch", "Result", "train"]

LAST, BEST = "last.pt", "best.pt"


@dataclass(frozen=True, slots=True)
class Epoch:
    """The numbers of one finished epoch.

    Attributes:
        number: 1, 2, 3 ...
        lr: learning rate of the last step.
        train_loss, train_top1, train_top5: over the steps' own batches, label smoothing included; shares from 0 to 1.
        val_loss, val_top1, val_top5: over the whole validation set afterwards.
        images_per_second: training images, loading included, validation not.
    """

    number: int
    lr: float
    train_loss: float
    train_top1: float
    train_top5: float
    val_loss: float
    val_top1: float
    val_top5: float
    images_per_second: float

    def line(self, epochs: int) -> str:
        """What the trainer prints after an epoch."""
        return (
            f"epoch {self.number:{len(str(epochs))}d}/{epochs}"
            f"  train loss {self.train_loss:.3f} top-1 {self.train_top1:.2%}"
            f"  val loss {self.val_loss:.3f} top-1 {self.val_top1:.2%} top-5 {self.val_top5:.2%}"
            f"  lr {self.lr:.2g}  {self.images_per_second:,.0f} images/s"
        )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes:
        history: one entry per finished epoch, also those before a resume; never empty.
        last, best: the checkpoints; `best` is the one of the highest top-1 accuracy.
        classes: class names; empty where labels have no names.
    """

    history: list[Epoch]
    last: Path
    best: Path
    classes: list[str]

    @property
    def final(self) -> Epoch:
        """The last epoch."""
        return self.history[-1]

    @property
    def best_epoch(self) -> Epoch:
        """The epoch of the highest top-1 accuracy; the first one of equals."""
        return max(self.history, key=lambda epoch: epoch.val_top1)


def train(options: Options, report: Callable[[str], None] = print) -> Result:
    """Trains as `options` say; the main process reports a line per epoch and saves after each.

    The result does not depend on torch's global random state. On CUDA devices cuDNN's benchmark mode is switched on.

    Raises:
        OptionError: options that don't go together, with each other or with the machine.
        DatasetError: a dataset can't be opened or does not suit.
        TrainingError: a checkpoint can't be read or written, or the loss is not finite any more.
        RecordError: an image can't be read.
    """
    out = Path(options.out)
    with join_world(options) as world:
        check_output(out, options)
        data = open_data(options)
        if world.devices[0].type == "cuda":
            torch.backends.cudnn.benchmark = True
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(options.seed)
            model = build_model(options.model, data.num_classes, small_stem=options.small_stem)
        replicas = place_model(model, options, world)
        try:
            run = Run(options, world, data, replicas, report)
            if options.resume is not None:
                run.resume(options.resume)
            if world.is_main:
                prepare_output(out, fresh=options.resume is None)
            return run.train()
        finally:
            replicas.close()


def check_output(out: Path, options: Options) -> None:
    """Refuses to mix a new run with an earlier one's checkpoints."""
    resumed_here = options.resume is not None and Path(options.resume).resolve().parent == out.resolve()
    if os.path.exists(out / LAST) and not options.overwrite and not resumed_here:
        raise OptionError(
            f"{out} holds the checkpoint of an earlier run: go on from it with --resume, "
            "replace it with --overwrite, or give another --out"
        )


def prepare_output(out: Path, *, fresh: bool) -> None:
    """Makes the folder; for a fresh run, without an earlier one's checkpoints."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (LAST, BEST) if fresh else ():
            (out / name).unlink(missing_ok=True)
    except OSError as error:
        raise TrainingError(
            f"can't write to the folder {out}: {error.strerror or error}; give another --out"
        ) from error


class Run:
    """A run under way. Its state is what a `Checkpoint` holds."""

    def __init__(
        self, options: Options, world: World, data: Data, replicas: OneDevice, report: Callable[[str], None]
    ) -> None:
        self.options = options
        self.world = world
        self.data = data
        self.replicas = replicas
        self.train_loader, self.val_loader = data.loaders(options, world)
        self.steps = len(self.train_loader)
        self.schedule = Schedule(options.peak_lr, round(options.warmup * self.steps), options.epochs * self.steps)
        self.optimizer = build_optimizer(replicas.model, options)
        self.progress = Progress(options.batch_size, shown=world.is_main)
        self.history: list[Epoch] = []
        self._report = report

    def resume(self, path: str) -> None:
        """Takes over the state of a checkpoint."""
        checkpoint = load_checkpoint(path)
        checkpoint.check_fits(self.options, self.data.classes, self.data.num_classes, path)
        self.replicas.model.load_state_dict(checkpoint.model)
        # Momenta come from the checkpoint, settings such as the weight decay from this run's options.
        settings = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": checkpoint.optimizer["state"], "param_groups": settings})
        self.history = [Epoch(**numbers) for numbers in checkpoint.history]
        if changes := checkpoint.changes(self.options):
            self.report(f"note: not the recipe that {path} was written with: {', '.join(changes)}")

    def report(self, line: str) -> None:
        """Says it once, whatever the number of processes."""
        if self.world.is_main:
            self._report(line)

    def train(self) -> Result:
        """Runs the epochs that are left."""
        self.report(self.headline())
        if len(self.history) >= self.options.epochs:
            self.report(f"nothing left to do: {counted(len(self.history))} finished already; raise --epochs to go on")
        for epoch in range(len(self.history), self.options.epochs):
            self.history.append(self.one_epoch(epoch))
            if self.world.is_main:
                self.save()
            self.report(self.history[-1].line(self.options.epochs))
        out = Path(self.options.out)
        result = Result(self.history, out / LAST, out / BEST, self.data.classes)
        self.report_checkpoints(result)
        return result

    def report_checkpoints(self, result: Result) -> None:
        """Says where they are. A run that goes on in another folder may leave one there, or none."""
        places = (("last", result.last), ("best", result.best))
        found = [f"{name} {path}" for name, path in places if path.exists()]
        if found:
            self.report(f"checkpoints: {', '.join(found)}")

    def one_epoch(self, epoch: int) -> Epoch:
        """Epoch 0, 1, 2 ...: trains, then validates."""
        self.train_loader.set_epoch(epoch)
        started = time.perf_counter()
        trained = train_epoch(
            self.replicas,
            self.optimizer,
            self.schedule,
            self.progress.over(self.train_loader, f"epoch {epoch + 1}/{self.options.epochs}"),
            first_step=epoch * self.steps,
            label_smoothing=self.options.label_smoothing,
        )
        seconds = time.perf_counter() - started
        if not math.isfinite(trained.loss):
            raise TrainingError(
                f"the training loss became {trained.loss} in epoch {epoch + 1}: lower --lr ({self.options.peak_lr:g}) "
                "or raise --warmup-epochs; the checkpoint of the epoch before is kept"
            )
        validated = validate(self.replicas, self.progress.over(self.val_loader, "validation"))
        return Epoch(
            number=epoch + 1,
            lr=self.schedule.at((epoch + 1) * self.steps - 1),
            train_loss=trained.loss,
            train_top1=trained.top1,
            train_top5=trained.top5,
            val_loss=validated.loss,
            val_top1=validated.top1,
            val_top5=validated.top5,
            images_per_second=trained.count / seconds,
        )

    def save(self) -> None:
        """Writes last.pt, and best.pt if no epoch before was as good."""
        checkpoint = Checkpoint(
            epoch=len(self.history),
            step=len(self.history) * self.steps,
            model=self.replicas.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            history=[asdict(epoch) for epoch in self.history],
            options=self.options.to_dict(),
            classes=self.data.classes,
            num_classes=self.data.num_classes,
        )
        best = all(epoch.val_top1 < self.history[-1].val_top1 for epoch in self.history[:-1])
        save_checkpoint(checkpoint, *(Path(self.options.out) / name for name in ((LAST, BEST) if best else (LAST,))))

    def headline(self) -> str:
        """What is about to happen, in a line."""
        devices = ", ".join(str(device) for device in self.world.devices)
        spread = f"{self.world.size} processes" if self.world.size > 1 else devices
        options, data = self.options, self.data
        begin = f"after {len(self.history)} of " if self.history else ""
        return (
            f"{options.model}, {data.num_classes} classes, {len(data.train):,} + {len(data.val):,} images, "
            f"batch {options.batch_size}, lr {options.peak_lr:g}, {begin}{counted(options.epochs)}, on {spread}"
        )


def counted(epochs: int) -> str:
    """ "1 epoch", "2 epochs" ..."""
    return f"{epochs} epoch{'s' if epochs != 1 else ''}"
