"""Are outputs written as TensorFlow Serving writes them?"""

import json

import numpy as np
import pytest

from aet_keras.serving import _answers
from aet_keras.serving._refusals import Refusal


def test_rows_without_a_common_length_are_refused():
    outputs = {"a": np.zeros((2, 1)), "b": np.zeros((3, 1))}

    with pytest.raises(Refusal, match="Ask with 'inputs' instead"):
        _answers.in_rows(outputs)


def test_a_number_alone_has_no_rows():
    with pytest.raises(Refusal, match="Ask with 'inputs' instead"):
        _answers.in_rows({"a": np.float32(1)})


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"scores": [[0.5, 1]]}, [["", 0.5], ["", 1.0]]),
        ({"classes": [["a", "b"]]}, [["a", 0.0], ["b", 0.0]]),
    ],
    ids=["scores alone", "classes alone"],
)
def test_either_of_label_and_score_may_be_missing(outputs, expected):
    arrays = {"scores": np.array(outputs.get("scores", ()), "float64")}
    if "classes" in outputs:
        arrays = {"classes": np.array([[b"a", b"b"]], object)}

    assert _answers.in_classes(arrays) == {"results": [expected]}


def test_what_is_neither_label_nor_score_is_refused():
    with pytest.raises(Refusal, match="It puts out: features"):
        _answers.in_classes({"features": np.zeros((1, 2))})


def test_numbers_that_are_not_finite_are_written():
    text = _answers.to_json({"a": [float("nan"), float("inf")]})

    assert text == b'{"a":[NaN,Infinity]}'


def test_any_sentence_can_be_written():
    assert json.loads(_answers.to_json({"error": "\ud800"}))
