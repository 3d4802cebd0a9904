"""Does the classifier take raw pixels and give probabilities?"""

import keras
import numpy as np
import pytest

from aet_keras import backbones
from aet_keras.tasks import build_image_classifier


def pixels(size=32):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2, size, size, 3)).astype("float32")


def small(**settings):
    defaults = {"class_count": 3, "image_size": (32, 32)}
    return build_image_classifier(**{**defaults, **settings})


def normalizations(model):
    (base,) = (x for x in model.layers if isinstance(x, keras.Model))
    kind = keras.layers.BatchNormalization
    return [layer for layer in base.layers if isinstance(layer, kind)]


def test_raw_pixels_come_in_and_probabilities_out():
    model = small(class_count=4, image_size=(32, 48))

    outputs = model(np.full((2, 32, 48, 3), 255.0))

    assert model.input_shape == (None, 32, 48, 3)
    assert model.output_shape == (None, 4) == (None, *outputs.shape[1:])
    np.testing.assert_allclose(np.sum(outputs, axis=-1), 1.0, rtol=1e-6)
    assert np.all(np.asarray(outputs) > 0)


def test_the_backbone_sees_its_familys_pixels():
    model, images = small(), pixels()
    base = backbones.load_backbone(image_size=(32, 32))
    kernel, bias = model.get_layer("probabilities").get_weights()

    features = np.mean(base(images / 127.5 - 1.0), axis=(1, 2))

    scores = np.exp(features @ kernel + bias)
    expected = scores / scores.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(model(images), expected, atol=1e-5)


def test_the_groups_are_the_backbones_and_a_head():
    groups = backbones.group_layers(small())

    head = [layer.name for layer in groups[-1].layers]
    assert head == ["pool", "dropout", "probabilities"]
    assert [group.name for group in groups[:2]] == ["stem", "block_1"]


def test_half_precision_still_gives_full_probabilities():
    keras.config.set_dtype_policy("mixed_bfloat16")

    outputs = small()(pixels())

    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_is_what_was_asked_for(dropout):
    assert small(dropout=dropout).get_layer("dropout").rate == dropout


def test_a_random_network_follows_its_statistics_faster():
    layers = normalizations(small(weights="none"))

    assert layers and {layer.momentum for layer in layers} == {0.9}


def test_a_pretrained_network_keeps_its_momentum():
    base = backbones.load_backbone(image_size=(32, 32))
    kind = keras.layers.BatchNormalization
    own = {x.momentum for x in base.layers if isinstance(x, kind)}

    assert {layer.momentum for layer in normalizations(small())} == own
    assert 0.9 not in own


def test_a_saved_classifier_comes_back_equal(tmp_path):
    model, images = small(), pixels()

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(model(images), loaded(images))


@pytest.mark.parametrize(
    ("settings", "error", "advice"),
    [
        ({"class_count": 1}, ValueError, "`class_count` .* at least 2"),
        ({"class_count": 2.0}, TypeError, "`class_count` must be an int"),
        ({"dropout": 1.0}, ValueError, "`dropout` .* at most 0.999"),
        ({"dropout": -0.1}, ValueError, "`dropout` .* at least 0"),
        ({"backbone": "embeded"}, ValueError, "Nearest: `embedded`"),
        ({"image_size": (8, 8)}, ValueError, "cannot take .* 8 x 8"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_argument_out_of_range_is_refused(settings, error, advice):
    with pytest.raises(error, match=advice):
        small(**settings)
