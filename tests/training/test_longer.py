"""Do few rows teach more in more steps, and is what they spoil undone?"""

import types

import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.callbacks import ElasticFreezing
from aet_keras.policies import ThawAll
from aet_keras.replay import lbfgs
from aet_keras.training.longer import softened, train_longer

RANDOM = np.random.default_rng(0)
SIGNS = np.sign(RANDOM.normal(size=(3, 8)))


def rows(count):
    """Returns points of three classes that one layer has to tell apart."""
    y = np.arange(count) % 3
    x = np.abs(RANDOM.normal(size=(count, 8))) * SIGNS[y]
    x += RANDOM.normal(size=x.shape) * 0.8
    return x.astype("float32"), y


TRAIN, HELD = rows(40), rows(90)


def build():
    """Returns a network whose pretrained layer has all to learn."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Dense(8, "relu", name="below"),
        keras.layers.Dense(8, "relu", name="above"),
    ]
    backbone = keras.Sequential(layers, name="old")
    head = keras.layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((8,)), backbone, head])
    model.compile(
        keras.optimizers.Adam(0.01),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def tune(train=TRAIN, freezing=None, **settings):
    return aet_keras.fine_tune(
        build(),
        train,
        validation_data=HELD,
        epochs=4,
        batch_size=8,
        verbose=0,
        freezing=freezing,
        **settings,
    )


def longer(model, train=TRAIN, logged=None):
    if logged is None:
        logged = model.evaluate(*HELD, verbose=0)[0]
    return train_longer(
        model,
        train,
        HELD,
        logged=logged,
        moved=(False, True),
        freezing=ElasticFreezing(),
        settings={"batch_size": 8},  # most of an epoch is not its steps
    )


def test_a_run_of_few_rows_has_more_steps_than_its_epochs():
    run = tune()

    assert run.longer.is_kept
    assert run.longer.sentence.startswith("trained for 200 more steps")
    assert len(run.history["val_loss"]) == len(run.trained_groups) <= 4
    loss, accuracy = run.model.evaluate(*HELD, verbose=0)
    assert run.best_figures["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert run.best_figures["val_accuracy"] == pytest.approx(accuracy)
    assert loss < min(run.history["val_loss"]) - 0.05
    assert run.model.history.history["loss"] == run.history["loss"]


@pytest.fixture(scope="module")
def learned():
    """A model after more steps of its upper group, and what is below."""
    model = build()
    below = model.layers[0].layers[0].get_weights()
    assert longer(model).is_kept
    return model, below


def test_groups_that_did_not_move_are_left_alone(learned):
    model, below = learned

    for now, then in zip(
        model.layers[0].layers[0].get_weights(), below, strict=True
    ):
        np.testing.assert_array_equal(now, then)


def test_the_head_is_divided_by_the_temperature_that_is_best(learned):
    head = learned[0].layers[-1]
    weights = head.get_weights()
    losses = []
    for factor in (0.8, 1.25, 1.0):
        head.set_weights([each * factor for each in weights])
        losses.append(learned[0].evaluate(*HELD, verbose=0)[0])

    assert losses[2] < min(losses[:2])


def test_what_makes_answers_worse_is_undone(learned):
    model, _ = learned
    before = model.get_weights()
    noise = TRAIN[0], RANDOM.permutation(TRAIN[1])

    found = longer(model, train=noise)

    assert not found.is_kept
    assert found.sentence.startswith("did not keep what was trained")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_run_that_is_stopped_halfway_has_its_weights(monkeypatch):
    model = build()
    before = model.get_weights()

    def stop(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.callbacks.History, "on_epoch_end", stop)
    with pytest.raises(KeyboardInterrupt):
        longer(model)

    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_policy_or_an_anchor_of_ones_own_is_heeded():
    policy = ElasticFreezing(ThawAll())
    anchor = aet_keras.callbacks.ElasticAnchor()

    assert tune(freezing=policy).longer is None
    assert tune(callbacks=[anchor]).longer is None


def test_many_rows_have_enough_steps():
    assert longer(build(), train=rows(501)) is None


def test_rows_that_fit_was_not_judged_by_decide_nothing():
    assert longer(build(), logged=0.1) is None


def test_the_temperature_is_that_of_a_search():
    features = RANDOM.normal(size=(50, 4)).astype("float32")
    kernel, bias = RANDOM.normal(size=(4, 3)) * 5, RANDOM.normal(size=3)
    noisy = features @ kernel + bias + RANDOM.gumbel(size=(50, 3)) * 3
    y = noisy.argmax(axis=1)
    held = lbfgs.Rows(features, np.eye(3)[y], np.ones(50))

    losses, temperature = softened(kernel, bias, held)

    def mean_loss(temperature):
        scores = (features @ kernel + bias) / temperature
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -logs[np.arange(50), y].mean()

    grid = np.linspace(1, 10, 9001)
    assert temperature == pytest.approx(
        grid[np.argmin([mean_loss(each) for each in grid])], abs=2e-3
    )
    assert losses.mean() == pytest.approx(mean_loss(temperature))
    assert softened(kernel / 50, bias / 50, held)[1] == 1.0  # never surer


def test_a_copy_for_the_chief_has_groups_by_their_names(monkeypatch):
    alone = types.SimpleNamespace(
        worker_count=lambda _: 2,
        is_chief=lambda _: True,
        broadcast=lambda _, value: value,
        total=lambda _, numbers: numbers,
    )
    monkeypatch.setattr("aet_keras.training.by_chief.agreement", alone)
    monkeypatch.setattr("aet_keras.training.longer.STEPS", 8)

    run = tune(freezing=ElasticFreezing(groups=[["below"], ["above"]]))

    assert run.longer.sentence.startswith("trained for 8 more steps")
