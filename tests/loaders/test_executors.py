"""`executor=`: the same batches whoever applies the pipeline, in every engine, and refusals by name."""

from __future__ import annotations

import copy
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.loading import Plain, arrays, collate, equal, write_folder
from torch.utils.data import TensorDataset

from penstock.augment import (
    CenterCrop,
    ColorJitter,
    Normalize,
    Pipeline,
    RandomGrayscale,
    RandomHorizontalFlip,
    RandomResizedCrop,
    Resize,
    ToDtype,
)
from penstock.augment.ops.base import Lowered, Op, Stage
from penstock.errors import OptionError, SpecError
from penstock.formats import Folder
from penstock.loaders import DataLoader

WHOLE = Pipeline(
    [
        RandomResizedCrop((7, 9)),
        RandomHorizontalFlip(),
        ColorJitter(0.4, 0.4, 0.4, 0.1),
        RandomGrayscale(0.3),
        ToDtype("float32", scale=True),
        Normalize((0.5,) * 3, (0.25,) * 3),
    ]
)
ENGINES: dict[str, dict[str, Any]] = {
    "native": {"num_workers": 2},
    "native in the caller's thread": {},
    "inline": {"engine": "python"},
    "torch's inline": {"engine": "python", "seed": None},
    "torch's workers": {"engine": "python", "num_workers": 2, "seed": None},
    "pool": {"engine": "python", "num_workers": 2},
    "threads": {"engine": "python", "num_workers": 2, "workers": "threads"},
}

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


def loader(dataset: Any = None, **arguments: Any) -> DataLoader[Any]:
    arguments = {"shuffle": True, "seed": 3, "augment": WHOLE, **arguments}
    return DataLoader(arrays() if dataset is None else dataset, 4, **arguments)


def batches(*args: Any, **arguments: Any) -> list[Any]:
    torch.manual_seed(5)  # from which torch draws the order, and the keys, where there is no seed
    return list(loader(*args, **arguments))


@pytest.mark.parametrize("engine", ENGINES)
def test_torch_gives_the_batches_of_the_native_kernels(engine: str) -> None:
    made = batches(executor="torch", **ENGINES[engine])
    assert equal(made, batches(executor="native", **ENGINES[engine]))
    assert made[0][0].dtype == torch.float32


@pytest.mark.parametrize("engine", ENGINES)
def test_channels_last(engine: str) -> None:
    own = {**ENGINES[engine], "memory_format": torch.channels_last}
    made = batches(executor="torch", **own)
    assert all(images.is_contiguous(memory_format=torch.channels_last) for images, _ in made)
    assert equal(made, batches(executor="native", **own))


def test_samples_that_python_makes() -> None:
    dataset = Plain(arrays())
    assert equal(batches(dataset, executor="torch", num_workers=2), batches(dataset, num_workers=2))


def test_devices_get_slices() -> None:
    whole = batches(executor="native")
    sliced = batches(executor="torch", devices=["cpu", "cpu"], num_workers=2)
    for (images, labels), parts in zip(whole, sliced, strict=True):
        assert torch.equal(torch.cat([part[0] for part in parts]), images)
        assert torch.equal(torch.cat([part[1] for part in parts]), labels)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """12 images, of which numbers 3 and 6 can't be decoded."""
    root = write_folder(tmp_path_factory.mktemp("broken"), 12, (".jpg",))
    for index in (3, 6):
        Path(Folder(root).describe(index)).write_bytes(b"no image at all")
    return Folder(root)


@pytest.mark.parametrize("engine", [name for name in ENGINES if not name.startswith("torch's")])
@pytest.mark.parametrize("policy", ["skip", "substitute"])
def test_what_comes_in_for_bad_samples_has_its_own_draws(broken: Folder, engine: str, policy: str) -> None:
    arguments = {**ENGINES[engine], "on_error": policy}
    made = batches(broken, executor="torch", **arguments)
    assert equal(made, batches(broken, executor="native", **arguments))
    assert sum(len(images) for images, _ in made) == (10 if policy == "skip" else 12)


def test_samples_that_are_drawn_again_and_again_have_draws_of_their_own() -> None:
    arguments: dict[str, Any] = {"shuffle": None, "weights": np.eye(23)[4] + 1e-9, "num_workers": 2}
    made = batches(executor="torch", **arguments)
    assert equal(made, batches(executor="native", **arguments))
    assert not torch.equal(made[0][0][0], made[0][0][1])


@pytest.mark.parametrize("engine", ENGINES)
def test_resuming(engine: str) -> None:
    torch.manual_seed(5)
    first = loader(executor="torch", **ENGINES[engine])
    expected = list(copy.deepcopy(first))
    torch.manual_seed(5)
    iterator = iter(first)
    made = [next(iterator) for _ in range(2)]
    again = loader(executor="torch", **ENGINES[engine])
    again.load_state_dict(first.state_dict())
    made += list(again)
    if first.seed is not None:
        assert equal(made, expected)
    assert equal(made, batches(executor="native", **ENGINES[engine]))


@pytest.mark.parametrize("engine", ["native", "torch's workers", "pool"])
def test_epochs_of_persistent_workers(engine: str) -> None:
    arguments = {**ENGINES[engine], "persistent_workers": True, "seed": 3}
    torchs, natives = loader(executor="torch", **arguments), loader(executor="native", **arguments)
    for _ in range(2):
        assert equal(list(torchs), list(natives))


def test_a_copy_of_the_loader_keeps_the_executor() -> None:
    first = loader(executor="torch", executor_fallback=True)
    again = pickle.loads(pickle.dumps(first))
    assert (again.executor, again.executor_fallback) == ("torch", True)
    assert equal(list(again), list(first))


def test_a_dataset_taken_from_the_loader_has_the_whole_pipeline() -> None:
    first = loader(executor="torch")
    assert first.dataset.pipeline == first.augment == WHOLE
    assert equal(list(DataLoader(first.dataset, batch_sampler=first.batch_sampler)), batches(executor="native"))


def lines(loader: DataLoader[Any]) -> list[str]:
    return [line for line in loader.explain().splitlines() if line.startswith(("ops", "  0", "  1", "  2", "  3"))]


def test_explain_lists_the_ops() -> None:
    whole = Pipeline([Resize((8, 8)), RandomHorizontalFlip(0.25), RandomGrayscale(0.5), ToDtype("float32")])
    assert lines(loader(augment=whole, executor="torch")) == [
        "ops (executor='torch'): uint8 batches of one size are what goes to cpu",
        "  0 Resize(size=(8, 8), interpolation='bilinear', max_size=None, antialias=True): native",
        "  1 RandomHorizontalFlip(p=0.25): torch on cpu",
        "  2 RandomGrayscale(p=0.5): torch on cpu",
        "  3 ToDtype(dtype='float32', scale=False): torch on cpu",
    ]
    native = lines(loader(augment=whole, engine="python", num_workers=1))
    assert native[0] == "ops (executor='auto'): the native kernels are the fastest on a CPU"
    assert native[2] == "  1 RandomHorizontalFlip(p=0.25): native kernels in Python workers"
    assert lines(loader(augment=whole, engine="python"))[3].endswith(": native kernels in the caller's thread")
    threads = lines(loader(augment=whole, engine="python", num_workers=1, workers="threads", executor="native"))
    assert threads[0] == "ops (executor='native'): executor='native' asks for it"
    assert threads[4].endswith(": native kernels in Python threads")
    assert lines(loader(augment=Pipeline([CenterCrop(4)]), executor="torch")) == [
        "ops (executor='torch'): all of it makes the images' sizes equal",
        "  0 CenterCrop(size=(4, 4)): native",
    ]
    assert not lines(DataLoader(arrays(), 4))


def test_what_finishing_takes_is_measured() -> None:
    torchs = loader(executor="torch")
    list(torchs)
    stages = torchs.stats().consumer_stages
    assert stages["finish"].samples == 19
    assert stages["finish"].nbytes == 19 * (7 * 9 * 3 * 4 + 8)
    assert stages["finish"].seconds > 0


def test_refusals() -> None:
    for bogus in ("gpu", None, ["torch"]):
        known = "'auto' or 'native' or 'torch' or 'dali'"
        with pytest.raises(OptionError, match=re.escape(f"executor must be {known}, got {bogus!r}")):
            loader(executor=bogus)
    with pytest.raises(OptionError, match="executor_fallback must be True or False, got 'dali'"):
        loader(executor="torch", executor_fallback="dali")
    for name in ("torch", "dali"):
        with pytest.raises(
            OptionError, match=f"executor='{name}' runs a declared pipeline, and .* augment=, .*from_torchvision"
        ):
            DataLoader(arrays(), 4, executor=name)


def test_without_dali_the_loader_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nvidia.dali", None)  # as where it is not installed
    with pytest.raises(OptionError, match=r"executor 'dali' needs NVIDIA DALI.*pip install 'penstock\[dali\]'"):
        loader(executor="dali")
    fallen = loader(executor="dali", executor_fallback=True)
    assert "ops (executor='dali'): executor 'dali' needs NVIDIA DALI" in fallen.explain()
    assert equal(list(fallen), batches(executor="native"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"collate_fn": collate}, "collate_fn is your own, and what it makes of images is unknown"),
        ({"batch_size": None}, "batch_size=None: samples come one by one"),
        ({"augment": Pipeline([Resize(8)])}, "the pipeline has no fixed output size: end its resizing with a crop"),
    ],
)
def test_loaders_without_a_batch_to_finish(arguments: dict[str, Any], reason: str) -> None:
    arguments = {"batch_size": 4, "augment": WHOLE, "seed": 3, **arguments}
    with pytest.raises(OptionError, match=f"executor='torch' can't run in this loader: {reason}.*executor_fallback"):
        DataLoader(arrays(), executor="torch", **arguments)
    fallen = DataLoader(arrays(), executor="torch", executor_fallback=True, **arguments)
    assert f"ops (executor='torch'): {reason}" in fallen.explain()
    made, expected = list(fallen), list(DataLoader(arrays(), executor="native", **arguments))
    assert all(equal(list(one[0]), list(other[0])) for one, other in zip(made, expected, strict=True))


def test_batches_that_come_out_of_order_are_not_finished() -> None:
    arguments: dict[str, Any] = {"in_order": False, "num_workers": 2, "seed": None, "shuffle": False}
    with pytest.raises(OptionError, match="in_order=False without seed=: torch's workers don't say which samples"):
        loader(executor="torch", **arguments)
    fallen = loader(executor="torch", executor_fallback=True, **arguments)
    assert "in_order=False without seed=" in fallen.explain()


def test_a_collate_fn_that_comes_later() -> None:
    late = loader(executor="torch", executor_fallback=True)
    late.collate_fn = collate
    assert equal(list(late), batches(executor="native"))
    late = loader(executor="torch")
    late.collate_fn = collate
    with pytest.raises(OptionError, match="collate_fn is your own"):
        iter(late)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("engine", ENGINES)
def test_auto_finishes_on_the_gpu(engine: str) -> None:
    arguments = {**ENGINES[engine], "device": "cuda:0"}
    made = batches(executor="auto", **arguments)
    assert all(images.device == torch.device("cuda:0") for images, _ in made)
    for (images, labels), (expected, of) in zip(made, batches(executor="native", **arguments), strict=True):
        assert torch.equal(labels, of)
        assert torch.allclose(images, expected, atol=0.04)  # a grey level is 0.016
    split = lines(loader(executor="auto", device="cuda:0"))
    assert split[2].endswith(": native")
    assert split[3].endswith(": torch on cuda:0")


def test_auto_moves_geometry_natively_for_a_gpu() -> None:
    whole = Pipeline([Resize(12), CenterCrop(9), RandomHorizontalFlip(), RandomGrayscale(), ToDtype("float32")])
    cuda: Any = loader(augment=whole)
    cuda._targets = (torch.device("cuda:0"),)  # a plan needs no device
    assert [line.rpartition(": ")[2] for line in lines(cuda)] == [
        "uint8 batches of one size are what goes to cuda:0",
        *["native"] * 3,
        "torch on cuda:0",
    ]
    cuda.collate_fn = collate
    assert lines(cuda)[0].endswith(": collate_fn is your own, and what it makes of images is unknown")


PLAIN = [(torch.from_numpy(image.transpose(2, 0, 1)), label) for image, label in arrays()]


@pytest.mark.parametrize("engine", ["torch's inline", "inline", "torch's workers", "pool"])
@pytest.mark.parametrize(
    "dataset", [PLAIN, TensorDataset(*(torch.stack([i for i, _ in PLAIN]), torch.arange(23)))], ids=type
)
def test_plain_tensors(dataset: Any, engine: str) -> None:
    made = batches(dataset, executor="torch", **ENGINES[engine])
    assert equal(made, batches(executor="native", **ENGINES[engine]))


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (
            PLAIN[0][0],
            r"needs samples \(image, label\), got Tensor as sample 0 of list; let it give tuples with the image",
        ),
        ({"image": PLAIN[0][0]}, "got dict as sample 0 of list; let it give tuples"),
        ((PLAIN[0][0].float(), 1), r"got Tensor torch.float32 of shape \(3, 21, 26\) as sample 0 of list; let it give"),
        ((np.zeros((4, 5, 2), np.uint8), 1), "got ndarray uint8 of shape .* leave conversions to the pipeline"),
    ],
)
@pytest.mark.parametrize("executor", ["native", "torch"])
def test_samples_without_a_decoded_image(sample: Any, message: str, executor: str) -> None:
    with pytest.raises(OptionError, match=message):
        next(iter(loader([sample] * 4, executor=executor)))


def test_samples_of_an_image_alone_and_of_more_than_a_label() -> None:
    images = [image for image, _ in PLAIN]
    alone = batches([(image,) for image in images], executor="torch")
    more = batches([(image, label, {"twice": 2 * label}) for image, label in PLAIN], executor="torch")
    for (only,), (first, labels, others) in zip(alone, more, strict=True):
        assert torch.equal(only, first)
        assert torch.equal(others["twice"], 2 * labels)


def test_torchs_own_collate_fn_is_the_default() -> None:
    given = batches(executor="torch", collate_fn=torch.utils.data.default_collate)
    assert equal(given, batches(executor="native"))


@pytest.mark.parametrize("device", [{}, {"device": "cpu"}, {"devices": ["cpu", "cpu"]}])
def test_a_pipeline_of_which_nothing_is_left_for_torch(device: dict[str, Any]) -> None:
    small = Pipeline([CenterCrop(4)])
    made = batches(augment=small, executor="torch", **device)
    assert equal(made, batches(augment=small, executor="native", **device))
    assert "all of it makes the images' sizes equal" in loader(augment=small, executor="torch", **device).explain()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("executor", ["auto", "native", "torch", "dali"])
def test_a_gpu_that_is_not_there(executor: str) -> None:
    with pytest.raises(OptionError, match=r"device='cuda' can't be used: torch .* take device=\"cpu\""):
        loader(executor=executor, device="cuda")


class Refused(Op):
    """An op that nobody but the native kernels runs."""

    stage = Stage.COLOUR

    def lower(self) -> Lowered:
        return "grayscale", ()


def test_what_torch_can_not_run_is_refused_by_name_or_left_to_the_native_kernels() -> None:
    whole = Pipeline([CenterCrop(9), RandomHorizontalFlip(), Refused(), RandomGrayscale(), ToDtype("float32")])
    with pytest.raises(SpecError, match=r"executor='torch': TorchExecutor can't run Refused.*executor_fallback=True$"):
        loader(augment=whole, executor="torch")
    fallen = loader(augment=whole, executor="torch", executor_fallback=True)
    assert [line.rpartition(": ")[2] for line in lines(fallen)[1:]] == [*["native"] * 3, "torch on cpu"]
    assert "TorchExecutor can't run Refused" in lines(fallen)[0]
    assert equal(list(fallen), batches(augment=whole, executor="native"))


def test_a_device_that_torch_can_not_augment_on_is_refused_or_left_out() -> None:
    named: Any = loader(executor="torch")
    named._targets = (torch.device("mps"),)  # a plan needs no device
    message = r"executor='torch': TorchExecutor needs float64, .* 'mps' .*, or allow executor_fallback=True$"
    with pytest.raises(OptionError, match=message):
        named.explain()
    fallen: Any = loader(executor="torch", executor_fallback=True)
    fallen._targets = named._targets
    assert "TorchExecutor needs float64" in lines(fallen)[0]
    assert all(line.endswith(": native") for line in lines(fallen)[1:])


def test_a_device_that_dali_does_not_know_is_refused_or_left_to_the_native_kernels() -> None:
    message = r"executor='dali' runs on CUDA devices and on the CPU, got device='meta'; use .*executor_fallback=True$"
    with pytest.raises(OptionError, match=message):
        loader(executor="dali", device="meta")
    fallen = loader(executor="dali", device="meta", executor_fallback=True)
    assert "runs on CUDA devices and on the CPU" in lines(fallen)[0]
    assert all(line.endswith(": native") for line in lines(fallen)[1:])
