"""Are copies no proof, and is what is equal by chance kept?"""

import types

import numpy as np
import pytest

from aet_keras.cli._copies import without_copies
from aet_keras.cli._new_rows import NewRows
from aet_keras.data.item_table import HAS_IMAGE

LONG = "the same long text that nobody writes twice by chance"


def rows(x, classes=None, texts=()):
    count = len(texts) or len(
        next(iter(x.values())) if isinstance(x, dict) else x
    )
    names = [f"row {i}" for i in range(count)]
    classes = classes or [""] * count
    return NewRows(x, names, names, [None] * count, classes, list(texts))


@pytest.fixture
def asked():
    said = []
    return types.SimpleNamespace(owner="adapt", say=said.append, said=said)


def test_of_equal_images_one_with_a_class_is_kept(asked):
    pixels = np.zeros((5, 2, 2, 3), "uint8")
    pixels[[1, 3]] = 7

    found = without_copies(
        asked, rows(pixels, ["", "", "red", "blue", "green"]), "image"
    )

    assert found.names == ["row 2", "row 3"]
    assert found.classes == ["red", "blue"]
    np.testing.assert_array_equal(found.x[:, 0, 0, 0], [0, 7])
    assert "3 images are copies of others, and left out" in asked.said[0]
    assert "1 of them has another label" in asked.said[1]
    assert "such as row 4: one of both" in asked.said[1]


def test_short_texts_may_be_equal_by_chance(asked):
    texts = ["thank you", LONG, "thank you", LONG, f"{LONG} twice"]
    tokens = {"token_ids": np.arange(10).reshape(5, 2)}

    found = without_copies(asked, rows(tokens, texts=texts), "text")

    assert found.texts == ["thank you", LONG, "thank you", f"{LONG} twice"]
    np.testing.assert_array_equal(found.x["token_ids"][:, 0], [0, 2, 4, 8])


def test_rows_without_an_image_may_be_equal_by_chance(asked):
    table = {"size": np.ones(4, "float32")}
    items = {
        HAS_IMAGE: np.float32([1, 1, 0, 0]),
        "words": np.array(["a"] * 4, object),
    }

    assert without_copies(asked, rows(table), "table").count == 4
    assert without_copies(asked, rows(items), "item").count == 3
