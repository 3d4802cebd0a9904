import numpy as np
import pytest

from aet_keras.data import Split
from aet_keras.errors import DataError


def test_split_without_a_label_for_each_row_is_refused():
    inputs = np.zeros((3, 4, 4, 3), "uint8")

    with pytest.raises(DataError, match="must have one label and one name"):
        Split(inputs, np.zeros(2, "int32"), ("a", "b", "c"))


def test_repr_shows_size_and_not_pixels():
    inputs = np.zeros((2, 4, 4, 3), "uint8")

    split = Split(inputs, np.zeros(2, "int32"), ("a", "b"))

    assert repr(split) == "Split(count=2, inputs=uint8 (2, 4, 4, 3))"
