"""What makes a stage faster, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stats import Setup

__all__ = ["STAGE_ADVICE"]


def _read(setup: Setup) -> str:
    smaller = "" if setup.codec == "encoded" else "; or smaller records: pack-dataset --codec encoded, or --resize"
    return f"faster storage (a local disk, or memory); more workers than cores also overlap more reads{smaller}"


def _decode(setup: Setup) -> str:
    if setup.codec == "encoded":
        return "pack the images with pack-dataset (codec dct), so that nothing is left of JPEG's entropy decoding"
    return "smaller images: pack-dataset --resize"


def _augment(_setup: Setup) -> str:
    return "a smaller output size, uint8 instead of float32 batches (converted on the device), or fewer operations"


def _sample(setup: Setup) -> str:
    lock = 'workers="processes", since Python threads share one interpreter lock, or ' if setup.threaded else ""
    return f"{lock}declare the transform with augment=, so that native threads do the work instead of Python"


def _collate(_setup: Setup) -> str:
    return "a lighter collate_fn: torch's own on tensors of one size, or augment=, which writes batches in place"


def _send(_setup: Setup) -> str:
    return 'smaller batches (uint8 instead of float32), or workers="threads", which hand them over as they are'


def _handover(_setup: Setup) -> str:
    return (
        "larger batches, so that there are fewer of them; fewer and larger tensors in each; no pin_memory without a GPU"
    )


def _lookup(_setup: Setup) -> str:
    return "a faster sampler or dataset.records(): both run in the consumer's thread, once a batch"


def _transfer(_setup: Setup) -> str:
    return "uint8 instead of float32 batches (converted on the device), pin_memory=True, or more prefetch_to_device"


def _finish(_setup: Setup) -> str:
    return (
        'executor="native", whose threads do it before the batch is asked for; or device="cuda", where it runs beside '
        "the training step"
    )


STAGE_ADVICE: Mapping[str, Callable[[Setup], str]] = defaultdict(
    lambda: lambda _setup: "less work in this stage",
    read=_read,
    decode=_decode,
    augment=_augment,
    sample=_sample,
    collate=_collate,
    send=_send,
    lookup=_lookup,
    transfer=_transfer,
    finish=_finish,
    **{"hand-over": _handover},
)
"""By stage."""
