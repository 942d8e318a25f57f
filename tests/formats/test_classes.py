"""Fitting labels to the classes that are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import DatasetError, OptionError, UnknownClassError
from penstock.formats import Arrays
from penstock.formats.classes import class_list, fit_labels, label_names, listed

names = st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True)


@given(found=names, data=st.data())
def test_a_label_means_the_same_class_before_and_after(found: list[str], data: st.DataObject) -> None:
    wanted = data.draw(st.permutations(found + data.draw(names.map(lambda more: [n for n in more if n not in found]))))
    labels = np.array(data.draw(st.lists(st.integers(-1, len(found) - 1), max_size=10)), np.int64)
    fitted, classes = fit_labels(labels, found, wanted, "here")
    assert classes == wanted
    assert fitted.dtype == np.int64
    assert [None if k < 0 else wanted[k] for k in fitted] == [None if k < 0 else found[k] for k in labels]


@given(values=st.lists(st.text(max_size=2), min_size=1, max_size=20))
def test_names_become_positions_in_sorted_classes(values: list[str]) -> None:
    labels, classes = label_names(values, None, str)
    assert classes == sorted(set(values))
    assert [classes[k] for k in labels] == values


def test_only_labels_in_use_must_be_known() -> None:
    labels = np.array([0, 2], np.int64)
    assert fit_labels(labels, ["a", "b", "c"], ["c", "a"], "here")[0].tolist() == [1, 0]
    with pytest.raises(
        UnknownClassError, match=r"^labels 'a', 'c' \(here\) (is|are) not among the 1 classes asked for: 'b'; add"
    ):
        fit_labels(labels, ["a", "b", "c"], ["b"], "here")
    with pytest.raises(DatasetError, match=r"^here: label 2 of sample 1 is no position in the 2 classes \('a', 'b'\)"):
        fit_labels(labels, ["a", "b"], None, "here")


def test_a_dataset_without_classes_has_none_to_use() -> None:
    dataset = Arrays(np.zeros((1, 4, 4, 3), np.uint8))
    with pytest.raises(
        OptionError, match=r"classes=Arrays\(1 samples\) has no class names to use; give a list of names"
    ):
        class_list(dataset)
    with pytest.raises(OptionError, match="classes must be distinct names, got 'a' twice"):
        class_list(["a", "b", "a"])
    with pytest.raises(OptionError, match="classes is empty"):
        class_list([])
    with pytest.raises(OptionError, match="classes must be a list of names or a dataset, got 'ab'"):
        class_list("ab")


def test_long_lists_are_cut() -> None:
    assert listed("abc") == "'a', 'b', 'c'"
    assert listed(map(str, range(12)), 3) == "'0', '1', '2' ... (12 in all)"
