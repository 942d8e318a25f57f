"""The C++ core.

Buffers cross as objects with shape and lifetime; every call that can take over 50 us runs without the interpreter lock.
Errors are those of `penstock.errors`; record errors carry a reason and no place (callers add it with `.at`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict, final, type_check_only

import numpy as np
from numpy.typing import DTypeLike, NDArray

from penstock.record import Buffer, Records

__version__: str
libjpeg_turbo_version: str
"""As in libjpeg-turbo's header, e.g. "2.1.5"."""
debug: bool

def crc32c(data: Buffer, value: int = 0) -> int:
    """CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `data`, going on from `value`."""

def simd_levels() -> list[str]:
    """Instruction-set levels that this machine runs, best last, of "portable", "avx2" and "avx512"."""

def set_simd_level(level: str) -> None:
    """Forces a level (for tests and benchmarks); raises OptionError if this machine has it not."""

# --- random numbers (layout: docs/design/2026-11-21-interfaces.md)

def philox(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """One block of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)."""

@final
class Permutation:
    """The shuffled order of one epoch: position -> index, O(1) memory from 65,536 samples up, thread-safe."""

    def __init__(self, size: int, seed: int, epoch: int) -> None: ...
    def __len__(self) -> int: ...
    def take(self, start: int, stop: int) -> NDArray[np.int64]:
        """Indices at positions start <= p < stop."""

# --- batches

@final
class BufferPool:
    """Memory for batches, used again once nobody holds it: fresh memory is mapped and zeroed page by page, which takes
    longer than filling it.

    An array from `take` is alone with its memory until the last reference to it is gone: from numpy, from tensors made
    by `torch.from_numpy` and all that shares their storage (views, saved activations, DLPack capsules, arrays), from
    buffer exports. Only then the memory is free again, in whatever thread that happens. Thread-safe. Keeps `kept` free
    buffers; the oldest of any more go back to the system.
    """

    def __init__(self, dtype: DTypeLike, *, kept: int) -> None: ...
    def take(self, shape: Sequence[int]) -> NDArray[Any]:
        """A writable C-contiguous array with arbitrary content, aligned to a page. OptionError for a shape that no
        memory can hold; MemoryError."""
    def close(self) -> None:
        """Gives back what is free now, and from now on whatever becomes free."""
    @property
    def free(self) -> int:
        """How many free buffers there are."""

def gather_rows(columns: Sequence[NDArray[Any]], indices: NDArray[np.int64]) -> list[NDArray[Any]]:
    """`[column[indices] for column in columns]`, fresh and C-contiguous, for C-contiguous columns.

    IndexError for an index below 0 or beyond a column; OptionError for columns that are none."""

# --- parts of a pack's files, read from bytes that may be an attacker's (formats/SPEC.md); messages begin with `place`

def read_shard_header(block: Buffer, place: str) -> tuple[int, bytes]:
    """(number, pack id) of the first 64 bytes of a shard. DatasetError."""

def read_shard_trailer(block: Buffer, file_bytes: int, place: str) -> tuple[int, int, int, int]:
    """(number, offset of the footer, bytes of the footer, rows) of the last 64 bytes of a shard of `file_bytes`; the
    footer lies inside it, just before the trailer. DatasetError."""

def read_index_header(block: Buffer, place: str) -> tuple[int, bytes, int, int]:
    """(shards, pack id, rows, CRC-32C of pack.json) of the first 64 bytes of an index. DatasetError."""

def read_table(data: Buffer, place: str) -> tuple[int, int, list[tuple[int, str, int, int, int, int, int]]]:
    """(rows, bytes, sections) of the table at the start of `data`, of which only the directory is read.

    Sections are (number, numpy type, count, width, CRC-32C, offset, bytes); all lie inside `data`, at multiples of 64.
    Those that readers may ignore are left out. DatasetError."""

def find_bad_row(
    records: Records, flags: NDArray[np.uint8], shard_bytes: NDArray[np.int64], codecs: int
) -> tuple[int, str] | None:
    """The first row whose place, codec (0 <= codec < `codecs`), flags or size can't be, and why.

    The record of a sound row, and 64 bytes after it, lie between header and trailer of its shard. OptionError for
    columns of other types."""

def names_in_order(offsets: NDArray[np.int64], size: int) -> bool:
    """Whether the offsets begin at 0, end at `size` and never fall."""

# --- images

def probe_image(data: Buffer) -> tuple[str, int, int]:
    """(kind, width, height): kind is "jpeg" for what `decode_jpeg` reads, "other" (with 0, 0) for what goes to Pillow
    (not a JPEG, or CMYK/YCCK, 12-bit, lossless, arithmetic ...). DecodeError for a JPEG whose header is damaged."""

def check_jpeg(data: Buffer) -> tuple[int, int, str]:
    """Decodes the whole file and drops the pixels: (width, height, sampling such as "4:2:0" or "grey").
    DecodeError or TruncatedError exactly where Pillow raises; OptionError for what `probe_image` calls "other"."""

def decode_jpeg(data: Buffer, region: tuple[int, int, int, int] | None = None) -> NDArray[np.uint8]:
    """(h, w, 3) RGB of `region` = (x, y, width, height), or of all; equal to cutting the whole decode."""

# --- dct records (formats/SPEC.md, section 9)

def encode_dct(data: Buffer) -> tuple[bytes, str]:
    """(record, "") of a JPEG, or (b"", reason) for one that the dct codec can't represent; reasons are the same words
    for all files with the same cause. DecodeError or TruncatedError where `check_jpeg` raises; OptionError for what
    `probe_image` calls "other"."""

def rebuild_jpeg(record: Buffer) -> bytes:
    """A JPEG with the record's coefficients, tables, sampling factors and metadata segments. DecodeError,
    TruncatedError or ChecksumError for a damaged record."""

def decode_dct(
    record: Buffer, region: tuple[int, int, int, int] | None = None, check: bool = True
) -> NDArray[np.uint8]:
    """(h, w, 3) RGB of `region` = (x, y, width, height), or of all: bit for bit what `decode_jpeg` gives for the JPEG.
    `check`: compare the CRC-32C of the rows that are needed. DecodeError, TruncatedError or ChecksumError."""

def probe_dct(record: Buffer) -> tuple[int, int, str]:
    """(width, height, sampling such as "4:2:0" or "grey") from a record's head, which is checked. DecodeError,
    TruncatedError or ChecksumError."""

# --- pipelines

def policy_ops() -> list[str]:
    """Names of what a policy may do, as torchvision has them; a parameter table has their places in this list."""

@final
class Program:
    """A compiled augmentation pipeline: draws parameters and applies them. Immutable, thread-safe.

    `ops` are (name, arguments) with all arguments as floats, in this order:
      ("random_resized_crop", (height, width, scale_min, scale_max, ratio_min, ratio_max, filter))
      ("resize", (height, width, filter))    fixed size
      ("resize_short", (short, max_size, filter))
                                             max_size 0: none. filter 0 bilinear (also where it is left out), 1 nearest,
                                             2 bicubic, 3 box, 4 hamming, 5 lanczos
      ("center_crop", (height, width))
      ("random_crop", (height, width, left, top, right, bottom, mode, fill_0, fill_1, fill_2, pad_if_needed))
      ("pad", (left, top, right, bottom, mode, fill_0, fill_1, fill_2))
                                             mode 0 constant, 1 edge, 2 reflect, 3 symmetric; fill of R, G, B
      ("five_crop", (height, width, 0))      results are then (5, 3, height, width); what follows is done to each crop
      ("ten_crop", (height, width, vertical_flip))
      ("random_horizontal_flip", (p,))
      ("random_vertical_flip", (p,))
      ("random_invert", (p,))                also random_autocontrast, random_equalize, random_grayscale
      ("random_solarize", (threshold, p))
      ("random_posterize", (bits, p))
      ("random_adjust_sharpness", (factor, p))
      ("grayscale", ())
      ("color_jitter", (brightness_min, brightness_max, contrast_min, contrast_max, saturation_min, saturation_max,
                        hue_min, hue_max))   (1, 1), for the hue (0, 0), leaves one out
      ("gaussian_blur", (kernel_width, kernel_height, sigma_min, sigma_max))
      ("random_hsl", (h, s, l))              each drawn from minus to plus this much
      ("pca_lighting", (alpha_std, eigval_0, eigval_1, eigval_2, eigvec_r0, eigvec_r1, eigvec_r2, eigvec_g0, ...,
                        eigvec_b2))          eigvec_r1: what the second eigenvector has of red
      ("random_rotation", (angle_min, angle_max, *sampling, has_center, center_x, center_y))
      ("random_affine", (angle_min, angle_max, translate_x, translate_y, scale_min, scale_max, shear_x_min, shear_x_max,
                         shear_y_min, shear_y_max, aspect_min, aspect_max, *sampling, has_center, center_x, center_y))
      ("random_perspective", (distortion_scale, p, *sampling))
                                             sampling: interpolation (0 nearest, 2 bilinear, 3 bicubic), fill of R, G, B
                                             has_center 0/1: about (center_x, center_y) or the middle of the image
      ("apply", (p, members))                the next `members` entries, with those inside them, run together or not
      ("choice", (branches,))                one of as many branches runs; each is:
      ("branch", (weight, members))          right before its own members
      ("rand_augment", (num_ops, magnitude, num_magnitude_bins, *sampling))
      ("trivial_augment_wide", (num_magnitude_bins, *sampling))
      ("auto_augment", (policy, *sampling))  policy 0 ImageNet, 1 CIFAR-10, 2 SVHN
      ("lambda", ())                         a function of Python's that keeps the size: `draw` passes over it, `apply`
                                             and `Engine` can't run it (SpecError, a failed sample)
      ("to_dtype", (dtype, scale))           dtype 0 uint8, 1 float32, 2 float16; scale 0/1
      ("normalize", (mean_0, mean_1, mean_2, std_0, std_1, std_2))
      ("random_erasing", (p, scale_min, scale_max, ratio_min, ratio_max, noise, value_0, value_1, value_2))
      ("cutout", (length, n_holes, value_0, value_1, value_2))
      ("mix_up", (alpha, p))                 also cut_mix; drawn, but applied to batches elsewhere

    `position`: of the first op in the pipeline that these ops are a part of. Draws are those of the ops' places there;
    columns count from 0 all the same.
    """

    def __init__(self, ops: Sequence[tuple[str, tuple[float, ...]]], position: int = 0) -> None: ...
    @property
    def position(self) -> int: ...
    @property
    def columns(self) -> list[str]:
        """Names of the parameter table's columns, "<op position>.<field>".

        x, y, width, height (of the crop, in pixels of the image that reaches the op) for random_resized_crop;
        x, y (of the crop, in the same pixels, negative in the padding) for random_crop;
        flip (0/1) for random_horizontal_flip and random_vertical_flip; apply (0/1) for colour ops with a probability;
        order_0 to order_3, brightness, contrast, saturation, hue for color_jitter; sigma for gaussian_blur;
        h, s, l for random_hsl; alpha_0 to alpha_2 for pca_lighting;
        angle for random_rotation; angle, translate_x, translate_y, scale, shear_x, shear_y, aspect for random_affine;
        apply, then x and y of top_left, top_right, bottom_right, bottom_left (how far that corner moves inwards, in
        pixels: top_left_x, top_left_y ...) for random_perspective;
        op_0, magnitude_0, op_1 ... (place of the op in `policy_ops`) for rand_augment, trivial_augment_wide and
        auto_augment, for the last after sub_policy;
        apply (0/1) for apply; choice (which branch, from 0) for choice. What does not run has drawn nothing: its
        columns are 0.
        apply, x, y, width, height (of the erased rectangle), and noise_0, noise_1 (its key) with noise, for
        random_erasing; x_k, y_k, width_k, height_k of hole k = 0, 1 ... for cutout; apply, lambda for mix_up; apply,
        lambda, x, y, width, height for cut_mix.
        """
    @property
    def output_size(self) -> tuple[int, int] | None:
        """(height, width) of every result, or None where it depends on the sample."""
    @property
    def crops(self) -> int:
        """How many crops a result is made of; where it is more than 1, results have a dimension more, the first."""
    @property
    def dtype(self) -> Literal["uint8", "float32", "float16"]: ...
    def draw(
        self,
        seed: int,
        epoch: int,
        indices: NDArray[np.int64],
        draws: NDArray[np.int64],
        sizes: NDArray[np.int32],
        view: int = 0,
    ) -> NDArray[np.float64]:
        """(n, len(columns)) parameters; `sizes` is (n, 2) as (height, width) of the decoded images.

        DecodeError for an image that is too small for a random_crop or the like, or that an op would make too large."""
    def apply(
        self, image: NDArray[np.uint8], params: NDArray[np.float64]
    ) -> NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float16]:
        """Applies one row of `draw` to a decoded (h, w, 3) image: (3, out_h, out_w) of `dtype`, C order; (crops, 3,
        out_h, out_w) of several crops."""
    def check(self, params: NDArray[np.float64], sizes: NDArray[np.int32]) -> None:
        """Refuses rows that `draw` can't have drawn for images of these (n, 2) sizes: OptionError for the first."""

_Stage = Literal["read", "decode", "augment"]
"""read: bring a record's bytes and compare their checksum; decode: bytes to pixels, no more of them than needed;
augment: draw, resize, flip, convert, write."""

@type_check_only
class StageCounters(TypedDict):
    """Of all samples, over all threads."""

    seconds: float
    images: int
    """Samples that got through this stage."""
    bytes: int
    """read: of records, as far as they were read; decode: of pixels; augment: of results."""
    errors: int
    """Samples that failed in it."""

@type_check_only
class EngineCounters(TypedDict):
    stages: dict[_Stage, StageCounters]
    idle_seconds: float
    """Of threads without a sample, summed; 0 in engines without threads."""
    queued: int
    """Samples that were submitted and not begun."""
    threads: int
    seconds: float
    """Since the engine began, until it was closed."""

@final
class Engine:
    """C++ threads that read, decode and transform batches of records into the caller's buffers.

    `fallback(bytes) -> (h, w, 3) uint8` decodes what libjpeg-turbo does not read; it is called with the interpreter
    lock held, from worker threads, at most `threads` at a time. `threads=0` runs each batch inside `submit`, in the
    caller's thread. Batches may finish in any order; `wait` is by ticket. Safe to drop, also in a forked child (where
    it does nothing, and every call but `close` raises EngineClosedError); `close` is idempotent. The garbage collector
    does not see through an engine: what owns one should not be reachable from its `fallback`.

    With several programs each sample is read and decoded once, and goes through all of them, the k-th with the draws of
    view k.

    Raises SpecError for no program, or one whose results differ in size, OptionError for `threads` outside 0 to 1024 or
    beyond what the process may have.
    """

    def __init__(
        self,
        program: Program | Sequence[Program],
        *,
        threads: int,
        fallback: Callable[[memoryview], NDArray[np.uint8]],
        channels_last: bool = False,
    ) -> None: ...
    def submit(
        self,
        records: Records,
        out: object,
        *,
        seed: int,
        epoch: int,
        indices: NDArray[np.int64],
        draws: NDArray[np.int64],
    ) -> int:
        """Queues one batch and returns its ticket.

        `out` is a writable C-contiguous buffer (numpy array) of (n, 3, height, width), or with `channels_last` (n,
        height, width, 3), of the program's dtype, with the number of crops after n where there are several; it is kept
        alive, with `records`, until the ticket has been waited for. For several programs it is a list of such buffers,
        one for each. Never blocks when threads > 0 (the caller bounds how many batches are under way). With threads=0,
        Ctrl-C drops the batch.

        Raises OptionError for records, buffers and keys that don't fit, EngineClosedError.
        """
    def wait(self, ticket: int, timeout_seconds: float = 0.0) -> list[tuple[int, Exception]] | None:
        """Blocks until the batch is finished: [] or the failed rows with their errors, by row.

        The slots of failed rows hold zeros. RecordErrors have no place yet (`.at`); other exceptions are those of
        `fallback`. None when the timeout (0: none) ran out. Answers signals (Ctrl-C) within 0.1 s; the batch then stays
        under way. Raises OptionError for a ticket that is unknown or was waited for, EngineClosedError.
        """
    def ready(self, ticket: int) -> bool:
        """Whether `wait` would return at once. OptionError and EngineClosedError as there."""
    def counters(self) -> EngineCounters:
        """What the engine has done since it began; stops nobody. Also of a closed engine.

        EngineClosedError in a forked child.
        """
    def under_way(self) -> list[tuple[int, int, int, _Stage, float]]:
        """(ticket, row in its batch, index of its key, stage, seconds since it was begun) of the samples that are being
        worked on, the longest first; for a watchdog. EngineClosedError in a forked child."""
    def close(self) -> None:
        """Drops queued batches, lets running samples finish, joins the threads. Buffers are free afterwards.

        Called from `fallback`, it can't wait for the calling thread: threads and buffers are then freed a little later.
        """
