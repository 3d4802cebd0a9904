"""Is a causal model of KerasHub replayed, whose embedding is its head, too?"""

import keras
import numpy as np
import pytest

from aet_keras import backbones, callbacks, policies

hub = pytest.importorskip("keras_hub")
LENGTH, WORDS = 8, 20


def build():
    backbone = hub.models.GPT2Backbone(
        vocabulary_size=WORDS,
        num_layers=2,
        num_heads=1,
        hidden_dim=4,
        intermediate_dim=4,
        dropout=0.0,
        max_sequence_length=LENGTH,
    )
    model = hub.models.GPT2CausalLM(backbone, preprocessor=None)
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[hub.metrics.Perplexity(from_logits=True, mask_token_id=0)],
        run_eagerly=True,
    )
    return model


def tokens():
    """Returns rows of two to eight tokens and the next ones, 0 behind them."""
    random = np.random.default_rng(0)
    ids = random.integers(1, WORDS, (12, LENGTH + 1))
    ids *= np.arange(LENGTH + 1) <= random.integers(2, LENGTH + 1, 12)[:, None]
    mask = (ids[:, 1:] != 0).astype("int32")
    x = {"token_ids": ids[:, :-1] * mask, "padding_mask": mask}
    return x, ids[:, 1:], mask.astype("float32")


def run(cache):
    """Returns a model whose last block was trained, and what was noted."""
    keras.utils.set_random_seed(0)
    model = build()
    policy = policies.ThawOnSchedule(first_epoch=2)
    freezing = callbacks.ElasticFreezing(
        policy, cache=cache, cache_dtype="float32"
    )
    x, y, weights = tokens()
    history = model.fit(
        x=x,
        y=y,
        sample_weight=weights,
        epochs=2,
        batch_size=8,
        shuffle=False,
        verbose=0,
        callbacks=[freezing],
    )
    return model, freezing, history.history


@pytest.fixture(scope="module")
def both():
    return run(None), run("auto")


def test_groups_are_the_embeddings_and_then_each_block():
    groups = backbones.group_layers(build())

    assert [group.name for group in groups] == [
        "stem",
        *(f"transformer_layer_{block}" for block in range(2)),
    ]
    assert "token_embedding" in [layer.name for layer in groups[0].layers]


def test_recorded_and_replayed_epochs_are_those_of_a_plain_run(both):
    (plain, _, wanted), (again, freezing, found) = both

    said = [sentence for _, sentence in freezing.cache_events]
    assert said[0] == "records what stem to transformer_layer_0 put out"
    for key in ("loss", "perplexity"):
        np.testing.assert_allclose(found[key], wanted[key], rtol=1e-5)
    for one, other in zip(plain.weights, again.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_head_is_frozen_with_the_stem_because_it_is_the_embedding(both):
    _, (model, freezing, _) = both
    keras.utils.set_random_seed(0)
    begun = build()

    assert freezing.history[-1] == (False, False)
    embedding, first = (
        each.backbone.token_embedding.embeddings for each in (model, begun)
    )
    np.testing.assert_array_equal(embedding, first)
    assert not np.allclose(
        model.backbone.layer_norm.gamma, begun.backbone.layer_norm.gamma
    )


def test_padding_counts_neither_in_the_loss_nor_in_the_perplexity(both):
    model = both[0][0]
    x, y, weights = tokens()
    other = np.where(weights > 0, y, 7)  # another target behind each row

    found = model.evaluate(x=x, y=y, sample_weight=weights, verbose=0)
    loss = model.evaluate(x=x, y=other, sample_weight=weights, verbose=0)[0]

    assert found[0] == pytest.approx(loss)
    logits = model.predict(x, verbose=0).astype("float64")
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    told = np.take_along_axis(shares, y[..., None], -1)[..., 0]
    perplexity = np.exp(-np.log(told[weights > 0]).mean())
    assert found[1] == pytest.approx(perplexity, rel=1e-4)
