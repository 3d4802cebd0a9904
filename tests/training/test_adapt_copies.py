"""Does a copy of an image prove nothing, in code as in the command?"""

import keras
import numpy as np

import aet_keras
from aet_keras.drift.target_kinds import KINDS
from aet_keras.training._given_rows import old_without_copies, without_copies
from aet_keras.training._mixed_fit import Rows

IMAGES = np.random.default_rng(0).random((40, 4, 4, 3), "float32")
BLANK = np.zeros_like(IMAGES)
CLASSES = KINDS["classes"]


def test_noise_is_not_learned_from_copies():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    labels = np.random.default_rng(1).integers(0, 2, 40)
    thrice = np.tile(IMAGES, (3, 1, 1, 1)), np.tile(labels, 3)

    adapted = aet_keras.adapt(model, *thrice, shift="output")

    assert adapted.verdict.outcome != "better"
    assert adapted.verdict.new.count == 40
    assert "80 copies of images are left out" in adapted.reason


def test_of_equal_images_one_with_a_label_is_kept():
    x = {"image": np.concatenate([IMAGES, IMAGES[::-1]]), "no": np.ones(80)}
    labels = np.repeat([-1, 1], 40)
    labels[0] = 1

    kept, known, *counts = without_copies(x, labels, CLASSES)

    assert counts == [40, 0] and (known == 1).all()
    np.testing.assert_array_equal(kept["image"][0], IMAGES[0])
    np.testing.assert_array_equal(kept["image"][1:], IMAGES[:0:-1])
    labels[[3, 7]], labels[-8] = [2, 1], 0  # the copies of 3 and 7 say 1, 0
    x["image"][[20, -21, 21, -22]] = 0  # no images, and no copies of others
    assert without_copies(x, labels, CLASSES)[2:] == (38, 2)


def test_what_may_be_equal_by_chance_is_kept():
    maps = np.ones((40, 4, 4, 9)) * np.arange(9)
    for x in (BLANK, maps, maps[:, 0, 0], {"a": np.ones(40), "b": BLANK}):
        assert without_copies(x, None, CLASSES)[0] is x


def test_an_old_row_that_is_a_new_one_too_counts_as_new():
    new = Rows(IMAGES[:10], np.zeros(10, int))
    old = Rows(IMAGES, np.arange(40) % 2)

    left, count = old_without_copies(old.joined(old.take([30])), new)

    assert count == 5 + 1
    np.testing.assert_array_equal(left.x, np.delete(IMAGES, range(0, 10, 2), 0))
    assert old_without_copies(new, new) == (None, 10)
    assert old_without_copies(old, Rows(IMAGES[:0], new.y[:0])) == (old, 0)
