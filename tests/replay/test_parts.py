"""Is a model of several pretrained parts replayed like a plain one?"""

import numpy as np
import part_models

from aet_keras import policies
from aet_keras.callbacks import (
    AdaptiveLearningRate,
    ElasticAnchor,
    ElasticFreezing,
)

ROWS = 24


def rows():
    random = np.random.default_rng(0)
    labels = np.arange(ROWS) % 3
    x = {
        "image": random.uniform(0, 255, (ROWS, 8, 8, 3)).astype("float32"),
        "tokens": random.integers(0, 20, (ROWS, 6)).astype("int32"),
        "cells": random.normal(size=(ROWS, 3)).astype("float32"),
    }
    x["cells"][:, 0] += labels
    return x, labels.astype("int32")


def train(policy, cache, *also, epochs=4, solve_head=False):
    model, (x, y) = part_models.two_parts(), rows()
    freezing = ElasticFreezing(
        policy,
        cache=cache,
        cache_dtype="float32",
        solve_head=solve_head,
        every_steps=1,
    )
    history = model.fit(
        x,
        y,
        validation_data=(x, y),
        batch_size=8,
        epochs=epochs,
        verbose=0,
        callbacks=[freezing, *also],
    )
    return model, freezing, history.history


class _BothThenText(policies.policy.Policy):
    """Thaws the upper group of both parts, and then of the text alone."""

    def decide(self, progress):
        both, text = progress.epoch > 1, progress.epoch > 2
        return policies.Decision(
            trainable=(False, False, False, text, both, both)
        )


def test_parts_are_replayed_like_a_plain_run():
    plain, _, _ = train(_BothThenText(), None)
    model, freezing, logs = train(_BothThenText(), "memory")

    assert logs["elastic_freezing/cached_groups"] == [6, 6, 4, 3]
    assert "picture/c, and text/stem to text" in freezing.cache_events[0][1]
    for one, other in zip(
        plain.get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-6)


def test_the_head_of_parts_is_solved_and_all_of_them_are_anchored():
    anchor = ElasticAnchor(0.1)
    model, freezing, logs = train(
        None, "memory", AdaptiveLearningRate(), anchor, solve_head=True
    )

    assert freezing.solved is not None
    assert freezing.history[:2] == [(False,) * 6, (True,) * 6]
    assert logs["elastic_anchor/distance"][-1] > 0


class _Seen(policies.AttendToGradients):
    """Keeps what it decided."""

    def decide(self, progress):
        self.last = super().decide(progress)
        return self.last


def test_attention_over_groups_sees_the_groups_of_all_parts():
    policy = _Seen()

    train(policy, None, epochs=3)

    assert len(policy.last.multipliers) == 6
    assert min(policy.last.multipliers) > 0
