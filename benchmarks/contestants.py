"""Who is measured: the table of all loaders, kernels and yardsticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CONTESTANTS", "Contestant", "Group", "chosen"]

Group = Literal["peer", "torch", "penstock", "kernels", "libjpeg-turbo", "packing"]

SAME = "decodes whole images; antialiased"
CROP = "decodes the crop; antialiased"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One thing that is measured.

    Attributes:
        id: its short name, for `--only` and results.
        name: its name in tables.
        group: "peer" (a loader that keeps full resolution), "torch" (torch's DataLoader, a peer too), "penstock",
            "kernels" (Penstock's without the loader), "libjpeg-turbo" (alone), "packing".
        module: its adapter in `benchmarks.peers`; for libjpeg-turbo none.
        environment: the virtual environment that it runs in, below the folder of peers; empty: this interpreter's.
        variant: passed to the adapter.
        form: name of the prepared data; empty: it reads the folder.
        threads: of its own, and cores that it may use.
        note: what differs from Penstock, which decodes the crop and antialiases as Pillow does.
    """

    id: str
    name: str
    group: Group
    module: str
    environment: str = ""
    variant: str = "uint8"
    form: str = ""
    threads: int = 1
    note: str = ""

    @property
    def output(self) -> str:
        """ "uint8" or "float32" for loaders, "" for the rest."""
        return self.variant.split("-")[0] if self.group in ("peer", "torch", "penstock", "kernels") else ""


def peer(id_: str, name: str, module: str, environment: str, variant: str, note: str, form: str = "") -> Contestant:
    """A peer with one thread."""
    return Contestant(id_, name, "peer", module, environment, variant, form, 1, note)


def penstock(id_: str, name: str, variant: str, form: str = "", threads: int = 1) -> Contestant:
    """Penstock's loader."""
    return Contestant(id_, name, "penstock", "penstock", "", variant, form, threads)


def kernels(id_: str, threads: int) -> Contestant:
    """Penstock's kernels without its loader."""
    name = f"Penstock's kernels in a loop, dct pack{'' if threads == 1 else f', {threads} threads'}"
    return Contestant(id_, name, "kernels", "penstock", "", "uint8-kernels-dct", "dct", threads)


def libjpeg(what: str, name: str) -> Contestant:
    """libjpeg-turbo alone."""
    return Contestant(what, name, "libjpeg-turbo", "", variant=what)


PLAIN = "decodes the crop; not antialiased; NHWC"
OWN_BOXES = f"{PLAIN}; smaller crops"
MXNET = "decodes whole images; not antialiased"
TURBO = "decodes the crop; not antialiased"
TF = ("tf_data", "tensorflow")

CONTESTANTS = (
    penstock("dct-uint8", "Penstock, dct pack", "uint8-dct", "dct"),
    penstock("dct-uint8-avx2", "Penstock, dct pack, AVX2 forced", "uint8-dct-avx2", "dct"),
    penstock("dct-uint8-portable", "Penstock, dct pack, portable forced", "uint8-dct-portable", "dct"),
    penstock("dct-float32", "Penstock, dct pack", "float32-dct", "dct"),
    penstock("encoded-uint8", "Penstock, encoded pack", "uint8-encoded", "encoded"),
    penstock("folder-uint8", "Penstock, folder", "uint8"),
    penstock("folder-float32", "Penstock, folder", "float32"),
    penstock("dct-uint8-2", "Penstock, dct pack, 2 threads", "uint8-dct", "dct", 2),
    kernels("kernels-uint8", 1),
    kernels("kernels-uint8-2", 2),
    libjpeg("decode", "libjpeg-turbo alone: whole decode to RGB"),
    libjpeg("coefficients", "libjpeg-turbo alone: coefficients read"),
    Contestant("packing", "pack-dataset --codec dct, 1 process", "packing", "packing"),
    peer("tf-uint8", "tf.data", *TF, "uint8", OWN_BOXES, "tf_data"),
    peer("tf-boxes-uint8", "tf.data, torchvision's crops", *TF, "uint8-torchvision-boxes", PLAIN, "tf_data"),
    peer("tf-float32", "tf.data", *TF, "float32", "decodes the crop; not antialiased; smaller crops", "tf_data"),
    peer("ffcv-uint8", "FFCV, full resolution", "ffcv", "ffcv", "uint8", f"{SAME}; channels-last", "ffcv"),
    peer("ffcv-float32", "FFCV, full resolution", "ffcv", "ffcv", "float32", f"{SAME}; channels-last", "ffcv"),
    peer("dali-uint8", "DALI, CPU", "dali", "dali", "uint8", CROP),
    peer("dali-float32", "DALI, CPU", "dali", "dali", "float32", CROP),
    peer("mxnet-uint8", "MXNet", "mxnet", "mxnet", "uint8", MXNET, "mxnet"),
    peer("mxnet-float32", "MXNet", "mxnet", "mxnet", "float32", MXNET, "mxnet"),
    peer("spdl-uint8", "SPDL", "spdl", "spdl", "uint8", f"{SAME}; NHWC"),
    peer("spdl-float32", "SPDL", "spdl", "spdl", "float32", SAME),
    peer("turbo-float32", "TurboLoader", "turboloader", "turboloader", "float32", TURBO, "turboloader"),
    peer(
        "turbo-aa-float32",
        "TurboLoader, antialias",
        "turboloader",
        "turboloader",
        "float32-antialias",
        CROP,
        "turboloader",
    ),
    Contestant("torchvision-uint8", "torch DataLoader + torchvision", "torch", "torchvision", "torchvision", note=SAME),
    Contestant(
        "torchvision-float32",
        "torch DataLoader + torchvision",
        "torch",
        "torchvision",
        "torchvision",
        "float32",
        note=SAME,
    ),
    Contestant("pillow-uint8", "torch DataLoader + Pillow", "torch", "pillow", note=SAME),
)


def chosen(only: str | None) -> tuple[Contestant, ...]:
    """The contestants that a comma-separated list names, by id or by the start of an id; all for None.

    Raises:
        ValueError: a name fits nobody.
    """
    if only is None:
        return CONTESTANTS
    names = [name.strip() for name in only.split(",")]
    for name in names:
        if not any(each.id.startswith(name) for each in CONTESTANTS):
            raise ValueError(f"nobody is called {name!r}; --list names all")
    return tuple(each for each in CONTESTANTS if any(each.id.startswith(name) for name in names))
