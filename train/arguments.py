"""The command line of the trainer, turned into `Options`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from ..errors import OptionError
from .options import Options, Parallel
from .resnet import ModelName

__all__ = ["parse_arguments"]

EPILOG = """
several devices, one process:   python -m penstock.train DATA --parallel scatter --devices cuda:0,cuda:1
one process per device:         torchrun --nproc-per-node 8 -m penstock.train DATA --parallel ddp
"""


class Parser(argparse.ArgumentParser):
    """Argument errors become `OptionError`, so that they look like every other error."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see --help)")


def parse_arguments(arguments: Sequence[str] | None = None) -> Options:
    """Options from a command line (default: that of this process).

    Raises:
        OptionError: an argument is unknown, missing or out of range.
        SpecError, OSError: the file of --augment holds no pipeline, or can't be read.
        SystemExit: --help was asked for.
    """
    given = vars(build_parser().parse_args(arguments))
    data, train, val = given.pop("data"), given.pop("train", None), given.pop("val", None)
    if "resume" in given and given["resume"] is None:
        given["resume"] = str(Path(given.get("out", default("out"))) / "last.pt")
    if data is not None and train is None and val is None:
        return Options.from_folder(data, **given)
    if data is None and train is not None and val is not None:
        return Options(train=train, val=val, **given)
    raise OptionError("give either one folder that holds train and val, or both --train PATH and --val PATH")


def build_parser() -> Parser:
    """Arguments that are not given stay out of the result, so that `Options` alone knows the defaults."""
    parser = Parser(
        prog="python -m penstock.train",
        description="Trains a ResNet on anything that penstock reads: packs, folders, LMDBs, CSVs.",
        epilog=EPILOG,
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_data_arguments(parser)
    add_recipe_arguments(parser)
    add_machine_arguments(parser)
    return parser


def add_data_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("data and model")
    group.add_argument("data", nargs="?", default=None, metavar="DATA", help="folder that holds train and val")
    group.add_argument("--train", metavar="PATH", help="training set, instead of DATA/train")
    group.add_argument("--val", metavar="PATH", help="validation set, instead of DATA/val")
    group.add_argument("--model", choices=get_args(ModelName), help=shown("model"))
    group.add_argument("--small-stem", action="store_true", help="begin at full resolution, for images of about 32 px")
    group.add_argument("--image-size", type=int, metavar="PX", help=shown("image_size"))
    group.add_argument(
        "--val-resize", type=int, metavar="PX", help="short side before the central crop (256/224 of it)"
    )
    group.add_argument(
        "--augment",
        metavar="PRESET|FILE",
        help="of training images: cifar_train, mxnet_level1 to mxnet_level3, or a file of Pipeline.to_json(); batches "
        f"may be mixed (MixUp, CutMix) {shown('augment')}",
    )
    group.add_argument(
        "--crop-scale", type=fractions, metavar="LEAST,GREATEST", help="area of that preset's crop (0.08,1)"
    )
    group.add_argument("--no-flip", dest="flip", action="store_false", help="without that preset's mirroring")


def add_recipe_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("recipe")
    group.add_argument("--epochs", type=int, help=shown("epochs"))
    group.add_argument("--batch-size", type=int, help=f"over all devices and processes; {shown('batch_size')}")
    group.add_argument("--lr", type=float, help="after the warm-up (0.1 per 256 images of the batch)")
    group.add_argument("--momentum", type=float, help=f"Nesterov's; {shown('momentum')}")
    group.add_argument("--weight-decay", type=float, help=f"none on norms and biases; {shown('weight_decay')}")
    group.add_argument("--warmup-epochs", type=float, help="(5, or a fifth of the epochs where that is less)")
    group.add_argument("--label-smoothing", type=float, help=shown("label_smoothing"))
    group.add_argument("--seed", type=int, help=shown("seed"))


def add_machine_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("machine")
    group.add_argument("--workers", type=int, help="loading threads per training process (the cores it may use)")
    group.add_argument("--parallel", choices=get_args(Parallel), help=shown("parallel"))
    group.add_argument("--devices", type=names, metavar="A,B", help="such as cuda:0,cuda:1 (what the machine has)")
    group.add_argument("--amp", action=argparse.BooleanOptionalAction, help="bfloat16 (on CUDA devices)")
    group.add_argument("--channels-last", action=argparse.BooleanOptionalAction, help="layout (on CUDA devices)")
    group.add_argument("--out", metavar="DIR", help=f"folder of last.pt and best.pt; {shown('out')}")
    group.add_argument("--resume", nargs="?", const=None, metavar="FILE", help="go on from FILE (last.pt in --out)")
    group.add_argument("--overwrite", action="store_true", help="replace the checkpoints of an earlier run")


def default(name: str) -> Any:
    """The default of an option that has a plain one."""
    return Options.__dataclass_fields__[name].default


def shown(name: str) -> str:
    """What help texts say about a default."""
    return f"({default(name)})"


def fractions(text: str) -> tuple[float, float]:
    """ "0.6,1" -> (0.6, 1.0)"""
    least, _, greatest = text.partition(",")
    return float(least), float(greatest)


def names(text: str) -> tuple[str, ...]:
    """ "a,b" -> ("a", "b")"""
    return tuple(part.strip() for part in text.split(",") if part.strip())
