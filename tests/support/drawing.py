"""Penstock's random numbers in plain Python: the oracle for what `penstock._core` draws.

Written from docs/design/2026-11-21-interfaces.md and, for the crop, from torchvision's `RandomResizedCrop.get_params`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

Block = tuple[int, int, int, int]

WORD = 0xFFFFFFFF


def philox(key: tuple[int, int], counter: Block) -> Block:
    """Philox4x32-10, word for word as in the paper."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product0, product1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = product1 >> 32 ^ c1 ^ k0, product1 & WORD, product0 >> 32 ^ c3 ^ k1, product0 & WORD
        k0, k1 = k0 + 0x9E3779B9 & WORD, k1 + 0xBB67AE85 & WORD
    return c0, c1, c2, c3


def unit_doubles(block: Block) -> tuple[float, float]:
    return ((block[0] | block[1] << 32) >> 11) * 2.0**-53, ((block[2] | block[3] << 32) >> 11) * 2.0**-53


def words(number: int) -> tuple[int, int]:
    return number & WORD, number >> 32 & WORD


@dataclass(frozen=True)
class Key:
    seed: int
    epoch: int
    index: int
    draw: int
    view: int = 0

    def words(self, op: int, block: int) -> Block:
        a = philox(words(self.seed), (*words(self.index), self.epoch, 0))
        b = philox(a[:2], (*words(self.draw), a[2], a[3]))
        return philox(b[:2], (block, op | self.view << 16, b[2], b[3]))

    def doubles(self, op: int, block: int) -> tuple[float, float]:
        return unit_doubles(self.words(op, block))


def random_resized_crop(
    key: Key, op: int, size: tuple[int, int], scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the crop of a (height, width) image."""
    height, width = size
    log_ratio = math.log(ratio[0]), math.log(ratio[1])
    for attempt in range(10):
        u, v = key.doubles(op, 2 * attempt)
        target_area = height * width * (scale[0] + u * (scale[1] - scale[0]))
        aspect_ratio = math.exp(log_ratio[0] + v * (log_ratio[1] - log_ratio[0]))
        w = round(math.sqrt(target_area * aspect_ratio))
        h = round(math.sqrt(target_area / aspect_ratio))
        if 0 < w <= width and 0 < h <= height:
            u, v = key.doubles(op, 2 * attempt + 1)
            return math.floor(v * (width - w + 1)), math.floor(u * (height - h + 1)), w, h
    return central_crop(size, ratio)


def random_crop(
    key: Key, op: int, size: tuple[int, int], crop: tuple[int, int], margins: tuple[int, int, int, int]
) -> tuple[int, int]:
    """(x, y) of the crop of a (height, width) image with (left, top, right, bottom) pixels of padding."""
    left, top, right, bottom = margins
    u, v = key.doubles(op, 0)
    rows, columns = size[0] + top + bottom - crop[0] + 1, size[1] + left + right - crop[1] + 1
    return math.floor(v * columns) - left, math.floor(u * rows) - top


def central_crop(size: tuple[int, int], ratio: tuple[float, float]) -> tuple[int, int, int, int]:
    height, width = size
    w, h = width, height
    if width / height < ratio[0]:
        h = max(1, round(width / ratio[0]))
    elif width / height > ratio[1]:
        w = max(1, round(height * ratio[1]))
    return (width - w) // 2, (height - h) // 2, w, h


def flip(key: Key, op: int, p: float) -> bool:
    return key.doubles(op, 0)[0] < p


def choice(key: Key, op: int, weights: tuple[float, ...]) -> int:
    """Which of as many branches."""
    u = key.doubles(op, 0)[0] * sum(weights)
    return next(place for place in range(len(weights)) if u < sum(weights[: place + 1]))


def hsl(key: Key, op: int, most: tuple[int, int, int]) -> list[int]:
    """Shifts of hue, saturation and lightness."""
    pairs = [key.doubles(op, part) for part in range(3)]
    return [math.trunc(-n + (u + 4 * v) / 5 * 2 * n) for (u, v), n in zip(pairs, most, strict=True)]


def lighting(key: Key, op: int, std: float) -> list[float]:
    """The factors of the three eigenvectors."""
    blocks = [key.doubles(op, 0), key.doubles(op, 1)]
    (r, t), (s, v) = ((math.sqrt(-2 * math.log(1 - u)), 2 * math.pi * w) for u, w in blocks)
    return [std * r * math.cos(t), std * r * math.sin(t), std * s * math.cos(v)]


def color_jitter(key: Key, op: int, bounds: tuple[float, ...]) -> list[float]:
    """The order of the four, then their factors, which `bounds` holds the lowest and highest of."""
    places = [*key.doubles(op, 2), key.doubles(op, 3)[0]]
    order = list(range(4))
    for i, u in zip((3, 2, 1), places, strict=True):
        j = math.floor(u * (i + 1))
        order[i], order[j] = order[j], order[i]
    units = [*key.doubles(op, 0), *key.doubles(op, 1)]
    return order + [low + u * (high - low) for u, low, high in zip(units, bounds[::2], bounds[1::2], strict=True)]


def gaussian_sigma(key: Key, op: int, bounds: tuple[float, float]) -> float:
    return bounds[0] + key.doubles(op, 0)[0] * (bounds[1] - bounds[0])


def uniform(u: float, low: float, high: float) -> float:
    return low + u * (high - low)


def affine(key: Key, op: int, size: tuple[int, int], bounds: tuple[float, ...]) -> list[float]:
    """Angle, translations, scale, shears and aspect, which `bounds` holds lowest and highest of, but shares of sides
    for the translations."""
    (u_angle, u_scale), (u_x, u_y), shears, (u_aspect, _) = (key.doubles(op, block) for block in range(4))
    height, width = size
    return [
        uniform(u_angle, *bounds[0:2]),
        round(uniform(u_x, -bounds[2] * width, bounds[2] * width)),
        round(uniform(u_y, -bounds[3] * height, bounds[3] * height)),
        uniform(u_scale, *bounds[4:6]),
        uniform(shears[0], *bounds[6:8]),
        uniform(shears[1], *bounds[8:10]),
        math.exp(uniform(u_aspect, math.log(bounds[10]), math.log(bounds[11]))),
    ]


def perspective_corners(key: Key, op: int, size: tuple[int, int], distortion_scale: float) -> list[int]:
    """How far the corners move inwards: x and y of each, clockwise from the top left."""
    height, width = size
    across, down = (int(distortion_scale * (side // 2)) + 1 for side in (width, height))
    corners = (key.doubles(op, 1 + corner) for corner in range(4))
    return [math.floor(u * count) for pair in corners for u, count in zip(pair, (across, down), strict=True)]


def random_erasing(
    key: Key, op: int, size: tuple[int, int], p: float, scale: tuple[float, float], ratio: tuple[float, float]
) -> list[float]:
    """apply, x, y, width, height for a (height, width) result; torchvision's `RandomErasing.get_params`."""
    if key.doubles(op, 0)[0] >= p:
        return [0] * 5
    height, width = size
    log_ratio = math.log(ratio[0]), math.log(ratio[1])
    for attempt in range(10):
        u, v = key.doubles(op, 1 + 2 * attempt)
        area = height * width * (scale[0] + u * (scale[1] - scale[0]))
        aspect_ratio = math.exp(log_ratio[0] + v * (log_ratio[1] - log_ratio[0]))
        h, w = round(math.sqrt(area * aspect_ratio)), round(math.sqrt(area / aspect_ratio))
        if h < height and w < width:
            u, v = key.doubles(op, 2 + 2 * attempt)
            return [1, math.floor(v * (width - w + 1)), math.floor(u * (height - h + 1)), w, h]
    return [0] * 5


def noise_key(key: Key, op: int) -> list[int]:
    return list(key.words(op, 21)[:2])


def cutout(key: Key, op: int, size: tuple[int, int], length: int, n_holes: int) -> list[int]:
    """x, y, width, height of each square's visible part."""
    holes = []
    for hole in range(n_holes):
        v, u = key.doubles(op, hole)
        top, left = math.floor(v * size[0]) - length // 2, math.floor(u * size[1]) - length // 2
        y, x = max(top, 0), max(left, 0)
        holes += [x, y, min(left + length, size[1]) - x, min(top + length, size[0]) - y]
    return holes


def mix_up(key: Key, op: int, alpha: float, p: float) -> list[float]:
    """apply, lambda."""
    return [key.doubles(op, 0)[0] < p, symmetric_beta(key, op, alpha)]


def cut_mix(key: Key, op: int, size: tuple[int, int], alpha: float, p: float) -> list[float]:
    """apply, lambda, x, y, width, height; torchvision's `CutMix.make_params`."""
    height, width = size
    u, v = key.doubles(op, 1)
    x, y = math.floor(u * width), math.floor(v * height)
    radius = 0.5 * math.sqrt(1 - symmetric_beta(key, op, alpha))
    left, top = max(x - int(radius * width), 0), max(y - int(radius * height), 0)
    w, h = min(x + int(radius * width), width) - left, min(y + int(radius * height), height) - top
    return [key.doubles(op, 0)[0] < p, 1 - w * h / (width * height), left, top, w, h]


def symmetric_beta(key: Key, op: int, alpha: float) -> float:
    """Beta(alpha, alpha) from block 2 of the op on, by Jöhnk's and Cheng's rejections."""
    for block in itertools.count(2):
        u, v = key.doubles(op, block)
        if alpha <= 1:
            x, y = u ** (1 / alpha), v ** (1 / alpha)
            if x + y <= 1:
                return x / (x + y)
            continue
        w = alpha * math.exp(math.sqrt(1 / alpha) * math.log(u / (1 - u)))
        r = (alpha + math.sqrt(alpha)) * (math.sqrt(1 / alpha) * math.log(u / (1 - u))) - math.log(4)
        if r + 2 * alpha * math.log(2 * alpha / (alpha + w)) >= math.log(u * u * v):
            return w / (alpha + w)
    raise AssertionError


def policy_choice(key: Key, op: int, block: int) -> tuple[int, bool]:
    """Which of RandAugment's and TrivialAugmentWide's 14 changes, and whether its magnitude is negated."""
    u, v = key.doubles(op, block)
    return math.floor(u * 14), v < 0.5


def trivial_augment_bin(key: Key, op: int, bins: int) -> int:
    return math.floor(key.doubles(op, 1)[0] * bins)


def auto_augment_sub_policy(key: Key, op: int) -> int:
    return math.floor(key.doubles(op, 0)[0] * 25)


def auto_augment_change(key: Key, op: int, place: int, probability: float) -> tuple[bool, bool]:
    """Whether a change of the sub-policy is made, and whether its magnitude is negated."""
    u, v = key.doubles(op, 1 + place)
    return u < probability, v < 0.5


def permutation(size: int, seed: int, epoch: int, positions: range) -> list[int]:
    """Indices at these positions of the shuffled epoch."""
    a = philox(words(seed), (0, 0, epoch, 1))
    if size < 65536:
        order = list(range(size))
        for i in range(size - 1, 0, -1):
            j = math.floor(unit_doubles(philox(a[:2], (i >> 1, 0, a[2], a[3])))[i & 1] * (i + 1))
            order[i], order[j] = order[j], order[i]
        return [order[position] for position in positions]
    return [_walk(position, size, a) for position in positions]


def _walk(value: int, size: int, a: Block) -> int:
    half = ((size - 1).bit_length() + 1) // 2
    mask = (1 << half) - 1
    while True:
        left, right = value >> half, value & mask
        for number in range(10):
            left, right = right, left ^ (philox(a[:2], (right, number, a[2], a[3]))[0] & mask)
        value = left << half | right
        if value < size:
            return value
