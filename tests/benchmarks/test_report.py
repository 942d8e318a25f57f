"""Ratios, targets, tables, pictures and places of benchmark results. Nothing here measures speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import report, results, targets
from benchmarks.environment import describe
from benchmarks.plot import plot
from PIL import Image

RATES = {
    "dct-uint8": [900.0, 1000.0, 1300.0],
    "dct-float32": [800.0, 800.0, 800.0],
    "folder-uint8": [220.0, 240.0, 250.0],
    "tf-uint8": [190.0, 200.0, 210.0],
    "turbo-float32": [100.0, 110.0, 120.0],
    "torchvision-uint8": [90.0, 100.0, 130.0],
    "decode": [240.0, 250.0, 260.0],
}
GROUPS = {"tf": "peer", "turbo": "peer", "torchvision": "torch", "decode": "libjpeg-turbo"}


def contestant(id_: str, rates: list[float]) -> dict[str, Any]:
    output = id_.rpartition("-")[2]
    return {
        "id": id_,
        "name": f"the {id_}",
        "group": GROUPS.get(id_.split("-")[0], "penstock"),
        "output": output if output in ("uint8", "float32") else "",
        "threads": 1,
        "note": "",
        "turns": [{"images": 2 * rate, "seconds": 2.0, "cpu_seconds": 1.0} for rate in rates],
    }


def result(rates: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "suite": "loader",
        "date": "2026-01-02T03:04:05+00:00",
        "data": {"images": 10, "mean_bytes": 100_000.0},
        "batch_size": 64,
        "contestants": [contestant(id_, values) for id_, values in rates.items()],
        "left_out": {"ffcv-uint8": "ffcv is not installed"},
        "environment": {"processor": "Some(R) CPU @ 2 GHz", "commit": "abc"},
    }


def outcome(number: str, rates: dict[str, list[float]]) -> targets.Outcome:
    return next(each for each in targets.outcomes(result(rates)) if each.text.startswith(number))


def test_ratio_is_of_medians_and_its_range_of_rounds() -> None:
    found = outcome("3.", RATES)
    assert found.text == "3. folder, uint8 : the fastest peer (the tf-uint8)"
    assert found.ratio == pytest.approx(240 / 200)
    assert (found.lowest, found.highest) == pytest.approx((220 / 190, 240 / 200))
    assert found.met
    assert found.cpu_ratio == pytest.approx(240 / 200)


def test_fastest_peer_is_any_for_uint8_and_of_its_kind_for_float32() -> None:
    assert outcome("1.", RATES).below == ("tf-uint8",)
    assert outcome("2.", RATES).below == ("turbo-float32",)
    fast = RATES | {"turbo-float32": [500.0] * 3}
    assert outcome("1.", fast).below == ("turbo-float32",)


def test_gain_from_a_second_thread_is_a_ratio_of_ratios() -> None:
    rates = {"dct-uint8": [100.0], "dct-uint8-2": [190.0], "kernels-uint8": [100.0], "kernels-uint8-2": [200.0]}
    found = outcome("4.", rates)
    assert found.ratio == pytest.approx(0.95)
    assert found.cpu_ratio is None
    assert not found.met


def test_targets_without_their_contestants_are_left_out() -> None:
    assert targets.outcomes(result({"dct-uint8": [1000.0]})) == []
    assert outcome("1.", {"dct-uint8": [1000.0], "decode": [200.0]}).text.endswith("decoding whole images")


def test_table_is_sorted_and_says_the_share_of_the_yardstick() -> None:
    lines = report.measured_table(result(RATES)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["the dct-uint8", "the dct-float32", "the decode"]
    assert [cell.strip() for cell in lines[2].split("|")[3:8]] == ["1,000", "900", "1,300", "500", "4.00"]
    assert len({len(line) for line in lines}) == 1


def test_report_says_what_is_not_met_and_who_is_missing() -> None:
    text = report.markdown(result(RATES))
    assert "| 1. dct pack, uint8 : the fastest peer (the tf-uint8)" in text
    goal = next(line for line in text.splitlines() if "libjpeg-turbo decoding" in line)
    assert goal.endswith("|   5.20 |     4.00 |   3.75-5.00 |        4.00 | not met |")
    assert text.endswith("Not measured here:\n\n- ffcv-uint8: ffcv is not installed")


def test_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot(result(RATES), tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.width == 1500


def test_plot_of_a_single_contestant(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot(result({"dct-uint8": [1000.0]}), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size


def test_no_plot_where_no_loader_was_measured(tmp_path: Path) -> None:
    plot(result({"packing": [900.0], "coefficients": [1000.0]}), tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()


def test_result_is_named_after_suite_day_and_processor() -> None:
    assert results.result_path(result(RATES)) == results.RESULTS / "loader-2026-01-02-some-r-cpu-2-ghz.json"


def test_environment_can_be_written_down() -> None:
    block = describe()
    assert json.loads(json.dumps(block)) == block
    assert {"processor", "cores", "instruction_sets", "libraries", "commit"} <= set(block)
    assert {"torch", "numpy", "libjpeg-turbo (penstock)"} <= set(block["libraries"])


def test_section_of_the_readme_is_replaced() -> None:
    before = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert results.replace_section(before, "x", "new") == "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"
    with pytest.raises(ValueError, match=r"must hold <!-- y: begin --> and <!-- y: end -->"):
        results.replace_section(before, "y", "new")


def test_result_is_written_with_its_tables(tmp_path: Path) -> None:
    path = results.write(result(RATES), "some table", tmp_path / "out" / "r.json")
    assert json.loads(path.read_text()) == result(RATES)
    assert path.with_suffix(".md").read_text() == "some table\n"


@pytest.mark.parametrize("path", sorted(results.RESULTS.glob("loader-*.json")), ids=lambda path: path.name)
def test_readme_shows_each_committed_result(path: Path) -> None:
    measured = json.loads(path.read_text())
    assert not measured["environment"]["debug_build"]
    text = results.README.read_text()
    assert path.name in text
    assert report.markdown(measured) in text, f"make bench writes this into {results.README.name}"
