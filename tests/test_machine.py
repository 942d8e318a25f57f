"""What we may use of the machine, read from trees of files as Linux shows them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from penstock._machine import Limits, cgroup_limits, processor_name, usable_cores

GIB = 1 << 30


def tree(root: Path, groups: str, files: dict[str, str]) -> tuple[Path, Path]:
    """A /proc whose process is in `groups`, and a /sys/fs/cgroup with these files."""
    for name, text in {"proc/self/cgroup": groups, **{f"cgroup/{name}": text for name, text in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root / "proc", root / "cgroup"


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert cgroup_limits(tmp_path / "proc", tmp_path / "cgroup") == Limits(None, None)


def test_version_2_in_a_container(tmp_path: Path) -> None:
    files = {"cpu.max": "250000 100000", "memory.max": str(4 * GIB)}
    assert cgroup_limits(*tree(tmp_path, "0::/", files)) == Limits(2.5, 4 * GIB)


def test_version_2_without_limits(tmp_path: Path) -> None:
    files = {"cpu.max": "max 100000", "memory.max": "max"}
    assert cgroup_limits(*tree(tmp_path, "0::/", files)) == Limits(None, None)


def test_version_2_the_tightest_of_the_groups_above_counts(tmp_path: Path) -> None:
    files = {"cpu.max": "800000 100000", "memory.max": str(8 * GIB), "user/cpu.max": "300000 100000"}
    files |= {"user/job/cpu.max": "400000 100000", "user/job/memory.max": str(2 * GIB)}
    assert cgroup_limits(*tree(tmp_path, "0::/user/job", files)) == Limits(3.0, 2 * GIB)


def test_a_path_that_is_only_seen_outside_of_the_container_leads_to_the_top(tmp_path: Path) -> None:
    files = {"cpu.max": "100000 100000"}
    assert cgroup_limits(*tree(tmp_path, "0::/docker/0123abc", files)).cores == 1.0


def test_version_1(tmp_path: Path) -> None:
    files = {"cpu/job/cpu.cfs_quota_us": "150000", "cpu/job/cpu.cfs_period_us": "100000"}
    files |= {"memory/memory.limit_in_bytes": str(3 * GIB)}
    groups = "5:memory:/job\n4:cpu,cpuacct:/job\n1:name=systemd:/job"
    assert cgroup_limits(*tree(tmp_path, groups, files)) == Limits(1.5, 3 * GIB)


def test_version_1_says_no_limit_with_minus_one_and_with_a_huge_number(tmp_path: Path) -> None:
    files = {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}
    files |= {"memory/memory.limit_in_bytes": "9223372036854771712"}
    assert cgroup_limits(*tree(tmp_path, "5:memory:/\n4:cpu:/", files)) == Limits(None, None)


def test_both_versions_at_once(tmp_path: Path) -> None:
    files = {"unified/cpu.max": "200000 100000", "memory/memory.limit_in_bytes": str(GIB)}
    assert cgroup_limits(*tree(tmp_path, "4:memory:/\n0::/", files)) == Limits(2.0, GIB)


def test_damaged_files_are_no_limit(tmp_path: Path) -> None:
    files = {"cpu.max": "100000 0", "memory.max": "lots"}
    assert cgroup_limits(*tree(tmp_path, "0::/", files)) == Limits(None, None)


@pytest.mark.parametrize(("quota", "least", "most"), [(0.2, 1, 1), (1.0, 1, 1), (1e6, 1, 10_000), (None, 1, 10_000)])
def test_cores_are_whole_and_at_least_one(quota: float | None, least: int, most: int) -> None:
    assert least <= usable_cores(Limits(quota, None)) <= most


def test_without_a_quota_cores_are_those_we_may_be_scheduled_on() -> None:
    scheduled = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert usable_cores(Limits(None, None)) == scheduled


def test_the_processor_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Chip: 9000\nmodel name\t: Another\n")
    assert processor_name(tmp_path) == "A Chip: 9000"
    assert processor_name(tmp_path / "none") != ""
