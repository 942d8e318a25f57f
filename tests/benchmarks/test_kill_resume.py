"""The referee of killed and resumed loaders sees what is wrong; plans are drawn from their seeds."""

from __future__ import annotations

import pytest
from benchmarks.kill_resume.__main__ import markdown, summary
from benchmarks.kill_resume.cases import CASES, VARIANTS
from benchmarks.kill_resume.life import Entry, Files, read_journal, read_state
from benchmarks.kill_resume.plan import draw_plan, plain_life
from benchmarks.kill_resume.referee import Outcome, compare

BATCHES = [Entry(0, (4, 2), 11), Entry(0, (1, 3), 12), Entry(1, (2, 1), 13)]


@pytest.mark.parametrize(
    "given",
    [
        BATCHES[1:],  # lost
        [BATCHES[0], *BATCHES],  # repeated
        [*BATCHES, BATCHES[0]],
        [BATCHES[0], Entry(0, (1, 3), 99)],  # altered
        [BATCHES[0], Entry(0, (3, 1), 12)],
        [BATCHES[0], Entry(1, (1, 3), 12)],
    ],
)
def test_what_is_lost_repeated_or_altered_is_seen(given: list[Entry]) -> None:
    with pytest.raises(ValueError, match="life 7: "):
        compare(given, BATCHES, "life 7")


def test_a_life_may_end_early() -> None:
    for count in range(4):
        compare(BATCHES[:count], BATCHES, "life 7")


def test_an_unfinished_line_of_a_journal_is_no_batch(tmp_path: object) -> None:
    files = Files(tmp_path)  # type: ignore[arg-type]
    assert read_journal(files, 0) == []
    assert read_state(files) == {"delivered": 0}
    files.journal(0).write_text("[0, [4, 2], 11]\n[0, [1,")
    assert read_journal(files, 0) == BATCHES[:1]


def test_plans_are_drawn_from_their_seed_and_reach_every_case_engine_and_place() -> None:
    plans = [draw_plan(4, number) for number in range(400)]
    assert plans == [draw_plan(4, number) for number in range(400)]
    assert plans != [draw_plan(5, number) for number in range(400)]
    assert {plan.case for plan in plans} == set(CASES)
    assert {plan.variant for plan in plans} == set(VARIANTS)
    for plan in plans:
        assert all(life.kills and life.kills[-1].victim == "process" for life in plan.lives[:-1])
        assert all(kill.victim == "worker" for kill in plan.lives[-1].kills)
        assert {life.engine for life in plan.lives} <= set(CASES[plan.case].engines)
    assert {plain_life(name).engine for name in CASES} >= {"inline", "native"}


def test_the_tables_count_what_happened() -> None:
    name = next(iter(CASES))
    bad = Outcome(1, name, VARIANTS[0], ["outside"], 2, 1, ["pool", "native"], 9, "its batch 0 should be")
    good = Outcome(2, name, VARIANTS[0], ["after rename", "outside"], 0, 2, ["native"] * 3, 10)
    ends = [{"late": [], "took_s": {"pool": [0.25, 1.5]}}, {"late": ["torch"], "took_s": {"pool": [0.5]}}]
    found = summary([bad.record(), good.record()], ends)
    assert found["failures"] == [bad.record()]
    assert found["workers_left_over"] == ["torch"]
    lines = markdown({"seconds": 60.0, "jobs": 2, "seed": 4, **found}).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert [name, "2", "3", "2", "3", "19", "1"] in rows
    assert ["all", "2", "3", "2", "3", "19", "1"] in rows
    assert ["outside", "2"] in rows
    assert ["pool", "1.50", "1.50", "1.50"] in rows
