"""Are rows counted that a model is judged on and has seen?"""

from aet_keras import data


def test_rows_of_an_earlier_split_count():
    splits = {"train": ["a", "b"], "validation": ["b"], "test": ["a", "c"]}

    assert data.splits.shared_rows(splits) == 2


def test_rows_twice_in_one_split_do_not():
    assert (
        data.splits.shared_rows({"train": ["a", "a"], "test": ["b", "b"]}) == 0
    )
