"""Is a model of items with one head the same function, there and back?"""

import keras
import numpy as np
import pytest

from aet_keras.data.specifications import TableColumn
from aet_keras.tasks import item_head, item_model, table_model
from aet_keras.tasks.number_unit import Unit

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 255, (6, 8, 8, 3)).astype("uint8")
TEXTS = ["red hat", "blue", "", "hat hat", "shoe", "red"]
AGES = np.array([1, 2, np.nan, 4, 5, 6], "float32")


def rows():
    there = np.array([[1], [1], [0], [1], [1], [1]], "float32")
    found = {
        "pixels": PIXELS,
        "has_image": there,
        "has_text": there,
        "text": [[each] for each in TEXTS],
        "age": AGES[:, None],
    }
    return {k: keras.ops.convert_to_tensor(v) for k, v in found.items()}


def model_of(class_count, activation, *, unit=None):
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 3))
    backbone = keras.Model(pixels, keras.layers.Conv2D(4, 3)(pixels))
    words = item_model.Words.fitted(TEXTS)
    columns = [TableColumn("age", "number", "age")]
    space = table_model.fit_feature_space(columns, {"age": AGES})
    network = item_model.build_item_network(
        class_count=class_count,
        activation=activation,
        image_backbone=backbone,
        preprocessing="MobileNetV2",
        image_size=(8, 8),
        text=1 + len(words.vocabulary),
        table_width=int(space.get_encoded_features().shape[-1]),
    )
    for layer in network.layers:
        if layer.name.endswith("_scores"):
            made = [RANDOM.normal(size=w.shape) for w in layer.get_weights()]
            layer.set_weights(made)
    model = item_model.build_item_model(network, words=words, features=space)
    if unit is not None:
        model = keras.Model(model.input, unit.apply(model.output))
    return model


def encoded(model):
    given = rows()
    cells = {name: given.pop(name) for name in ("text", "age")}
    found = dict(given)
    for name, layer in (("words", "text_unit"), ("row", "encoded")):
        used = {"words": ("text",), "row": ("age",)}[name]
        inner = keras.Model(
            {key: model.input[key] for key in used},
            model.get_layer(layer).output,
        )
        found[name] = inner({key: cells[key] for key in used})
    return found


@pytest.mark.parametrize(
    ("count", "activation", "unit"),
    [
        (3, "softmax", None),
        (2, "sigmoid", None),
        (1, "linear", Unit(900.0, 80.0)),
        (1, "linear", Unit(30.0, 4.0, rest=9.0)),
    ],
)
def test_one_head_says_what_all_parts_say(count, activation, unit):
    model = model_of(count, activation, unit=unit)
    before = np.asarray(model(rows()))

    headed = item_head.with_one_head(model)
    said = np.asarray(headed(encoded(model)))
    head = headed.get_layer("head")
    kernel, bias = head.get_weights()
    head.set_weights([kernel * 1.5, bias + 1])
    moved = np.asarray(headed(encoded(model)))
    same = item_head.take_head(model, headed)

    np.testing.assert_allclose(said, before, rtol=1e-4, atol=1e-5)
    assert same is model and not np.allclose(moved, before)
    np.testing.assert_allclose(model(rows()), moved, rtol=1e-4, atol=1e-5)


def test_a_wider_head_makes_a_model_of_more_classes(tmp_path):
    model = model_of(3, "softmax")
    headed = item_head.with_one_head(model)
    features = headed.get_layer("features").output
    wide = keras.layers.Dense(5, activation="softmax")
    wider = keras.Model(headed.input, wide(features))

    made = item_head.take_head(model, wider)
    made.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    wanted = np.asarray(wider(encoded(model)))
    assert made is not model and wanted.shape == (6, 5)
    np.testing.assert_allclose(made(rows()), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(again(rows()), wanted, rtol=1e-4, atol=1e-5)
