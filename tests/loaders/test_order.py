"""The order of an epoch against a plain list model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import Permutation
from penstock.errors import OptionError
from penstock.loaders.ordering.order import Order, Padding


def model(size: int, batch_size: int, world_size: int, shuffle: bool, seed: int, epoch: int) -> list[list[int]]:
    """The global batches of an epoch as lists, with nothing dropped or padded."""
    order = Permutation(size, seed, epoch).take(0, size).tolist() if shuffle else list(range(size))
    step = batch_size * world_size
    return [order[start : start + step] for start in range(0, size, step)]


def rank_batches(order: Order, epoch: int, start: int = 0) -> list[tuple[list[int], list[int]]]:
    view = order.epoch(epoch, start)
    batches = [view.batch(number) for number in range(len(view))]
    assert all(indices.dtype == draws.dtype == "int64" for indices, draws in batches)
    return [(indices.tolist(), draws.tolist()) for indices, draws in batches]


shapes = st.fixed_dictionaries(
    {
        "size": st.integers(0, 60),
        "batch_size": st.integers(1, 7),
        "world_size": st.integers(1, 5),
        "shuffle": st.booleans(),
        "seed": st.integers(0, 2**64 - 1),
    }
)
epochs = st.integers(0, 2**32 - 1)


@given(shapes, epochs)
def test_a_whole_global_batch_is_cut_into_rank_blocks(shape: dict[str, int], epoch: int) -> None:
    whole = [b for b in model(**shape, epoch=epoch) if len(b) == shape["batch_size"] * shape["world_size"]]
    for rank in range(shape["world_size"]):
        batches = rank_batches(Order(**shape, rank=rank, drop_last=True), epoch)
        start, stop = rank * shape["batch_size"], (rank + 1) * shape["batch_size"]
        assert batches == [(block[start:stop], [0] * shape["batch_size"]) for block in whole]


@given(shapes, epochs)
def test_padding_wraps_around_to_the_start_of_the_order(shape: dict[str, int], epoch: int) -> None:
    size, world_size = shape["size"], shape["world_size"]
    blocks = model(**shape, epoch=epoch)
    flat = [index for block in blocks for index in block]
    for number, block in enumerate(blocks):
        start = number * shape["batch_size"] * world_size
        padded = block + [flat[k % size] for k in range(-len(block) % world_size)]
        draws = [0] * len(block) + list(range(start + len(block), start + len(padded)))
        got_indices, got_draws = [], []
        for rank in range(world_size):
            indices, sample_draws = rank_batches(Order(**shape, rank=rank), epoch)[number]
            assert len(indices) == len(padded) // world_size
            got_indices += indices
            got_draws += sample_draws
        assert (got_indices, got_draws) == (padded, draws)


@given(shapes, epochs)
def test_every_rank_has_as_many_batches_unless_padding_is_none(shape: dict[str, int], epoch: int) -> None:
    for drop_last in (False, True):
        orders = [Order(**shape, rank=r, drop_last=drop_last) for r in range(shape["world_size"])]
        assert len({(order.batches, order.samples) for order in orders}) == 1
        for order in orders:
            batches = rank_batches(order, epoch)
            assert len(batches) == order.batches
            assert sum(len(indices) for indices, _ in batches) == order.samples


@given(shapes, epochs)
def test_without_padding_every_sample_comes_once_over_all_ranks(shape: dict[str, int], epoch: int) -> None:
    seen = []
    per_rank = [rank_batches(Order(**shape, rank=r, padding="none"), epoch) for r in range(shape["world_size"])]
    for number in range(max((len(batches) for batches in per_rank), default=0)):
        for batches in per_rank:
            if number < len(batches):
                indices, draws = batches[number]
                assert draws == [0] * len(indices)
                assert 0 < len(indices) <= shape["batch_size"]
                seen += indices
    assert seen == [index for block in model(**shape, epoch=epoch) for index in block]


@given(shapes, epochs, st.sampled_from(["wrap", "none"]), st.booleans(), st.integers(0, 20))
def test_an_epoch_goes_on_exactly_from_every_global_batch(
    shape: dict[str, int], epoch: int, padding: Padding, drop_last: bool, delivered: int
) -> None:
    start = min(delivered * shape["batch_size"] * shape["world_size"], shape["size"])
    for rank in range(shape["world_size"]):
        order = Order(**shape, rank=rank, drop_last=drop_last, padding=padding)
        assert rank_batches(order, epoch, start) == rank_batches(order, epoch)[delivered:]


@given(shapes, epochs, st.booleans(), st.data())
def test_stop_is_the_start_that_goes_on_after_a_batch(
    shape: dict[str, int], epoch: int, drop_last: bool, data: st.DataObject
) -> None:
    order = Order(**shape, drop_last=drop_last)
    start = data.draw(st.integers(0, order.size))
    whole = order.epoch(epoch, start)
    stops = [whole.stop(number) for number in range(len(whole))]
    batches = rank_batches(order, epoch, start)
    for number, stop in enumerate(stops):
        assert rank_batches(order, epoch, stop) == batches[number + 1 :]
    assert stops == sorted(set(stops))
    assert stops[:-1] == [start + (number + 1) * order.global_batch_size for number in range(len(stops) - 1)]
    assert stops[-1:] in ([], [order.size])


@given(st.data())
def test_changing_ranks_and_batches_on_the_way_loses_and_repeats_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 60))
    position, seen = 0, []
    while position < size:
        batch_size, world_size = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 5))
        views = [
            Order(size, batch_size, rank=r, world_size=world_size, shuffle=True, seed=5, padding="none").epoch(
                1, position
            )
            for r in range(world_size)
        ]
        for number in range(data.draw(st.integers(1, len(views[0])))):
            seen += [i for view in views if number < len(view) for i in view.batch(number)[0].tolist()]
            position = views[0].stop(number)
    assert seen == Permutation(size, 5, 1).take(0, size).tolist()


@given(st.integers(1, 60), st.booleans(), st.lists(st.sampled_from([1, 2, 4]), min_size=1, max_size=4))
def test_elastic_resumes_give_the_keys_of_the_uninterrupted_run(size: int, shuffle: bool, worlds: list[int]) -> None:
    def global_batch(world_size: int, start: int) -> tuple[list[tuple[int, int]], int]:
        """The real samples of the next global batch, with their draws, and the position after it."""
        views = [
            Order(size, 8 // world_size, rank=r, world_size=world_size, shuffle=shuffle).epoch(2, start)
            for r in range(world_size)
        ]
        pairs = [zip(*(column.tolist() for column in view.batch(0)), strict=True) for view in views]
        return [key for rank in pairs for key in rank if key[1] < size], views[0].stop(0)

    position = 0
    for number in range(-(-size // 8)):
        uninterrupted, _ = global_batch(1, position)
        resumed, stop = global_batch(worlds[number % len(worlds)], position)
        assert resumed == uninterrupted
        position = stop
    assert position == size


def test_nothing_is_left_at_the_end_of_an_epoch() -> None:
    order = Order(10, 4, drop_last=True)
    view = order.epoch(0)
    assert [view.stop(number) for number in range(len(view))] == [4, 10]
    assert len(order.epoch(0, 10)) == len(order.epoch(0, 7)) == 0
    with pytest.raises(IndexError, match="batch 0 is out of range: this rank has 0 batches left"):
        order.epoch(0, 10).batch(0)


@pytest.mark.parametrize("start", [-1, 11])
def test_a_start_outside_the_epoch_is_refused(start: int) -> None:
    with pytest.raises(OptionError, match=f"positions 0 to 10, got start={start}; a saved position belongs to"):
        Order(10, 4).epoch(0, start)


@given(shapes, epochs)
def test_one_rank_is_never_padded(shape: dict[str, int], epoch: int) -> None:
    shape = {**shape, "world_size": 1}
    assert rank_batches(Order(**shape), epoch) == rank_batches(Order(**shape, padding="none"), epoch)


@given(st.integers(0, 50), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(0, 9), epochs)
def test_global_batches_are_the_same_for_every_world_size_that_divides_them(
    size: int, world_size: int, seed: int, epoch: int
) -> None:
    def global_batches(world_size: int) -> list[list[int]]:
        orders = [
            Order(size, 12 // world_size, rank=r, world_size=world_size, shuffle=True, seed=seed, padding="none")
            for r in range(world_size)
        ]
        ranks = [rank_batches(order, epoch) for order in orders]
        return [
            [index for batches in ranks if number < len(batches) for index in batches[number][0]]
            for number in range(len(ranks[0]))
        ]

    assert global_batches(world_size) == global_batches(1)


def test_epochs_and_seeds_shuffle_differently() -> None:
    def first(seed: int, epoch: int) -> list[int]:
        return rank_batches(Order(100, 100, shuffle=True, seed=seed), epoch)[0][0]

    assert len({tuple(first(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    assert sorted(first(0, 0)) == list(range(100))
    assert first(0, 0) == first(0, 0)


def test_a_batch_far_into_a_huge_order_is_found_at_once() -> None:
    order = Order(2_000_000_000, 4, rank=1, world_size=2, shuffle=True, seed=3)
    indices, draws = order.epoch(0).batch(order.batches - 1)
    assert len(set(indices.tolist())) == 4
    assert 0 <= indices.min() <= indices.max() < 2_000_000_000
    assert draws.tolist() == [0] * 4


def test_a_dataset_smaller_than_the_padding_wraps_repeatedly() -> None:
    batches = [rank_batches(Order(2, 3, rank=r, world_size=5), 0) for r in range(5)]
    assert batches == [[([0], [0])], [([1], [0])], [([0], [2])], [([1], [3])], [([0], [4])]]


@pytest.mark.parametrize("number", [-1, 2])
def test_a_batch_outside_the_epoch_is_an_index_error(number: int) -> None:
    with pytest.raises(IndexError, match=f"batch {number} is out of range: this rank has 2 batches left"):
        Order(8, 4).epoch(0).batch(number)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": -1, "batch_size": 1}, "size=-1"),
        ({"size": 1, "batch_size": 0}, "batch_size=0"),
        ({"size": 1, "batch_size": 1, "rank": 2, "world_size": 2}, "rank=2, world_size=2"),
        ({"size": 1, "batch_size": 1, "rank": -1}, "rank=-1"),
        ({"size": 1, "batch_size": 1, "seed": -1}, "got -1"),
        ({"size": 1, "batch_size": 1, "seed": 2**64}, r"0 <= seed < 2\*\*64"),
        ({"size": 1, "batch_size": 1, "padding": "zero"}, "'wrap' or 'none', got 'zero'"),
    ],
)
def test_an_impossible_order_is_refused_by_name(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Order(**arguments)  # type: ignore[arg-type]
