"""The board: what a worker noted is what the parent reads."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.loaders.pool.board import Board, Counters


def test_notes_are_read_by_whoever_maps_them() -> None:
    board = Board.shared()
    assert board.standing().stage == "starting"
    pid = os.fork()
    if pid == 0:
        board.ready()
        board.begin(41)
        board.at("decode", 7)
        board.count(3, 100, failed=False)
        board.count(9, 100, failed=True)
        os._exit(0)
    os.waitpid(pid, 0)
    standing, counters = board.standing(), board.counters()
    assert (standing.number, standing.stage, standing.sample) == (41, "decode", 7)
    assert (counters.tasks, counters.samples, counters.bytes, counters.errors) == (1, 3, 100, 1)
    assert list(counters.seconds) == ["starting", "decode"]
    assert board.is_ready


@given(st.lists(st.text(max_size=40), max_size=60))
def test_any_stages_can_be_noted(stages: list[str]) -> None:
    board = Board()
    for sample, stage in enumerate(stages):
        board.at(stage, sample)
        standing = board.standing()
        assert standing.sample == sample
        if len(set(stages)) <= 30 and "\0" not in stage:
            assert stage.startswith(standing.stage)
            assert standing.stage or not stage
    total = sum(board.counters().seconds.values())
    assert 0 <= total < 60


def test_a_task_ends_in_idleness() -> None:
    board = Board()
    board.begin(5)
    board.at("sample", 3)
    assert board.standing().number == 5
    board.end()
    assert (board.standing().number, board.standing().stage, board.standing().sample) == (-1, "idle", -1)


def test_counters_add_up() -> None:
    total = Counters(1, 2, 3, 4, {"a": 1.0, "b": 2.0}) + Counters(10, 20, 30, 40, {"b": 3.0, "c": 4.0})
    assert total == Counters(11, 22, 33, 44, {"a": 1.0, "b": 5.0, "c": 4.0})


def test_a_dead_worker_gains_no_time() -> None:
    board = Board()
    board.at("sample")
    board.at("idle")
    first, second = (board.counters(running=False) for _ in range(2))
    assert first == second
    assert board.counters().seconds["idle"] > 0


def test_the_board_of_a_thread_stays_here() -> None:
    with pytest.raises(TypeError, match="the board of a thread can't be sent to another process"):
        pickle.dumps(Board())
