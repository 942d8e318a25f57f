"""How a step is spread over devices: on one, over several in this process, or over several processes.

Gradients always end up on the master model's parameters, and are those of the mean loss over the global batch. Batch
normalisation takes its statistics per device, as torch's DataParallel and DistributedDataParallel do, and the running
averages kept are those of the first device; so for a network with batch normalisation in training mode, and for that
alone, the three ways give (slightly) different gradients.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from ..loaders import gather, scatter
from .options import Options
from .world import World

__all__ = ["Distributed", "OneDevice", "SeveralDevices", "place_model"]

Network: TypeAlias = Callable[[Tensor], Tensor]
"""Images (n, 3, h, w) -> logits (n, classes)."""


class OneDevice:
    """The model on one device, and the base of the other two ways.

    Attributes:
        model: the master copy: what is optimised, validated and saved.
        device: where `model` is, and logits come out.
    """

    def __init__(
        self, model: nn.Module, device: torch.device, *, amp: bool = False, channels_last: bool = False
    ) -> None:
        self.device = device
        self._amp = amp
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self.model = model.to(device=device, memory_format=self._layout)  # type: ignore[call-overload]  # unknown to stubs

    def forward(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """[images (n, 3, h, w), labels (n,)] from anywhere -> float32 logits (n, classes) and labels, on `device`."""
        images, labels = (part.to(self.device, non_blocking=True) for part in batch)
        return self._run(self.model, images), labels

    def sum_over_processes(self, tensor: Tensor) -> Tensor:
        """The elementwise sum over all processes, the same in each."""
        return tensor

    def align_buffers(self) -> None:
        """Gives every process the running averages of the first one."""

    def close(self) -> None:
        """Ends what forward() started; the object is not used afterwards."""

    def _run(self, network: Network, images: Tensor) -> Tensor:
        # Autocast is a setting of the current thread, so it is set here, where the network runs.
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self._amp):
            logits = network(images.contiguous(memory_format=self._layout))
        return logits.float()


class SeveralDevices(OneDevice):
    """One process, several devices.

    Each device gets its slice of the batch straight from where the batch is, and computes in a thread of its own with a
    copy of the parameters; autograd carries the gradients back to the master's.
    """

    def __init__(
        self, model: nn.Module, devices: Sequence[torch.device], *, amp: bool = False, channels_last: bool = False
    ) -> None:
        super().__init__(model, devices[0], amp=amp, channels_last=channels_last)
        self._devices = list(devices)
        # The first replica is the master itself. The others are shells without memory: parameters come with each call.
        self._shells = [copy.deepcopy(self.model).to("meta") for _ in self._devices[1:]]
        self._threads = ThreadPoolExecutor(len(self._devices), thread_name_prefix="penstock-replica")

    def forward(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        slices = scatter(list(batch), self._devices)
        # All copies are taken before any replica runs: the master's running averages change while it does.
        networks = [self.model, *(self._replica(k) for k in range(1, len(slices)))]
        gradients = torch.is_grad_enabled()

        def run(network: Network, images: Tensor) -> Tensor:
            with torch.set_grad_enabled(gradients):  # a setting of the thread, as autocast is
                return self._run(network, images)

        futures = [
            self._threads.submit(run, network, images) for network, (images, _) in zip(networks, slices, strict=True)
        ]
        logits: Tensor = gather([future.result() for future in futures], self.device)
        labels: Tensor = gather([labels for _, labels in slices], self.device)
        return logits, labels

    def close(self) -> None:
        self._threads.shutdown()

    def _replica(self, k: int) -> Network:
        """The network with the master's parameters, and a copy of its buffers, on device k."""
        shell, device = self._shells[k - 1].train(self.model.training), self._devices[k]
        state = {name: tensor.to(device, non_blocking=True) for name, tensor in self.model.named_parameters()}
        state |= {name: tensor.to(device, copy=True) for name, tensor in self.model.named_buffers()}
        return lambda images: functional_call(shell, state, (images,))


class Distributed(OneDevice):
    """One of several processes, each with its share of the batch; gradients are averaged while they are computed."""

    def __init__(
        self, model: nn.Module, device: torch.device, *, amp: bool = False, channels_last: bool = False
    ) -> None:
        super().__init__(model, device, amp=amp, channels_last=channels_last)
        self._averaging = DistributedDataParallel(
            self.model, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )

    def forward(self, batch: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        if not self.model.training:
            return super().forward(batch)  # ranks may have different numbers of batches here, so none waits for another
        images, labels = (part.to(self.device, non_blocking=True) for part in batch)
        return self._run(self._averaging, images), labels

    def sum_over_processes(self, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    def align_buffers(self) -> None:
        for buffer in self.model.buffers():
            dist.broadcast(buffer, src=0)


def place_model(model: nn.Module, options: Options, world: World) -> OneDevice:
    """Puts the model where `options.parallel` wants it; its parameters are moved, not copied."""
    cuda = world.devices[0].type == "cuda"
    settings = {
        "amp": cuda if options.amp is None else options.amp,
        "channels_last": cuda if options.channels_last is None else options.channels_last,
    }
    if options.parallel == "scatter":
        return SeveralDevices(model, world.devices, **settings)
    if options.parallel == "ddp":
        return Distributed(model, world.devices[0], **settings)
    return OneDevice(model, world.devices[0], **settings)
