"""The reference trainer: ResNets on anything that penstock reads. Importing it imports torch."""

if __name__ != "penstock.train":
    raise ImportError(f"import this package as penstock.train, not as {__name__!r}")

from .checkpoint import Checkpoint, load_checkpoint
from .options import Options
from .resnet import ResNet, build_model
from .schedule import Schedule

__all__ = ["Checkpoint", "Options", "ResNet", "Schedule", "build_model", "load_checkpoint"]
