"""Which processes and devices take part in a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from ..errors import OptionError
from .options import Options

__all__ = ["World", "join_world"]


@dataclass(frozen=True, slots=True)
class World:
    """This process among all.

    Attributes:
        rank, size: this process and how many there are.
        local_size: processes on this machine.
        devices: what this process computes on; the first one holds the master copy of the model.
    """

    rank: int
    size: int
    local_size: int
    devices: tuple[torch.device, ...]

    @property
    def is_main(self) -> bool:
        """Whether this process prints and saves."""
        return self.rank == 0


@contextmanager
def join_world(options: Options) -> Iterator[World]:
    """Joins the process group that torchrun describes (parallel "ddp"), or is a world of its own.

    A group that the caller has initialised is used and left as it is.

    Raises:
        OptionError: devices that the machine has not, or torchrun and `parallel` don't go together.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if options.parallel != "ddp":
        if started > 1:
            raise OptionError(
                f"torchrun started {started} processes, but parallel is {options.parallel!r}; add --parallel ddp"
            )
        yield World(0, 1, 1, choose_devices(options))
        return
    if "LOCAL_RANK" not in os.environ:
        raise OptionError(
            "parallel 'ddp' runs under torchrun: torchrun --nproc-per-node N -m penstock.train ... --parallel ddp"
        )
    local_rank, local_size = int(os.environ["LOCAL_RANK"]), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    device = choose_own_device(options, local_rank)
    ours = not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size(), local_size, (device,))
    finally:
        if ours:
            dist.destroy_process_group()


def choose_devices(options: Options) -> tuple[torch.device, ...]:
    """Devices of a process that is alone: those named, or CUDA devices where there are some, or the CPU."""
    named = tuple(parse_device(name) for name in options.devices)
    found = tuple(torch.device("cuda", k) for k in range(torch.cuda.device_count()))
    if options.parallel == "scatter":
        devices = named or found
        if len(devices) < 2:
            raise OptionError(
                f"parallel 'scatter' needs two or more devices, this machine has {len(found)} CUDA devices; "
                "name some, such as --devices cuda:0,cuda:1 or --devices cpu,cpu"
            )
        return devices
    if len(named) > 1:
        raise OptionError(
            f"parallel 'none' computes on one device, got {', '.join(options.devices)}; add --parallel scatter"
        )
    return named or found[:1] or (torch.device("cpu"),)


def choose_own_device(options: Options, local_rank: int) -> torch.device:
    """The device of one of the processes of "ddp"; makes it the current CUDA device."""
    named = [parse_device(name) for name in options.devices]
    if named and all(device.type == "cpu" for device in named):
        return named[0]
    found = named or [torch.device("cuda", k) for k in range(torch.cuda.device_count())]
    if not found:
        return torch.device("cpu")
    if local_rank >= len(found):
        raise OptionError(
            f"torchrun started more processes on this machine than it has devices ({len(found)}); "
            f"lower --nproc-per-node to {len(found)}, or add --devices cpu"
        )
    torch.cuda.set_device(found[local_rank])
    return found[local_rank]


def parse_device(name: str) -> torch.device:
    """The device of this name.

    Raises:
        OptionError: there is no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise OptionError(f"devices has {name!r}; expected names such as cpu, cuda or cuda:1") from None
    if device.type not in ("cpu", "cuda"):
        raise OptionError(f"devices has {name!r}; this trainer computes on cpu and cuda")
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise OptionError(f"devices has {name!r}, but torch sees {count} CUDA devices on this machine")
    return device
