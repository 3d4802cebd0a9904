import functools

import distributed_runs as runs
import image_models
import keras
import numpy as np
import pytest
import worker_groups
from keras.src.backend.tensorflow import trainer as keras_trainer

import aet_keras
from aet_keras._keras import workers


@pytest.fixture
def two():
    return worker_groups.two()


# If this fails, Keras is mended: remove what `workers` replaces.
def test_keras_still_fails_in_two_places(two):
    for first, second in two.run(runs.unmended_run):
        assert "Attempt to convert a value (PerReplica" in first
        assert "Invalid reduction dimension" in second


def test_the_lines_that_fail_are_the_ones_that_are_replaced():
    assert workers.reduces_a_batch()
    assert workers.reduces_scalars_over_rows()


def test_nothing_is_replaced_where_no_strategy_is_in_use(monkeypatch):
    trainer = keras_trainer.TensorFlowTrainer
    own = [  # of Keras, whatever other tests have mended
        (trainer, "_make_function", workers._OWN_MAKE),
        (trainer, "_maybe_symbolic_build", workers._OWN_BUILD),
        (keras_trainer, "reduce_per_replica", workers._OWN_REDUCE),
    ]
    for each in own:
        monkeypatch.setattr(*each)

    workers.mend_if_needed()
    with aet_keras.scope():
        aet_keras.callbacks.ElasticFreezing()

    assert all(getattr(of, name) is part for of, name, part in own)


CASES = {
    "a replica without rows at the end": {"count": 65},
    "weights of rows, and a penalty of weights": {
        "fit": {"sample_weight": np.linspace(0.1, 2.0, 75)},
        "penalty": 0.1,
        "is_whole": False,
    },
    "a mean over weights": {
        "loss": keras.losses.MeanSquaredError("mean_with_sample_weight"),
        "fit": {"sample_weight": np.linspace(0.1, 2.0, 75)},
        "is_whole": False,
    },
    "a sum over rows": {
        "loss": keras.losses.MeanSquaredError("sum"),
        "is_whole": False,
    },
}
# Keras logs a mean over rows of what each replica made of its own.
LOGGED_OTHERWISE = {"a mean over weights", "a sum over rows"}
# What each replica weighs is the same code for replicas, which have all cases.
# Three workers: `tests/replay/test_replay_workers.py`.
OF_TWO = (
    "a replica without rows at the end",
    "weights of rows, and a penalty of weights",
)


def test_two_workers_end_with_the_weights_of_one_process(two):
    check_cases(two, OF_TWO)


@pytest.mark.parametrize("name", CASES)
def test_two_replicas_end_with_the_weights_of_one_process(name):
    strategy = image_models.two_replicas()
    alone = linear_alone(name)

    run = runs.linear_run(strategy=strategy, **CASES[name])

    check_same(run, alone, name)


@functools.cache
def linear_alone(name):
    return runs.linear_run(**CASES[name])


def check_cases(group, names):
    runs_of = group.run(runs.many_runs, [CASES[name] for name in names])
    for number, name in enumerate(names):
        alone = linear_alone(name)
        together = [each[number] for each in runs_of]
        for each in together:
            check_same(each, alone, name)
        check_equal(together)


def check_equal(together):
    for each in together[1:]:
        pairs = zip(together[0]["weights"], each["weights"], strict=True)
        for one, other in pairs:
            np.testing.assert_array_equal(one, other)


# In a scope of `aet_keras.scope`, `tests/engine/test_agreement.py` thaws them.
def test_frozen_groups_thaw_as_in_one_process_in_the_users_own_scope(two):
    how = 49, 2, True  # a last batch of one row; BatchNormalization trains
    alone = runs.elastic_run(*how)

    together = two.run(runs.elastic_run_in_a_scope_of_the_user, *how)

    for each in together:
        check_same(each, alone)
        assert each["maps"] == alone["maps"]
    assert alone["maps"][0] != alone["maps"][1]
    check_equal(together)


def check_same(run, alone, name=None):
    for part, expected in zip(run["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-5)
    if name in LOGGED_OTHERWISE:
        return
    for key, values in alone["logs"].items():
        np.testing.assert_allclose(run["logs"][key], values, rtol=1e-4)
    for key in alone.keys() & {"evaluated", "predicted"}:
        np.testing.assert_allclose(run[key], alone[key], rtol=1e-3, atol=1e-4)


def test_several_steps_a_call_are_refused(two):
    for said in two.run(runs.linear_run_of_several_steps):
        assert "`steps_per_execution` must be 1 with several workers" in said
