import numpy as np
import pytest

from aet_keras.data.splits import check_ratios, complete_splits
from aet_keras.errors import DataError

RATIOS = {"validation": 0.15, "test": 0.15}


def split(labels, given=None, ratios=RATIOS, seed=0):
    labels = np.asarray(labels)
    return complete_splits(
        labels,
        given or {"train": np.arange(len(labels))},
        class_names=tuple(f"c{k}" for k in range(max(labels) + 1)),
        ratios=ratios,
        seed=seed,
        source="here",
    )


def test_splits_are_disjoint_and_complete():
    parts = split([0, 1] * 20)

    assert sorted(np.concatenate(list(parts.values()))) == list(range(40))


def test_each_class_has_its_share_in_each_split():
    labels = np.repeat([0, 1], [100, 20])

    parts = split(labels)

    counts = {name: np.bincount(labels[rows]) for name, rows in parts.items()}
    assert counts["validation"].tolist() == [15, 3]
    assert counts["test"].tolist() == [15, 3]
    assert counts["train"].tolist() == [70, 14]


def test_the_smallest_class_is_in_every_split():
    labels = np.repeat([0, 1], [200, 3])

    parts = split(labels)

    assert all(1 in labels[rows] for rows in parts.values())


def test_large_ratios_leave_each_class_something_to_train_on():
    labels = np.repeat([0, 1], [4, 3])

    parts = split(labels, ratios={"validation": 0.45, "test": 0.45})

    assert set(labels[parts["train"]]) == {0, 1}


def test_the_seed_alone_decides_the_split():
    labels = [0, 1] * 30

    first, same, other = split(labels), split(labels), split(labels, seed=1)

    assert all((first[name] == same[name]).all() for name in first)
    assert (first["test"] != other["test"]).any()


def test_the_split_is_the_same_on_every_machine():
    # Written down once: RandomState's stream is frozen by NumPy.
    assert split([0, 1] * 5)["test"].tolist() == [3, 4]


def test_given_splits_are_kept_as_they_are():
    given = {"train": np.arange(0, 20), "test": np.arange(20, 24)}

    parts = split([0, 1] * 12, given)

    assert parts["test"] is given["test"]
    assert len(parts["validation"]) == 4  # 15 % of 10 is 2, in two classes


@pytest.mark.parametrize(
    ("given", "least"),
    [(("train",), 3), (("train", "test"), 2)],
    ids=["both cut off", "validation cut off"],
)
def test_class_too_small_to_be_cut_is_named_with_its_count(given, least):
    labels = np.repeat([0, 1], [9, least - 1])
    rows = {name: np.arange(len(labels)) for name in given}

    with pytest.raises(
        DataError, match=f"least {least} .*`c1` with {least - 1}"
    ):
        split(labels, rows)


def test_one_class_is_nothing_to_tell_apart():
    with pytest.raises(
        DataError, match="at least two classes.*one class, `c0`"
    ):
        split([0] * 10)


def test_ratios_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match="because train gets the rest"):
        check_ratios("test", 0.5, 0.5)
