import image_models
import keras
import numpy as np
import patch_models
import pytest
from keras import layers, ops

from aet_keras.explanations import AttentionMaps
from aet_keras.layers import SoftAttentionPooling, SpatialGate


class Twice(layers.Layer):
    """Looks twice as much at the left half; says so in a flat row."""

    def call(self, inputs):
        return inputs

    def attention_map(self, inputs, mask=None):
        row = ops.ones_like(inputs[..., 0])
        width = row.shape[-1]
        return row * ops.where(ops.arange(width) < width // 2, 2.0, 1.0)


def looking(kernel):
    """Returns a pooling whose score is that of one channel."""
    layer = SoftAttentionPooling(units=1, name="pool")
    layer.build((None, 16, 16, 2))
    layer.set_weights([np.float32(kernel), np.float32([[30]])])
    return layer


def on_tokens(count, layer):
    """Returns a model that sees an image of 8 x 8 as so many tokens."""
    pixels = keras.Input((8, 8, 2))
    x = layers.Reshape((count, -1))(pixels)
    x = layers.GlobalAveragePooling1D()(layer(x))
    return keras.Model(pixels, layers.Dense(2)(x))


def test_a_planted_patch_is_found():
    model = patch_models.classifier(looking([[1], [0]]))

    maps = AttentionMaps(model)(patch_models.patch_images())["pool"]

    assert all(
        patch_models.is_inside(patch_models.peak_position(each))
        for each in maps
    )
    assert maps.dtype == "float32"
    assert (maps.max(axis=(1, 2)) > 10).all()


def test_even_attention_is_all_ones():
    model = patch_models.classifier(SoftAttentionPooling(name="pool"))

    maps = AttentionMaps(model)(patch_models.patch_images())

    np.testing.assert_allclose(maps["pool"], np.ones((2, 16, 16)), atol=1e-5)


def test_a_map_is_the_layers_own_over_its_mean():
    model = patch_models.classifier(looking([[0.5], [1]]))
    scaled = model.layers[1](patch_models.patch_images().astype("float32"))
    own = model.get_layer("pool").attention_map(
        model.get_layer("backbone")(scaled)
    )

    maps = AttentionMaps(model)(patch_models.patch_images())["pool"]

    np.testing.assert_allclose(maps, 256 * np.asarray(own), rtol=1e-4)


def test_layers_in_a_nested_backbone_count_in_order():
    pixels = keras.Input((8, 8, 3))
    x = SpatialGate(name="gate")(layers.Conv2D(4, 3, strides=2)(pixels))
    base = keras.Model(pixels, x, name="base")
    x = SoftAttentionPooling(name="pool")(base(pixels))
    model = keras.Model(pixels, layers.Dense(2)(x))

    explain = AttentionMaps(model)

    assert explain.names == ("gate", "pool")
    maps = explain(image_models.noise_images(2)[0])
    assert {name: each.shape for name, each in maps.items()} == {
        "gate": (2, 8, 8),
        "pool": (2, 8, 8),
    }


def test_a_layer_that_is_called_twice_has_two_maps():
    pixels, gate = keras.Input((8, 8, 3)), SpatialGate(name="gate")
    x = layers.GlobalAveragePooling2D()(gate(gate(pixels)))

    explain = AttentionMaps(keras.Model(pixels, x))

    assert list(explain(image_models.noise_images(2)[0])) == ["gate", "gate_2"]


def test_a_layer_of_the_users_own_takes_part():
    model = on_tokens(64, Twice(name="mine"))

    (found,) = AttentionMaps(model)(np.ones((1, 8, 8, 2)))["mine"]

    # 32 of 64 positions, row by row, twice the others: 4/3 and 2/3.
    np.testing.assert_allclose(found[:4], 4 / 3, rtol=1e-6)
    np.testing.assert_allclose(found[4:], 2 / 3, rtol=1e-6)


def test_positions_that_fill_no_grid_are_refused():
    explain = AttentionMaps(on_tokens(32, Twice(name="mine")))

    with pytest.raises(ValueError, match="32 positions in `mine`. Give the"):
        explain(np.ones((1, 8, 8, 2)))


def test_half_precision_draws_the_same_map():
    model = patch_models.classifier(looking([[1], [0]]))
    expected = AttentionMaps(model)(patch_models.patch_images())["pool"]
    keras.config.set_dtype_policy("mixed_float16")

    half = patch_models.classifier(looking([[1], [0]]))
    maps = AttentionMaps(half)(patch_models.patch_images())["pool"]

    np.testing.assert_allclose(maps, expected, rtol=0.1, atol=0.05)


def test_many_images_are_explained_as_each_alone():
    explain = AttentionMaps(patch_models.classifier(looking([[1], [0]])))
    images = patch_models.patch_images(70)

    maps = explain(images)["pool"]

    np.testing.assert_allclose(maps[69:], explain(images[69:])["pool"])


def test_a_model_that_has_none_is_sent_elsewhere():
    with pytest.raises(ValueError, match="`GradCAM`, which takes the model as"):
        AttentionMaps(patch_models.classifier())
