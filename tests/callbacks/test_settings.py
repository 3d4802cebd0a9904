"""Does elastic freezing hold under all that `compile` and `fit` take?

On replicas: tests/replay/test_replay_replicas.py.
"""

import image_models
import keras
import numpy as np
import pytest

from aet_keras.callbacks import AdaptiveLearningRate, ElasticFreezing
from aet_keras.policies import ThawOnSchedule

O = keras.optimizers  # noqa: E741
OPTIMIZERS = {  # Adam itself is in test_elastic_freezing.py
    "adamw, clipped": lambda: O.AdamW(1e-2, global_clipnorm=0.1),
    "momentum, nesterov and decay": lambda: O.SGD(
        1e-2, momentum=0.9, nesterov=True, weight_decay=1e-2
    ),
    "muon": lambda: O.Muon(1e-2),
    "gathered gradients": lambda: O.Adam(1e-2, gradient_accumulation_steps=3),
    "averages put in place": lambda: O.Adam(
        1e-2, use_ema=True, ema_overwrite_frequency=2
    ),
}

TRACED = ("gathered gradients", "averages put in place")  # they have branches


def check_exactly_thawed_groups_move(model, **settings):
    """Thaws after the first epoch, and holds every weight to its group."""
    policy = ThawOnSchedule(group_count=2)
    freezing, snapshots = (
        ElasticFreezing(policy),
        image_models.WeightSnapshots(),
    )
    watching = (freezing, AdaptiveLearningRate(), snapshots)

    settings = {"data": image_models.noise_images(16)} | settings
    image_models.fit(model, *watching, epochs=2, **settings)

    for epoch, flags in enumerate(freezing.history):
        before, after = snapshots.taken[epoch : epoch + 2]
        moved = {
            path
            for path in image_models.changed_weights(before, after)
            if "seed" not in path
        }
        blocks = zip("abc", flags, strict=True)
        expected = {f"{b}_conv/kernel" for b, thawed in blocks if thawed}
        assert {p for p in moved if "conv/kernel" in p} == expected
        assert not any("bn" in path for path in moved)
        assert "scores/kernel" in moved
    assert freezing.history == [(False,) * 3, (False, True, True)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    optimizer = OPTIMIZERS[name]()
    model = image_models.compiled_classifier(
        optimizer, run_eagerly=name not in TRACED
    )

    # Enough batches to gather gradients of three.
    check_exactly_thawed_groups_move(model, data=image_models.noise_images(24))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = image_models.compiled_classifier(O.Adam(1e-2))

    check_exactly_thawed_groups_move(model)

    is_scaled = isinstance(model.optimizer, O.LossScaleOptimizer)
    assert is_scaled == (policy == "mixed_float16")


# Settings that do not touch each other share a fit: each costs two traces.
@pytest.mark.parametrize(
    "settings",
    [
        {"jit_compile": True},
        {
            "jit_compile": False,
            "steps_per_execution": 3,
            "weighted_metrics": ["accuracy"],
        },
    ],
    ids=["xla", "several steps at once"],
)
def test_compile_setting(settings):
    check_exactly_thawed_groups_move(
        image_models.compiled_classifier("adam", **settings)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {
            "sample_weight": np.linspace(0, 1, 32),
            "data": image_models.noise_images(32),
            "validation_data": image_models.noise_images(8),
            "validation_freq": 2,
            "steps_per_epoch": 2,
        },
        {
            "class_weight": {0: 1.0, 1: 2.0, 2: 0.5},
            "validation_split": 0.25,
        },
    ],
    ids=["weighted samples", "weighted classes"],
)
def test_fit_setting(settings):
    check_exactly_thawed_groups_move(
        image_models.compiled_classifier("adam", run_eagerly=True), **settings
    )


def test_a_later_start():
    freezing = image_models.gradual_freezing()

    image_models.fit(
        image_models.compiled_classifier(), freezing, epochs=3, initial_epoch=2
    )

    assert len(freezing.history) == 1


def test_accumulated_gradients_on_two_replicas_are_refused():
    with image_models.two_replicas().scope():
        model = image_models.compiled_classifier(
            O.Adam(gradient_accumulation_steps=2)
        )

    with pytest.raises(ValueError, match="gradient_accumulation_steps=2"):
        image_models.fit(model, image_models.gradual_freezing())


def test_moving_averages_end_in_their_own_weights():
    # Keras pairs the trainable subset with the full list of averages. With a
    # momentum of 0 the average is the weight: the end must change nothing.
    model = image_models.compiled_classifier(
        O.SGD(1e-2, use_ema=True, ema_momentum=0.0)
    )
    freezing, snapshots = (
        image_models.gradual_freezing(),
        image_models.WeightSnapshots(),
    )

    image_models.fit(model, freezing, snapshots, epochs=2)

    last = snapshots.taken[-1]
    for weight in model.weights:
        np.testing.assert_array_equal(weight.numpy(), last[weight.path])
