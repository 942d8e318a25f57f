"""Constructor arguments: names, order, defaults, attributes, what is refused and in which words."""

from __future__ import annotations

import inspect
import multiprocessing
import typing
from typing import Any

import pytest
import torch
import torch.utils.data
from support.contract import agree, agreed, refused
from support.contract_data import Sized, Squares, Stream
from support.identifiers import described
from torch.utils.data import BatchSampler, RandomSampler, SequentialSampler

from penstock.loaders import DataLoader

TORCHS = inspect.signature(torch.utils.data.DataLoader).parameters
OURS = inspect.signature(DataLoader).parameters


@pytest.mark.parametrize("name", TORCHS)
def test_each_parameter_is_torchs(name: str) -> None:
    theirs, ours = TORCHS[name], OURS[name]
    assert (ours.kind, ours.default) == (theirs.kind, theirs.default)


def test_parameters_keep_their_places_and_ours_follow_as_keywords() -> None:
    assert list(OURS)[: len(TORCHS)] == list(TORCHS)
    own = list(OURS.values())[len(TORCHS) :]
    assert own
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in own)
    assert all(parameter.default is not parameter.empty for parameter in own)


def test_every_parameter_is_annotated_and_documented() -> None:
    hints = typing.get_type_hints(DataLoader.__init__)
    assert set(OURS) <= set(hints)
    documented = f"{DataLoader.__doc__}"
    for name in list(OURS)[len(TORCHS) :]:
        assert name in documented, f"the class's docstring does not tell of {name}"


def test_all_by_position() -> None:
    def positional(cls: Any) -> Any:
        loader = cls(Squares(), 4, False, None, None, 1, list, False, True, 7.5, None, "fork", torch.Generator())
        return loader.batch_size, loader.drop_last, loader.timeout, loader.collate_fn, list(loader)

    agreed(positional)


def test_keywords_only_are_not_taken_by_position() -> None:
    arguments = [Squares(), 4, False, None, None, 1, list, False, True, 7.5, None, "fork", None]
    refused(lambda cls: cls(*arguments, 2), TypeError, "takes from 2 to 14 positional arguments but 15 were given")
    for cls in (torch.utils.data.DataLoader, DataLoader):
        with pytest.raises(TypeError, match="unexpected keyword argument 'batchsize'"):
            cls(Squares(), batchsize=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"batch_size": None},
        {"batch_size": 3, "shuffle": True, "drop_last": True},
        {"sampler": Sized()},
        {"batch_sampler": [[1, 2], [3]]},
        {"pin_memory": True, "pin_memory_device": "cuda"},
        {"timeout": 3, "in_order": False},
    ],
    ids=described,
)
def test_torchs_attributes_have_torchs_values(arguments: dict[str, Any], workers: int) -> None:
    def attributes(cls: Any) -> Any:
        loader = cls(Squares(), num_workers=workers, **arguments)
        seen = {name: getattr(loader, name) for name in TORCHS if name not in ("dataset", "shuffle")}
        return {name: type(value) if "sampler" in name else value for name, value in seen.items()}

    agreed(attributes)


@pytest.mark.parametrize("name", OURS)
def test_each_argument_is_an_attribute_and_its_default_is_kept(name: str) -> None:
    resolved = {"dataset", "sampler", "batch_sampler", "collate_fn"}
    loader: DataLoader[Any] = DataLoader(Squares())
    assert hasattr(loader, name)
    if name not in resolved:
        # by identity, since frameworks that rebuild loaders compare so
        assert getattr(loader, name) is OURS[name].default


def test_no_attribute_of_torchs_is_missing() -> None:
    theirs = torch.utils.data.DataLoader(Squares())
    ours: DataLoader[Any] = DataLoader(Squares())
    assert set(dir(theirs)) <= set(dir(ours))
    iterator = set(dir(iter(theirs)))
    assert iterator <= set(dir(iter(ours)))


BATCHES = BatchSampler(SequentialSampler(range(10)), 3, False)
INDICES = SequentialSampler(range(10))

REFUSALS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"num_workers": -1}, ValueError, "num_workers option should be non-negative"),
    ({"timeout": -0.1}, ValueError, "timeout option should be non-negative"),
    ({"prefetch_factor": 2}, ValueError, "prefetch_factor option could only be specified in multiprocessing"),
    ({"prefetch_factor": 0}, ValueError, "prefetch_factor option could only be specified in multiprocessing"),
    ({"prefetch_factor": -1, "num_workers": 1}, ValueError, "prefetch_factor option should be non-negative"),
    ({"persistent_workers": True}, ValueError, "persistent_workers option needs num_workers > 0"),
    ({"multiprocessing_context": "fork"}, ValueError, "can only be used with multi-process loading"),
    ({"multiprocessing_context": "thread", "num_workers": 1}, ValueError, "should specify a valid start method in"),
    ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "should be a valid context object"),
    ({"batch_size": None, "drop_last": True}, ValueError, "batch_size=None option disables auto-batching"),
    ({"batch_size": 0}, ValueError, "batch_size should be a positive integer"),
    ({"batch_size": -3}, ValueError, "batch_size should be a positive integer"),
    ({"batch_size": 2.0}, ValueError, "batch_size should be a positive integer"),
    ({"batch_size": True}, ValueError, "batch_size should be a positive integer"),
    ({"batch_size": "4"}, ValueError, "batch_size should be a positive integer"),
    ({"drop_last": 1}, ValueError, "drop_last should be a boolean value"),
    ({"sampler": INDICES, "shuffle": True}, ValueError, "sampler option is mutually exclusive with shuffle"),
    ({"sampler": INDICES, "shuffle": 3}, ValueError, "sampler option is mutually exclusive with shuffle"),
    ({"batch_sampler": BATCHES, "batch_size": 2}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_sampler": BATCHES, "batch_size": None}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_sampler": BATCHES, "shuffle": True}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_sampler": BATCHES, "sampler": INDICES}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_sampler": BATCHES, "drop_last": True}, ValueError, "batch_sampler option is mutually exclusive"),
    ({"batch_sampler": BATCHES, "sampler": INDICES, "shuffle": True}, ValueError, "sampler option is mutually"),
    ({"num_workers": "2"}, TypeError, "not supported between instances"),
    ({"timeout": None}, TypeError, "not supported between instances"),
    ({"num_workers": -1, "timeout": -1, "batch_size": 0}, ValueError, "num_workers option"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), REFUSALS, ids=[described(r[0]) for r in REFUSALS])
def test_bad_arguments(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    refused(lambda cls: cls(Squares(), **arguments), kind, message)


@pytest.mark.parametrize("shuffle", [0, 1, "", "yes", None, [], [1]])
def test_shuffle_counts_by_its_truth(shuffle: Any) -> None:
    agreed(lambda cls: list(cls(Squares(), 4, shuffle)))
    agreed(lambda cls: type(cls(Squares(), 4, shuffle).sampler))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shuffle": True}, "expected unspecified shuffle option, but got shuffle=True"),
        ({"shuffle": 3}, "expected unspecified shuffle option, but got shuffle=3"),
        ({"sampler": [1]}, r"expected unspecified sampler option, but got sampler=[1]"),
        ({"batch_sampler": 3}, "expected unspecified batch_sampler option, but got batch_sampler=3"),
        ({"sampler": [1], "batch_sampler": [[1]], "shuffle": True}, "expected unspecified shuffle option"),
    ],
)
def test_streams_take_no_order(arguments: dict[str, Any], message: str) -> None:
    refused(lambda cls: cls(Stream(), **arguments), ValueError, message)


@pytest.mark.parametrize("shuffle", [None, False, 0])
def test_streams_take_no_shuffling_for_an_answer(shuffle: Any) -> None:
    agreed(lambda cls: list(cls(Stream(), 3, shuffle)))


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_what_torch_fixes_can_not_be_set(name: str) -> None:
    refused(lambda cls: setattr(cls(Squares()), name, None), ValueError, f"{name} attribute should not be set after")
    refused(lambda cls: setattr(_subclass(cls)(Squares()), name, None), ValueError, "after Feeder is initialized")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_workers", 1),
        ("collate_fn", list),
        ("pin_memory", True),
        ("timeout", 5),
        ("worker_init_fn", None),
        ("generator", torch.Generator()),
        ("prefetch_factor", 3),
        ("in_order", False),
        ("shuffle", True),
        ("anything", 1),
    ],
)
def test_the_rest_can_be_set(name: str, value: Any) -> None:
    def assigned(cls: Any) -> Any:
        loader = cls(Squares(), 4, num_workers=1)
        setattr(loader, name, value)
        return getattr(loader, name) is value, list(loader)

    agree(assigned)


@pytest.mark.parametrize("context", ["fork", multiprocessing.get_context("fork"), None], ids=described)
def test_a_context_by_name_or_as_an_object(context: Any) -> None:
    def running(cls: Any) -> Any:
        loader = cls(Squares(), 5, num_workers=1, multiprocessing_context=context)
        return type(loader.multiprocessing_context).__name__, list(loader)

    agreed(running)


def test_a_context_set_later() -> None:
    def later(cls: Any) -> Any:
        loader = cls(Squares(), 5, num_workers=1)
        loader.multiprocessing_context = "fork"
        return type(loader.multiprocessing_context).__name__, list(loader)

    agreed(later)
    refused(lambda cls: setattr(cls(Squares()), "multiprocessing_context", "fork"), ValueError, "num_workers > 0")


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_start_methods(method: str) -> None:
    agreed(lambda cls: list(cls(Squares(), 5, num_workers=1, multiprocessing_context=method)))


def test_many_workers_are_warned_of_when_built_and_when_set() -> None:
    agree(lambda cls: cls(Squares(), num_workers=1000) and None)

    def raised(cls: Any) -> Any:
        loader = cls(Squares(), 5, num_workers=0)
        loader.num_workers, loader.prefetch_factor = 3, 2
        return list(loader)

    agree(raised)


def _subclass(cls: Any) -> Any:
    class Feeder(cls):  # type: ignore[misc]  # a base class by value
        pass

    return Feeder


def test_a_subclass_may_keep_its_own_arguments_under_any_name() -> None:
    def own_names(cls: Any) -> Any:
        class Feeder(cls):  # type: ignore[misc]  # a base class by value
            def __init__(self, dataset: Any, shuffle: bool, seed: int, device: str) -> None:
                self.shuffle, self.seed, self.device, self.weights = shuffle, seed, device, None
                self.sampler = RandomSampler(dataset)
                super().__init__(dataset, 3, sampler=self.sampler, num_workers=0)

        loader = Feeder(Squares(), True, 7, "cpu")
        return list(loader), len(loader)

    agreed(own_names)


def test_a_subclass_may_keep_them_afterwards_as_well() -> None:
    def own_names(cls: Any) -> Any:
        class Feeder(cls):  # type: ignore[misc]  # a base class by value
            def __init__(self, dataset: Any, shuffle: bool) -> None:
                super().__init__(dataset, 3, shuffle=shuffle)
                self.shuffle = shuffle

        loader = Feeder(Squares(), True)
        return loader.shuffle, list(loader)

    agreed(own_names)


def test_a_subclass_may_replace_methods() -> None:
    def replaced(cls: Any) -> Any:
        class Twice(cls):  # type: ignore[misc]  # a base class by value
            def __iter__(self) -> Any:
                yield from super().__iter__()
                yield from super().__iter__()

            def __len__(self) -> int:
                return 2 * super().__len__()

        class Listed(cls):  # type: ignore[misc]  # a base class by value
            def _get_iterator(self) -> Any:
                return iter([1, 2])

        loader = Twice(Squares(), 4)
        return len(loader), list(loader), list(Listed(Squares()))

    agreed(replaced)


def test_it_is_a_torch_loader_and_generic() -> None:
    assert issubclass(DataLoader, torch.utils.data.DataLoader)
    assert isinstance(DataLoader(Squares()), torch.utils.data.DataLoader)
    assert typing.get_origin(DataLoader[int]) is DataLoader
    assert typing.get_args(DataLoader[int]) == (int,)
