"""MXNet's ImageRecordIter on the sources' own JPEG bytes (what `im2rec --pass-through` writes). No antialiasing.

It decodes whole images through OpenCV. On machines with two cores it decodes with one thread, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mxnet

from .protocol import BATCH_SIZE, MEAN, RATIO, SCALE, SIZE_PX, STD, Adapter, Task, images_of, main, wrapped


def prepare(task: Task) -> None:
    """Writes a record file and its index."""
    record = mxnet.recordio.MXIndexedRecordIO(f"{task.target}.idx", str(task.target), "w")
    for number, path in enumerate(images_of(task.folder)):
        header = mxnet.recordio.IRHeader(0, float(number), number, 0)
        record.write_idx(number, mxnet.recordio.pack(header, path.read_bytes()))
    record.close()


def batches(task: Task) -> Iterator[Any]:
    """Batches of one epoch after the other."""
    options = {
        "path_imgrec": str(task.target),
        "path_imgidx": f"{task.target}.idx",
        "data_shape": (3, SIZE_PX, SIZE_PX),
        "batch_size": BATCH_SIZE,
        "shuffle": True,
        "preprocess_threads": task.threads,
        "random_resized_crop": True,
        "min_random_area": SCALE[0],
        "max_random_area": SCALE[1],
        "min_aspect_ratio": RATIO[0],
        "max_aspect_ratio": RATIO[1],
        "rand_mirror": True,
        "inter_method": 1,  # bilinear
    }
    if task.is_float:
        for channel, mean, std in zip("rgb", MEAN, STD, strict=True):
            options[f"mean_{channel}"], options[f"std_{channel}"] = 255 * mean, 255 * std
        iterator = mxnet.io.ImageRecordIter(**options)
    else:
        iterator = mxnet.io.ImageRecordUInt8Iter(**options)

    def epoch() -> Iterator[Any]:
        iterator.reset()
        for batch in iterator:
            batch.data[0].wait_to_read()
            yield batch.data[0]

    yield from wrapped(epoch)


if __name__ == "__main__":
    main(Adapter(batches, prepare, ("mxnet",)))
