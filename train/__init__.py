"""The reference trainer: ResNets on anything that penstock reads (`python -m penstock.train`).

From Python::

    from penstock.train import Options, train

    result = train(Options(train="packs/train", val="packs/val", model="resnet18", epochs=10))
    print(result.final.val_top1, result.best)

Importing this package imports torch.
"""

if __name__ != "penstock.train":
    raise ImportError(f"import this package as penstock.train, not as {__name__!r}")

from .checkpoint import Checkpoint, load_checkpoint
from .options import Options
from .resnet import ResNet, build_model
from .schedule import Schedule
from .trainer import Epoch, Result, train

__all__ = [
    "Checkpoint",
    "Epoch",
    "Options",
    "ResNet",
    "Result",
    "Schedule",
    "build_model",
    "load_checkpoint",
    "train",
]
