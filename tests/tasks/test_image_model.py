"""Does the classifier take raw pixels and give probabilities?"""

import image_models as models
import keras
import numpy as np
import pytest

from aet_keras import backbones
from aet_keras.tasks import build_image_classifier
from aet_keras.tasks.image_model import ATTENTIONS


def pixels(size=32):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2, size, size, 3)).astype("float32")


def small(**settings):
    defaults = {"class_count": 3, "image_size": (32, 32)}
    return build_image_classifier(**{**defaults, **settings})


@pytest.fixture(scope="module")
def classifier():
    """Returns `small()`, built once; no test changes it."""
    return small()


@pytest.fixture(scope="module")
def backbone():
    """Returns the backbone in it, built on its own."""
    return backbones.load_backbone(image_size=(32, 32))


@pytest.fixture
def tiny(monkeypatch):
    """Puts three convolutions in the place of every backbone."""
    monkeypatch.setattr(
        "aet_keras.backbones.load_backbone",
        lambda name, **settings: models.backbone(),
    )


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


def test_the_backbone_sees_its_familys_pixels(classifier, backbone):
    images = pixels()
    kernel, bias = classifier.get_layer("probabilities").get_weights()

    features = np.mean(backbone(images / 127.5 - 1.0), axis=(1, 2))

    scores = np.exp(features @ kernel + bias)
    expected = scores / scores.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(classifier(images), expected, atol=1e-5)


def test_the_groups_are_the_backbones_and_a_head(classifier):
    groups = backbones.group_layers(classifier)

    head = [layer.name for layer in groups[-1].layers]
    assert head == ["pool", "dropout", "probabilities"]
    assert [group.name for group in groups[:2]] == ["stem", "block_1"]


def test_half_precision_still_gives_full_probabilities(tiny):
    keras.config.set_dtype_policy("mixed_bfloat16")

    outputs = small(image_size=(8, 8))(pixels(8))

    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_is_what_was_asked_for(dropout, tiny):
    model = small(dropout=dropout, image_size=(8, 8))

    assert model.get_layer("dropout").rate == dropout


def test_the_moving_averages_follow_as_fast_as_asked(tiny):
    layers = normalizations(small(momentum=0.9, image_size=(8, 8)))

    assert layers and {layer.momentum for layer in layers} == {0.9}


def test_a_pretrained_network_keeps_its_momentum(classifier, backbone):
    kind = keras.layers.BatchNormalization
    own = {x.momentum for x in backbone.layers if isinstance(x, kind)}

    assert {layer.momentum for layer in normalizations(classifier)} == own
    assert 0.9 not in own


def test_a_saved_classifier_comes_back_equal(classifier, tmp_path):
    images = pixels()

    classifier.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(classifier(images), loaded(images))


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


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_changes_no_output_before_it_learns(tiny, attention):
    settings = {"class_count": 3, "weights": "none", "image_size": (8, 8)}
    plain = build_image_classifier(**settings)
    model = build_image_classifier(**settings, attention=attention)
    twins = {weight.path: weight for weight in model.weights}
    for weight in plain.weights:
        twins[weight.path].assign(weight)

    np.testing.assert_allclose(model(pixels(8)), plain(pixels(8)), atol=1e-6)
    extra = len(model.weights) - len(plain.weights)
    assert extra == 0 if attention == "none" else extra > 0


def test_attention_with_a_typo_is_refused():
    with pytest.raises(ValueError, match="'none', 'se', 'eca'"):
        small(attention="senet")
