"""Does the best state come back, whether a head was solved or a thaw spoilt?"""

import interrupted_runs
import keras
import numpy as np
import pytest
import replay_runs

from aet_keras import callbacks, policies
from aet_keras.callbacks import ElasticFreezing, KeepBest

X, Y = replay_runs.noise_rows(48)


def rows():
    """Returns rows that a head above the backbone can tell apart."""
    keras.utils.set_random_seed(0)
    features = np.asarray(replay_runs.build_backbone()(X))
    return (features @ np.linspace(-1, 1, 15).reshape(5, 3)).argmax(1)


LABELS = rows()


def spoiling(epochs=9, **settings):
    """Returns a policy that thaws all at a rate that spoils everything."""
    return policies.ThawOnStall(
        patience_epochs=epochs,
        first_count=3,
        frozen_ratio=0.0,
        rate_ratio=60.0,
        **settings,
    )


def freezing(policy=None, **settings):
    settings = {"warmup_steps": 0, "cache": "memory"} | settings
    policy = spoiling() if policy is None else policy
    return ElasticFreezing(policy, groups=replay_runs.GROUPS, **settings)


def train(*used, epochs=4, rate=0.5):
    keras.utils.set_random_seed(0)
    model = replay_runs.build_model(
        optimizer=keras.optimizers.SGD(rate),
        metrics=["accuracy"],
        head=(keras.layers.Dropout(0.1),),
    )
    history = model.fit(
        X,
        LABELS,
        validation_data=(X, LABELS),
        epochs=epochs,
        verbose=0,
        callbacks=list(used),
    )
    return model, history.history


def measured(model):
    return model.evaluate(X, LABELS, verbose=0, return_dict=True)


@pytest.mark.parametrize("order", [1, -1])
def test_a_solved_head_is_kept_where_later_epochs_are_worse(order):
    ours, keep = freezing(), KeepBest()

    model, logs = train(*[ours, keep][::order])

    assert ours.solved.after < min(logs["val_loss"])
    assert keep.best == pytest.approx(ours.solved.after)
    assert (keep.best_epoch, keep.is_best_solved) == (1, True)
    assert measured(model)["loss"] == pytest.approx(keep.best, rel=1e-3)


def test_a_solved_head_is_judged_by_the_users_figure():
    ours, keep = freezing(), KeepBest("val_accuracy")

    model, logs = train(ours, keep)

    best = max([*logs["val_accuracy"], ours.solved.logs["val_accuracy"]])
    assert keep.best == pytest.approx(best)
    assert measured(model)["accuracy"] == pytest.approx(best)


def test_a_solved_head_that_is_not_the_best_is_not_kept():
    ours = freezing(policies.ThawOnSchedule(first_epoch=9))
    keep = KeepBest("val_loss", mode="max")

    train(ours, keep)

    assert ours.solved is not None
    assert (keep.best_epoch, keep.is_best_solved) == (1, False)


def test_a_thaw_that_spoils_everything_is_undone():
    ours = freezing(spoiling(epochs=2))

    model, logs = train(ours, epochs=8)

    (begun, thaw), (ended, undone), *_ = ours.events[1:]
    assert thaw.thawed == ("a", "b", "c") == undone.frozen
    assert (begun, ended) == (1, 3) and undone.is_undone
    assert "brought the best weights back" in str(undone)
    assert ours.history[3:] == [(False,) * 3] * 5
    assert logs["val_loss"][3] < 0.5 * min(logs["val_loss"][1:3])
    keras.utils.set_random_seed(0)
    fresh = replay_runs.build_model(head=(keras.layers.Dropout(0.1),))
    for old, new in zip(
        fresh.get_layer("old").weights,
        model.get_layer("old").weights,
        strict=True,
    ):
        np.testing.assert_array_equal(new, old)


def test_no_thaw_leaves_a_model_worse_than_it_was():
    ours = freezing()

    model, logs = train(ours)

    assert min(logs["val_loss"][1:]) > ours.solved.after
    assert measured(model)["loss"] == pytest.approx(ours.solved.after, rel=1e-3)
    assert ours.events[-1][0] == 4 and ours.events[-1][1].is_undone
    assert not model.get_layer("old").trainable_weights


def test_the_last_weights_stay_where_a_thaw_helped_once():
    policy = policies.ThawOnStall(first_count=3, frozen_ratio=0.0)
    last = {}

    class Last(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            last["weights"] = self.model.get_weights()

    model, _ = train(freezing(policy, solve_head=False), Last(), rate=0.1)

    for left, right in zip(last["weights"], model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_whoever_restores_the_best_weights_has_the_last_word():
    keras_own = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", patience=9, restore_best_weights=True
    )
    ours = freezing()

    model, logs = train(keras_own, ours)

    assert not any(change.is_undone for _, change in ours.events)
    assert measured(model)["accuracy"] == pytest.approx(
        max(logs["val_accuracy"])
    )


def spoilt():
    policy = policies.ThawOnStall(
        patience_epochs=1,
        head_ratio=0.3,
        first_count=3,
        frozen_ratio=0.0,
        rate_ratio=90.0,
    )
    used = ElasticFreezing(
        policy, groups=interrupted_runs.GROUPS, cache="memory", warmup_steps=0
    )
    return [used, callbacks.KeepHeadOnly()]


def sgd():
    return interrupted_runs.build_model(keras.optimizers.SGD(0.5))


SETTINGS = {"make": spoilt, "model": sgd, "save_freq": 1}
KILLS = [(2, 1), (3, 2)]


@pytest.fixture(scope="module")
def spoilt_run(tmp_path_factory):
    """Returns a run that undoes a thaw, and its saves at `KILLS`."""
    folder = tmp_path_factory.mktemp("spoilt")
    return interrupted_runs.run_and_copy(folder, KILLS, **SETTINGS)


@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_run_undoes_what_one_that_was_not_does(kill, spoilt_run):
    whole, saves = spoilt_run

    run = interrupted_runs.run(saves[kill], **SETTINGS)

    events = [change for _, change in whole.callbacks[0].events]
    assert any(change.is_undone for change in events)
    interrupted_runs.check_equal(whole, run)
