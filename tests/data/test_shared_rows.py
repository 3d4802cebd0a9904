"""Are rows counted that a model is judged on and has seen?"""

import numpy as np

from aet_keras import data


def test_rows_of_an_earlier_split_count():
    splits = {"train": ["a", "b"], "validation": ["b"], "test": ["a", "c"]}

    assert data.splits.shared_rows(splits) == 2


def test_rows_twice_in_one_split_do_not():
    assert (
        data.splits.shared_rows({"train": ["a", "a"], "test": ["b", "b"]}) == 0
    )


def test_cells_that_are_equal_count_however_they_are_stored():
    def split(number, word):
        inputs = {"a": np.float32([number]), "b": np.array([word], object)}
        return data.Split(inputs=inputs, labels=np.array([1]), names=("x",))

    odd = -np.float32("nan")  # another bit of it is set
    for first, second, count in ((0.0, -0.0, 1), (np.nan, odd, 1), (1, 2, 0)):
        splits = {"train": split(first, "c"), "test": split(second, "c")}
        assert len(data.splits.shared_notes(splits)) == count
    splits = {"train": split(0, "c"), "test": split(0, "d")}
    assert data.splits.shared_notes(splits) == []
