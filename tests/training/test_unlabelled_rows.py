"""Do images without labels reach what a recipe trains, if they help?"""

import json

import keras
import numpy as np
import PIL.Image
import pytest

from aet_keras import data, recipes
from aet_keras.errors import DataError
from aet_keras.training.unlabelled_rows import later_learned

NAMES = ("cat", "dog", "owl")
CLUSTER = json.dumps(
    {
        "cluster": {"worker": ["a:1", "b:1"]},
        "task": {"type": "worker", "index": 0},
    }
)


def photos(kind="classes"):
    """Returns noise of three classes."""
    splits = {}
    for name in ("train", "validation", "test"):
        random = np.random.default_rng(len(name))
        images = random.integers(0, 256, (30, 8, 8, 3), "uint8")
        names = tuple(f"{name}[{row}]" for row in range(30))
        splits[name] = data.Split(images, np.arange(30) % 3, names)
    specification = data.dataset.Specification(
        "image", NAMES, (8, 8), "photos", target_kind=kind
    )
    return data.Dataset(**splits, specification=specification)


def build():
    inputs = keras.Input((8, 8, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(means))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.fixture
def folder(tmp_path):
    """Holds three new images, and one of each split."""
    dataset = photos()
    known = [dataset.train, dataset.validation, dataset.test]
    new = np.random.default_rng(9).integers(0, 256, (3, 8, 8, 3), "uint8")
    for row, image in enumerate([*new, *(each.inputs[1] for each in known)]):
        PIL.Image.fromarray(image).save(tmp_path / f"{row}.png")
    return str(tmp_path)


def test_new_images_alone_are_learned_once_the_model_is_trained(
    folder, monkeypatch
):
    seen = []

    class Learner:
        def __init__(self, model, train, held, more, *, owner):
            seen.append((model, train, held, more))

        def solve_head(self):
            return "used"

    monkeypatch.setattr(
        "aet_keras.training.unlabelled_rows.SelfTraining", Learner
    )
    recipe = recipes.Recipe("photos", unlabelled=folder, image_size=8)
    dataset, model = photos(), build()

    said = later_learned(model, recipe, dataset)()

    ((asked, train, held, more),) = seen
    assert asked is model
    assert len(more) == 3  # no row of train, validation or test
    np.testing.assert_array_equal(train[0], dataset.train.inputs)
    np.testing.assert_array_equal(held[1], dataset.validation.labels)
    assert "0 that cannot be read and 3 that are rows of the data" in said
    assert said.endswith("used")


def test_several_workers_cannot(folder, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", CLUSTER)
    recipe = recipes.Recipe("photos", unlabelled=folder, image_size=8)

    with pytest.raises(ValueError, match="by one process"):
        later_learned(build(), recipe, photos())


def test_tags_cannot_be_taught_so(folder):
    recipe = recipes.Recipe("photos", unlabelled=folder, image_size=8)

    with pytest.raises(DataError, match="must go with one class a row"):
        later_learned(build(), recipe, photos("tags"))
