"""A pipeline as a transform of torchvision's kind, for datasets and loaders of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..augment import Augmentation, Pipeline, Views
from ..errors import OptionError
from .images import IMAGES, applied, described, fresh_key, rgb_pixels

__all__ = ["Transform"]


@dataclass(frozen=True, slots=True)
class Transform:
    """Calls a pipeline on single images: `ImageFolder(root, transform=Transform(pipeline))`, with any loader.

    As torchvision's transforms, it takes what is random from torch's default generator, once a call; so worker
    processes, `torch.manual_seed` and seeded loaders work with it as with those. A `penstock.loaders.DataLoader` knows
    it for its pipeline, and runs that natively where it can, keyed by (seed, epoch, index).

    Picklable as the pipeline is, thread-safe, equal where the pipelines are.

    Args:
        pipeline: a `Pipeline` or `Views`.

    Raises:
        OptionError: `pipeline` is neither, or mixes batches.
    """

    pipeline: Augmentation

    def __post_init__(self) -> None:
        given: Any = self.pipeline
        if not isinstance(given, Pipeline | Views):
            got = type(given).__name__
            raise OptionError(f"Transform takes a penstock.augment.Pipeline or Views, got {got}; wrap ops in Pipeline")
        if isinstance(given, Pipeline) and given.mixes:
            raise OptionError(
                f"Transform is called on single images, and {given[-1]!r} mixes batches; leave it out, or give "
                "the pipeline to a penstock.loaders.DataLoader, as augment="
            )

    def __call__(self, image: Any) -> Any:
        """The augmented image.

        Args:
            image: a PIL image, a (height, width, 3) uint8 array or a (3, height, width) uint8 tensor; one channel, or
                none, is grey. Not changed.

        Returns:
            A (3, height, width) tensor of the pipeline's dtype, or (crops, 3, height, width) of several crops; of
            `Views`, a list of them.

        Raises:
            OptionError: something that is no such image. Also what functions (`Lambda`) raise.
        """
        pixels = rgb_pixels(image)
        if pixels is None:
            raise OptionError(f"Transform takes {IMAGES}, got {described(image)}; put it before other conversions")
        return applied(self.pipeline, pixels, fresh_key())
