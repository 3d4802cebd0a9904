"""Does a run know which weights it ended with?"""

import types

import keras
import numpy as np
import pytest
import replay_runs

from aet_keras import evaluation, training
from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawOnStall
from aet_keras.training.measuring import measure

X, _ = replay_runs.noise_rows(48)


@pytest.fixture(scope="module")
def spoilt():
    """A run that thaws all at a rate that spoils everything."""
    keras.utils.set_random_seed(0)
    model = replay_runs.build_model(
        optimizer=keras.optimizers.SGD(0.5),
        head=(keras.layers.Dropout(0.1),),
        metrics=["accuracy"],
    )
    features = np.asarray(model.get_layer("old")(X))
    y = (features @ np.linspace(-1, 1, 15).reshape(5, 3)).argmax(1)
    policy = ThawOnStall(first_count=3, frozen_ratio=0.0, rate_ratio=60.0)
    run = training.fine_tune(
        model,
        (X, y),
        validation_data=(X, y),
        epochs=4,
        freezing=ElasticFreezing(
            policy, groups=replay_runs.GROUPS, cache="memory", warmup_steps=0
        ),
        verbose=0,
    )
    return run, y


def test_a_run_keeps_the_solved_head_that_no_epoch_was_as_good_as(spoilt):
    run, y = spoilt

    assert run.is_best_solved and run.best_epoch == 1
    assert run.solved.after < min(run.history["val_loss"])
    assert run.best_figures["val_loss"] == pytest.approx(run.solved.after)
    assert run.best_figures["loss"] == run.history["loss"][0]
    loss, accuracy = run.model.evaluate(X, y, verbose=0)
    assert loss == pytest.approx(run.solved.after, rel=1e-2)  # float16
    assert accuracy == pytest.approx(run.best_figures["val_accuracy"])


def test_the_report_counts_it(spoilt):
    run, y = spoilt
    run.history["adaptive_learning_rate/rate"] = [0.5] * 4
    scores = evaluation.measure_classification(
        [0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["hat", "shoe"]
    )
    dataset = types.SimpleNamespace(
        train=types.SimpleNamespace(count=2),
        test=None,
        validation=None,
        notes=(),
        specification=types.SimpleNamespace(
            kind="image", target_kind="classes"
        ),
    )

    report = measure(run, "a", dataset, score=lambda model, split: scores)

    assert report.to_json()["solved_head"] == {
        "after_epoch": 1,
        "loss_before": pytest.approx(run.history["val_loss"][0]),
        "loss_after": pytest.approx(run.solved.after),
        "is_kept": True,
    }
    assert any("solved the head" in event for event in report.events)
