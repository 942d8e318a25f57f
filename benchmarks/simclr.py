"""What the two views of SimCLR cost on one core: from a `dct` record, from a JPEG, and with torchvision on PIL images.

`make bench SUITE=simclr`, or `python -m benchmarks.simclr --rounds 20 --output result.json`. Each contestant makes two
float32 (3, 224, 224) of every image, which lies in memory, and decodes it once for both: Penstock's engine without
threads, from records of a pack and from the files, and torchvision's transforms (v1, as most code for SimCLR has them)
after Pillow. Contestants take turns, a few images each, so that what else the machine does meets all of them; what is
compared is processor time of the thread.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from penstock import _core
from penstock.augment import Views, simclr
from penstock.formats import open_dataset
from penstock.formats.image import decode_rgb
from penstock.formats.pack.writer import PackOptions, write_pack
from penstock.record import Records

from .images import add_data_option, data_folder, image_files
from .peers.torchvision import declare_ops
from .results import stamped, write

__all__ = ["main"]

SIZE_PX = 224
IMAGES = 64
TURN = 8
"""Images of one contestant, before it is the next one's turn."""
TORCHVISION = "torchvision on PIL, JPEG"

Contestant = Callable[[Sequence[int], int], Any]
"""Makes the views of these images, in this round."""


class Native:
    """The engine's views of undecoded images.

    Args:
        dataset: gives the records.
        views: what is made of them.

    Attributes:
        outs: what the latest image became, (1, 3, height, width) float32 for each view.
    """

    def __init__(self, dataset: Any, views: Views) -> None:
        self._records: list[Records] = [_in_memory(dataset, [index]) for index in range(len(dataset))]
        self._engine = _core.Engine([view.program for view in views], threads=0, fallback=decode_rgb)
        sizes = [view.output_size or (0, 0) for view in views]
        self.outs = [np.empty((1, 3, *size), np.float32) for size in sizes]

    def __call__(self, images: Sequence[int], number: int) -> None:
        for index in images:
            keys = np.array([index]), np.array([0])
            ticket = self._engine.submit(
                self._records[index], self.outs, seed=0, epoch=number, indices=keys[0], draws=keys[1]
            )
            for _, error in self._engine.wait(ticket) or []:
                raise error


def _in_memory(dataset: Any, indices: Sequence[int]) -> Records:
    """Records whose bytes were read already."""
    records: Records = dataset.records(np.array(indices))
    payloads = []
    for place in range(len(indices)):
        data = Path(records.paths[records.file[place]]).read_bytes()
        offset, length = int(records.offset[place]), int(records.length[place])
        payloads.append(data[offset:] if length < 0 else data[offset : offset + length])
    count = len(indices)
    return Records(
        codec=records.codec,
        labels=records.labels,
        paths=(),
        file=np.full(count, -1, np.int32),
        offset=np.zeros(count, np.int64),
        length=np.array([len(payload) for payload in payloads], np.int64),
        width=records.width,
        height=records.height,
        checksum=records.checksum,
        payloads=payloads,
    )


def torchvisions(files: Sequence[Path]) -> Contestant:
    """Pillow and torchvision's transforms on the same files."""
    from torchvision import transforms

    jitter = transforms.ColorJitter(0.8, 0.8, 0.8, 0.2)
    blur = transforms.GaussianBlur(SIZE_PX // 10 // 2 * 2 + 1, (0.1, 2.0))
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(SIZE_PX),
            transforms.RandomHorizontalFlip(),
            transforms.RandomApply([jitter], 0.8),
            transforms.RandomGrayscale(0.2),
            transforms.RandomApply([blur], 0.5),
            transforms.ToTensor(),
        ]
    )
    data = [file.read_bytes() for file in files]

    def make(images: Sequence[int], _: int) -> None:
        for index in images:
            picture = Image.open(io.BytesIO(data[index])).convert("RGB")
            _ = view(picture), view(picture)

    return make


def measure(contestants: dict[str, Contestant], images: int, rounds: int) -> dict[str, list[float]]:
    """Seconds an image of every round, by contestant."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    turns = [range(begin, min(begin + TURN, images)) for begin in range(0, images, TURN)]
    for number in range(rounds):
        spent = dict.fromkeys(contestants, 0)
        for turn in turns:
            for name, contestant in contestants.items():
                begin = time.thread_time_ns()
                contestant(turn, number)
                spent[name] += time.thread_time_ns() - begin
        for name, nanoseconds in spent.items():
            times[name].append(nanoseconds / images / 1e9)
    return times


def render(times: dict[str, list[float]]) -> str:
    """A Markdown table of medians, and of how far the rounds lie apart."""
    slowest = statistics.median(times[TORCHVISION])
    lines = ["| two views of an image | ms | least to most | times as fast |", "|---|---|---|---|"]
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        spread = f"{min(seconds) * 1e3:.2f} to {max(seconds) * 1e3:.2f}"
        lines.append(f"| {name} | {middle * 1e3:.2f} | {spread} | {slowest / middle:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measures, prints a table and writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simclr", description=(__doc__ or "").splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--rounds", type=int, default=10, help="passes over the images")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"how many images (default: {IMAGES})")
    parser.add_argument("--output", type=Path, help="JSON file; the Markdown goes beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    library = declare_ops()  # must outlive the import of torchvision
    with tempfile.TemporaryDirectory() as scratch:
        folder = _some(data_folder(arguments, Path(scratch)), arguments.images, Path(scratch) / "images" / "all")
        dataset = open_dataset(folder)
        write_pack(dataset, Path(scratch) / "pack", PackOptions(codec="dct"))
        views = simclr(SIZE_PX)
        contestants: dict[str, Contestant] = {
            "Penstock, `dct` record": Native(open_dataset(Path(scratch) / "pack"), views),
            "Penstock, JPEG": Native(dataset, views),
            TORCHVISION: torchvisions([Path(dataset.describe(index)) for index in range(len(dataset))]),
        }
        times = measure(contestants, len(dataset), arguments.rounds)
    del library
    text = render(times)
    print(text)
    body = {"images": len(dataset), "size_px": SIZE_PX, "seconds": times}
    print(write(stamped("simclr", 1, body), text, arguments.output))


def _some(data: Path, count: int, to: Path) -> Path:
    """A folder of links to images from all over `data`."""
    files = image_files(data)
    to.mkdir(parents=True)
    for number, place in enumerate(np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)):
        (to / f"{number:05d}{files[place].suffix}").symlink_to(files[place].resolve())
    return to.parent


if __name__ == "__main__":
    main()
