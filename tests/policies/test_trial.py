import keras
import numpy as np
import pytest

from aet_keras import callbacks
from aet_keras.policies import Progress, ThawByTrial

HEAD = (False,) * 3
FIRST, MIDDLE, LAST = (
    (True, False, False),
    (False, True, False),
    (False, False, True),
)
ALL = (True,) * 3


def decided(policy, figures, key="val_loss", count=3):
    """Returns the decision before each epoch, the first without figures."""
    logs = [{}] + [{} if each is None else {key: each} for each in figures]
    return [
        policy.decide(
            Progress(epoch=epoch, logs=each, trainable=(False,) * count)
        )
        for epoch, each in enumerate(logs)
    ]


def test_each_part_begins_with_the_weights_that_were_kept():
    policy = ThawByTrial()

    found = decided(policy, [0.9, 0.8, 0.5, 0.7, 0.6, 0.65])

    maps = [each.trainable for each in found]
    assert maps == [HEAD, HEAD, FIRST, MIDDLE, LAST, ALL, FIRST]
    assert [each.undo for each in found] == [False] * 2 + [True] * 5
    assert found[-1].why == "val_loss was best with the first, 0.5"
    assert policy.judge({}) is False and ThawByTrial().judge({}) is True


def test_the_last_trial_goes_on_if_it_is_best():
    found = decided(ThawByTrial(), [0.9, 0.8, 0.5, 0.7, 0.6, 0.4])

    assert (found[-1].trainable, found[-1].undo) == (ALL, False)


def test_an_accuracy_is_better_when_it_is_higher():
    policy = ThawByTrial("val_accuracy")

    found = decided(policy, [0.1, 0.9, 0.5, 0.7, 0.6, 0.4], "val_accuracy")

    assert found[-1].trainable == HEAD


def test_a_part_without_a_figure_is_not_chosen():
    nan = float("nan")

    found = decided(ThawByTrial(), [0.9, nan, None, nan, 0.6, nan])

    assert found[-1].trainable == LAST


def test_trials_are_as_long_as_asked_for():
    policy = ThawByTrial(head_epochs=2, trial_epochs=2)

    found = decided(policy, [0.9] * 4 + [0.5])

    maps = [each.trainable for each in found]
    assert maps == [HEAD, HEAD, HEAD, None, FIRST, None]


@pytest.mark.parametrize(("count", "parts"), [(1, 2), (2, 4), (5, 5)])
def test_parts_that_are_the_same_are_tried_once(count, parts):
    found = decided(ThawByTrial(), [0.5] * (parts + 1), count=count)

    assert "was best with the head" in found[-1].why
    assert "a trial of" in found[-2].why


def test_a_fit_begins_each_trial_with_the_same_weights():
    keras.utils.set_random_seed(0)
    body = [keras.layers.Dense(4, name=name) for name in "abc"]
    model = keras.Sequential([keras.Input((3,)), *body, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    freezing = callbacks.ElasticFreezing(
        ThawByTrial(), groups=[["a"], ["b"], ["c"]], cache=None
    )
    starts = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: starts.append(model.get_weights())
    )
    x = np.random.default_rng(0).normal(size=(32, 3))

    model.fit(
        x,
        x.sum(axis=1),
        validation_data=(x, x.sum(axis=1)),
        epochs=8,
        verbose=0,
        callbacks=[freezing, look],
    )

    assert freezing.history[:6] == [HEAD, HEAD, FIRST, MIDDLE, LAST, ALL]
    for begun in starts[2:6]:
        for left, right in zip(begun, starts[1], strict=True):
            np.testing.assert_array_equal(left, right)
