"""Do images without labels reach what a recipe trains, if they help?"""

import keras
import numpy as np
import PIL.Image
import pytest

from aet_keras import data, recipes
from aet_keras.errors import DataError
from aet_keras.training import image_job
from aet_keras.training.self_training import SelfTraining
from aet_keras.training.unlabelled_rows import with_unlabelled

NAMES = ("cat", "dog", "owl")


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


@pytest.mark.parametrize("helps", [True, False])
def test_new_images_alone_are_learned_if_they_help(folder, monkeypatch, helps):
    targets, weights = np.zeros((33, 6)), np.arange(33.0)
    asked = []

    def self_train(model, train, held, more, *, owner):
        asked.append(more)
        if helps:
            return SelfTraining("used", targets, weights, more)
        return SelfTraining("not used")

    monkeypatch.setattr(
        "aet_keras.training.self_training.self_train", self_train
    )
    recipe = recipes.Recipe("photos", unlabelled=folder, image_size=8)
    dataset, model = photos(), build()

    with with_unlabelled(model, recipe, dataset) as (learned, said):
        batches = image_job._train_batches(learned.train, None, batch_size=33)
        first = next(iter(batches))
        loss = model.loss

    assert len(asked[0]) == 3  # no row of train, validation or test
    assert "0 that cannot be read and 3 that are rows of the data" in said
    assert (learned is dataset) == (not helps)
    assert len(first) == (3 if helps else 2)
    if helps:
        np.testing.assert_array_equal(first[2], weights)
        assert type(loss).__name__ == "Distillation"
    assert model.loss == "sparse_categorical_crossentropy"


def test_tags_cannot_be_taught_so(folder):
    recipe = recipes.Recipe("photos", unlabelled=folder, image_size=8)

    with pytest.raises(DataError, match="must go with one class a row"):
        with with_unlabelled(build(), recipe, photos("tags")):
            pass
