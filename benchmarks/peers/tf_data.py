"""tf.data on TFRecords. It decodes only the crop; `tf.image.resize` does not filter unless asked to (antialias).

`sample_distorted_bounding_box` draws the height of a box uniformly, so its boxes are smaller than torchvision's and
less is decoded. Variants with "torchvision-boxes" draw torchvision's, in TensorFlow's ops. uint8 comes out as NHWC.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from .protocol import BATCH_SIZE, MEAN, RATIO, SCALE, SIZE_PX, STD, Adapter, Task, images_of, main

ATTEMPTS = 10


def prepare(task: Task) -> None:
    """Writes one TFRecord file."""
    with tf.io.TFRecordWriter(str(task.target)) as writer:
        for label, path in enumerate(images_of(task.folder)):
            features = {
                "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[path.read_bytes()])),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def own_box(height: Any, width: Any) -> Any:
    """(y, x, height, width) as TensorFlow's own training scripts draw it."""
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        tf.stack([height, width, 3]),
        bounding_boxes=tf.constant([0.0, 0.0, 1.0, 1.0], shape=[1, 1, 4]),
        min_object_covered=0.1,
        aspect_ratio_range=RATIO,
        area_range=SCALE,
        max_attempts=ATTEMPTS,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.concat([begin[:2], size[:2]], 0)


def torchvision_box(height: Any, width: Any) -> Any:
    """(y, x, height, width) by torchvision's rule."""
    full_height, full_width = tf.cast(height, tf.float32), tf.cast(width, tf.float32)
    area = full_height * full_width * tf.random.uniform([ATTEMPTS], *SCALE)
    ratio = tf.exp(tf.random.uniform([ATTEMPTS], math.log(RATIO[0]), math.log(RATIO[1])))
    widths = tf.cast(tf.round(tf.sqrt(area * ratio)), tf.int32)
    heights = tf.cast(tf.round(tf.sqrt(area / ratio)), tf.int32)
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = tf.argmax(tf.cast(fits, tf.int32))
    found = fits[first]
    shape = full_width / full_height
    widest = tf.where(shape > RATIO[1], tf.cast(tf.round(full_height * RATIO[1]), tf.int32), width)
    highest = tf.where(shape < RATIO[0], tf.cast(tf.round(full_width / RATIO[0]), tf.int32), height)
    box_width, box_height = tf.where(found, widths[first], widest), tf.where(found, heights[first], highest)
    at = tf.random.uniform([2])
    free_x, free_y = width - box_width, height - box_height
    x = tf.where(found, tf.cast(at[0] * tf.cast(free_x + 1, tf.float32), tf.int32), free_x // 2)
    y = tf.where(found, tf.cast(at[1] * tf.cast(free_y + 1, tf.float32), tf.int32), free_y // 2)
    return tf.stack([y, x, box_height, box_width])


def batches(task: Task) -> Iterator[Any]:
    """Batches of a data set that repeats."""
    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(task.threads)
    box = torchvision_box if "torchvision-boxes" in task.variant else own_box
    mean, std = tf.constant([255 * value for value in MEAN]), tf.constant([255 * value for value in STD])
    spec = {"image": tf.io.FixedLenFeature([], tf.string), "label": tf.io.FixedLenFeature([], tf.int64)}

    def load(record: Any) -> Any:
        example = tf.io.parse_single_example(record, spec)
        shape = tf.io.extract_jpeg_shape(example["image"])
        image = tf.image.decode_and_crop_jpeg(
            example["image"], box(shape[0], shape[1]), channels=3, dct_method="INTEGER_ACCURATE"
        )
        image = tf.image.resize(image, [SIZE_PX, SIZE_PX], "bilinear", antialias="antialias" in task.variant)
        image = tf.image.random_flip_left_right(image)
        if task.is_float:
            return tf.transpose((image - mean) / std, [2, 0, 1]), example["label"]
        return tf.cast(tf.clip_by_value(image + 0.5, 0, 255), tf.uint8), example["label"]

    records = tf.data.TFRecordDataset(str(task.target)).repeat().shuffle(1024)
    loaded = records.map(load, num_parallel_calls=task.threads, deterministic=False)
    options = tf.data.Options()
    options.threading.private_threadpool_size = task.threads
    options.threading.max_intra_op_parallelism = 1
    yield from loaded.batch(BATCH_SIZE, drop_remainder=True).prefetch(2).with_options(options)


if __name__ == "__main__":
    main(Adapter(batches, prepare, ("tensorflow-cpu",)))
