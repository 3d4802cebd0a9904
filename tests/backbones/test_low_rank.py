"""Do adapters alone learn, and are they gone when they are merged?"""

import keras
import numpy as np
import pytest

from aet_keras import callbacks, fine_tune, policies
from aet_keras.backbones import low_rank

X = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype("float32")
Y = np.arange(24) % 3


def build():
    """Returns a classifier whose inside has each kind of matrix."""
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, name="wide")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(8, 1, name="point")(x)
    x = keras.layers.Reshape((16, 8), name="flat")(x)
    x = keras.layers.MultiHeadAttention(2, 4, name="look")(x, x)
    x = keras.layers.Dense(5, name="dense")(x)
    inside = keras.Model(inputs, x, name="inside")
    images = keras.Input((6, 6, 3))
    x = keras.layers.GlobalAveragePooling1D()(inside(images))
    x = keras.layers.Dense(3, "softmax", name="head")(x)
    return keras.Model(images, x)


def fitted(policy):
    model = build()
    low_rank.adapt_by_rank(model, 2, owner="mine")
    model.compile(
        keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy"
    )
    before = {v.path: v.numpy() for v in model.weights}
    fine_tune(
        model,
        (X, Y),
        validation_data=(X, Y),
        freezing=callbacks.ElasticFreezing(policy),
        average=False,
        epochs=4,
        verbose=0,
    )
    moved = {
        v.path for v in model.weights if np.any(v.numpy() != before[v.path])
    }
    return model, moved


@pytest.fixture(scope="module")
def run():
    return fitted(policies.ThawAll(1.0))


def test_adapters_and_head_move_and_nothing_else(run):
    _, moved = run

    adapters = {path for path in moved if "lora_kernel" in path}
    assert moved - adapters == {"head/kernel", "head/bias"}
    layers = {path.rpartition("/")[0] for path in adapters}
    parts = ("query", "key", "value", "attention_output")
    assert layers == {"point", "dense", *(f"look/{each}" for each in parts)}


def test_what_is_frozen_keeps_its_adapters_still():
    _, moved = fitted(policies.ThawAll(1.0, frozen_ratio=0.9))

    assert "dense/lora_kernel_b" in moved
    assert not any(path.startswith("point/") for path in moved)


def test_the_bytes_are_those_of_what_moves(run):
    model, moved = run

    sizes = {v.path: v.numpy().nbytes for v in model.weights}
    # A key's B has no gradient at first, and moves all the same later.
    assert low_rank.learned_bytes(model) == sum(
        size for path, size in sizes.items() if path in moved
    )


def test_a_merged_model_answers_the_same_and_is_plain(run, tmp_path):
    model, _ = run
    before = model.predict(X, verbose=0)
    plain = [v.path for v in build().weights]

    low_rank.merge(model)

    assert [v.path for v in model.weights] == plain
    np.testing.assert_allclose(model.predict(X, verbose=0), before, atol=1e-6)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras", compile=False)
    np.testing.assert_allclose(again.predict(X, verbose=0), before, atol=1e-6)
    assert not again.get_layer("inside").get_layer("dense").lora_enabled


def test_a_rank_above_the_narrowest_layer_is_refused():
    with pytest.raises(
        ValueError, match="at most 4, because the layer `.*` is"
    ):
        low_rank.adapt_by_rank(build(), 5, owner="mine")


def test_a_model_without_matrices_is_refused():
    inside = keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])
    model = keras.Sequential([inside, keras.layers.Dense(2)])

    with pytest.raises(ValueError, match="without any. Leave it out"):
        low_rank.adapt_by_rank(model, 2, owner="mine")
