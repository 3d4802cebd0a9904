"""Is nothing lost between JSON and arrays?"""

import numpy as np
import pytest
import tensorflow as tf

from aet_keras.serving._refusals import Refusal
from aet_keras.serving._tensors import to_array, to_values


def spec(shape, dtype):
    return tf.TensorSpec(shape, getattr(tf, dtype))


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "expected"),
    [
        (7, [], "int32", 7),
        ([1, 2], [None], "uint8", [1, 2]),
        ([1, 2.5], [None], "float32", [1, 2.5]),
        ([float("nan"), float("inf")], [2], "float32", [np.nan, np.inf]),
        ([[True], [False]], [None, 1], "bool", [[True], [False]]),
        ([2**63 - 1, -(2**63)], [2], "int64", [2**63 - 1, -(2**63)]),
        ([2**64 - 1], [1], "uint64", [2**64 - 1]),
        ([[1, 2]], None, "float64", [[1, 2]]),
        ([1], [None], "bfloat16", [1]),
    ],
)
def test_values_become_the_array_that_is_taken(value, shape, dtype, expected):
    array = to_array(value, spec(shape, dtype), "x")

    assert array.dtype == getattr(tf, dtype).as_numpy_dtype
    np.testing.assert_array_equal(array, np.array(expected, array.dtype))


def test_strings_are_text_or_bytes():
    values = ["grün", {"b64": "/w=="}, {"b64": " _w".replace("_", "/")}]

    array = to_array(values, spec([None], "string"), "x")

    assert array.tolist() == ["grün".encode(), b"\xff", b"\xff"]


@pytest.mark.parametrize(
    ("value", "dtype", "words"),
    [
        ([3.5e38], "float32", "without loss of precision"),
        ([10**400], "float32", "without loss of precision"),
        ([1, 10**400], "float64", "without loss of precision"),
        ([2**63], "int64", "which goes from"),
        ([True], "float32", "It is a bool"),
        ([0], "bool", "It is a number"),
        ([1], "complex64", "which JSON cannot hold"),
    ],
)
def test_what_would_lose_something_is_refused(value, dtype, words):
    with pytest.raises(Refusal, match=words):
        to_array(value, spec([None], dtype), "x")


def test_a_long_value_is_cut_in_the_sentence():
    with pytest.raises(Refusal) as caught:
        to_array(["9" * 10_000], spec([None], "uint8"), "x")

    assert len(caught.value.sentence) < 200


@pytest.mark.parametrize(
    ("name", "expected"),
    [("label", ["grün", "\ufffd"]), ("raw_bytes", [{"b64": "Z3LDvG4="}])],
)
def test_strings_are_written_as_their_name_says(name, expected):
    array = np.array(["grün".encode(), b"\xff"], object)[: len(expected)]

    assert to_values(array, name) == expected


def test_numbers_are_written_as_lists():
    assert to_values(np.float32([[0.5, 2]]), "x") == [[0.5, 2.0]]
