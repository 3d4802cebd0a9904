"""A tuned model of texts is adapted as a whole, tokens in."""

import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.tasks import build_text_classifier

keras_hub = pytest.importorskip("keras_hub")

LENGTH = 6
GOOD, BAD, NEW_GOOD, NEW_BAD = 2, 3, 4, 5  # words, as numbers


def tokens(good, bad, seed, count=80):
    """Texts of which one word says what they are."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    ids = random.integers(6, 12, (count, LENGTH))
    ids[np.arange(count), random.integers(0, LENGTH, count)] = np.where(
        labels, good, bad
    )
    return {
        "token_ids": ids.astype("int32"),
        "padding_mask": np.ones((count, LENGTH), "int32"),
    }, labels


def test_all_layers_of_an_encoder_learn_words_of_another_domain(tmp_path):
    keras.utils.set_random_seed(0)
    bert = keras_hub.models.BertBackbone(
        vocabulary_size=12,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=16,
        max_sequence_length=LENGTH,
        dropout=0.0,
    )
    bert.save(tmp_path / "bert.keras")
    encoder = aet_keras.backbones.load_text_encoder(tmp_path / "bert.keras")
    model = build_text_classifier(
        encoder, class_count=2, sequence_length=LENGTH
    )
    old, new = tokens(GOOD, BAD, 0, 160), tokens(NEW_GOOD, NEW_BAD, 1)
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy"
    )
    model.fit(*old, epochs=12, verbose=0)
    before = [each.numpy() for each in encoder.weights]

    adapted = aet_keras.adapt(
        model, *new, old=old, shift="input", learning_rate=1e-2
    )

    assert "all" in adapted.kept
    assert "no BatchNormalization" in adapted.attempts[0].reason
    assert not all(map(np.array_equal, before, encoder.get_weights()))
    for x, y in (tokens(GOOD, BAD, 2), tokens(NEW_GOOD, NEW_BAD, 3)):
        answers = model.predict(x, verbose=0).argmax(axis=1)
        assert np.mean(answers == y) > 0.9
