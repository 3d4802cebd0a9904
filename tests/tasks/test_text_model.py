"""Does the classifier pool what is no padding, and is it cached?"""

import keras
import numpy as np
import pytest
import text_data

from aet_keras import backbones
from aet_keras.tasks import build_text_classifier

LENGTH, COUNT = 8, 24


def tokens():
    """Returns seeded tokens of unequal length, and labels."""
    random = np.random.default_rng(0)
    mask = np.arange(LENGTH) < random.integers(3, LENGTH + 1, (COUNT, 1))
    ids = random.integers(5, len(text_data.WORDS), (COUNT, LENGTH)) * mask
    rows = {"token_ids": ids, "padding_mask": mask}
    rows = {name: row.astype("int32") for name, row in rows.items()}
    return rows, np.arange(COUNT) % 2


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoder") / "bert.keras"
    text_data.backbone().save(path)
    return lambda: backbones.load_text_encoder(path)


def build(encoder, **settings):
    defaults = {"class_count": 2, "sequence_length": LENGTH}
    return build_text_classifier(encoder, **{**defaults, **settings})


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_new_pooling_is_the_mean_of_what_is_no_padding(encoder, pooling):
    model, (rows, _) = build(encoder(), pooling=pooling), tokens()
    base = model.get_layer("bert_backbone")
    segments = np.zeros_like(rows["token_ids"])
    kernel, bias = model.get_layer("probabilities").get_weights()

    outputs = model(rows)

    features = np.asarray(base({**rows, "segment_ids": segments}))
    mask = rows["padding_mask"][..., None]
    mean = (features * mask).sum(1) / mask.sum(1)
    scores = np.exp(mean @ kernel + bias)
    expected = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_groups_are_embeddings_blocks_and_a_head(encoder):
    groups = backbones.group_layers(build(encoder()))

    assert [group.name for group in groups] == [
        "stem",
        "transformer_layer_0",
        "transformer_layer_1",
        "head",
    ]
    names = [layer.name for layer in groups[0].layers]
    assert "token_embedding" in names and "transformer_layer_0" not in names
    assert groups[-1].layers[-1].name == "probabilities"


def test_dropout_inside_the_backbone_is_off_unless_it_is_asked_for(tmp_path):
    path = tmp_path / "bert.keras"
    text_data.backbone().save(path)

    rates = []
    for dropout in (0.0, 0.3, None):
        encoder = backbones.load_text_encoder(path, dropout=dropout)
        rates.append(encoder.get_layer("embeddings_dropout").rate)

    assert rates == [0.0, 0.3, 0.1]


def test_an_encoder_of_something_else_is_refused():
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, keras.layers.Dense(2)(pixels))

    with pytest.raises(ValueError, match="Load it with `aet_keras.backbones"):
        build(model)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"class_count": 1}, "`class_count` .* at least 2"),
        ({"pooling": "max"}, "one of 'mean', 'attention'"),
        ({"dropout": 1.0}, "at most 0.999"),
        ({"sequence_length": 0}, "at least 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_argument_out_of_range_is_refused(encoder, settings, advice):
    with pytest.raises(ValueError, match=advice):
        build(encoder(), **settings)
