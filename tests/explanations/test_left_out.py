"""Is what a model misses when a part is left out what it rests on?"""

import numpy as np
import pytest
from PIL import Image

from aet_keras import explanations


def count_words(texts):
    """A model whose log-odds are the goods less the bads in a text."""
    words = [text.split() for text in texts]
    odds = np.array([w.count("good") - 2.0 * w.count("bad") for w in words])
    good = 1 / (1 + np.exp(-odds))
    return np.stack([1 - good, good], axis=1)


def test_each_word_is_left_out_once():
    found = explanations.leave_out_words(count_words, "good  film, bad end")

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    # the odds are 1 - 2; class 0 is predicted, with sigmoid(1)
    assert found.names == ("good", "film,", "bad", "end")
    assert found.column == 0
    assert found.answer == pytest.approx(sigmoid(1))
    expected = sigmoid(1) - np.array(
        [sigmoid(2), sigmoid(1), sigmoid(-1), sigmoid(1)]
    )
    np.testing.assert_allclose(found.losses, expected, atol=1e-12)


def test_another_class_may_be_asked_about():
    found = explanations.leave_out_words(count_words, "good film", column=0)

    assert found.strongest(1)[0][0] == "good"
    assert found.strongest(1)[0][1] < 0  # class 0 gains without it


def test_only_the_first_words_of_a_long_text_are_left_out():
    seen = []

    def predict(texts):
        seen.append(len(texts))
        return count_words(texts)

    found = explanations.leave_out_words(predict, "good film " * 500, most=3)

    assert seen == [4]
    assert found.names == ("good", "film", "good")


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_text_without_a_word_is_refused(text):
    with pytest.raises(ValueError, match="must have a word"):
        explanations.leave_out_words(count_words, text)


def test_each_cell_is_made_missing_once():
    def predict(cells):
        age = np.nan_to_num(cells["age"], nan=0.0) / 100
        good = age + np.where(cells["branch"] == "", 0.0, 0.25)
        return np.stack([1 - good, good], axis=1)

    row = {"age": np.float32(50), "branch": "north", "sum": np.float32(np.nan)}
    found = explanations.leave_out_cells(predict, row)

    assert found.names == ("age = 50", "branch = north", "sum = missing")
    np.testing.assert_allclose(found.losses, [0.5, 0.25, 0.0], atol=1e-7)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="0 to 1. Received: column=2"):
        explanations.leave_out_words(count_words, "good", column=2)


def test_the_chart_shows_the_strongest(tmp_path):
    names = tuple(f"word{i}" for i in range(40))
    found = explanations.left_out.LeftOut(names, np.linspace(-1, 1, 40), 1, 0.9)

    path = explanations.save_left_out(tmp_path / "a.png", found, most=5)
    with Image.open(path) as chart:
        few = chart.size
    path = explanations.save_left_out(tmp_path / "a.png", found, most=20)

    with Image.open(path) as chart:
        assert chart.size[1] > few[1]
