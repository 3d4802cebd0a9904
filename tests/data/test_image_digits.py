import numpy as np
from sklearn.datasets import load_digits

from aet_keras.data import read_digits


def test_all_digits_are_there_once():
    dataset = read_digits(image_size=(8, 8))

    parts = dataset.train, dataset.validation, dataset.test
    names = [name for part in parts for name in part.names]
    assert len(set(names)) == len(names) == 1797
    assert dataset.specification.class_names == tuple("0123456789")


def test_pixels_go_from_0_to_255_and_match_their_labels():
    digits = load_digits()

    test = read_digits(image_size=(8, 8)).test

    rows = [int(name[7:-1]) for name in test.names]  # digits[17]
    expected = np.round(digits.images[rows] * 255 / 16).astype("uint8")
    np.testing.assert_array_equal(test.inputs[..., 1], expected)
    np.testing.assert_array_equal(test.labels, digits.target[rows])


def test_the_size_asked_for_is_the_size_got():
    dataset = read_digits(image_size=(12, 20))

    assert dataset.train.inputs.shape[1:] == (12, 20, 3)
    assert dataset.train.labels.dtype == np.int32
