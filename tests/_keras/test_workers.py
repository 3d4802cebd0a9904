import distributed_runs as runs
import image_models
import keras
import numpy as np
import pytest
import worker_groups
from keras.src.backend.tensorflow import trainer as keras_trainer

from aet_keras._keras import workers


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    group = worker_groups.Group(2, tmp_path_factory.mktemp("two"))
    yield group
    group.close()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    group = worker_groups.Group(3, tmp_path_factory.mktemp("three"))
    yield group
    group.close()


# If this fails, Keras is mended: remove what `workers` replaces.
def test_keras_still_fails_in_two_places(two):
    for said, is_mended in two.run(runs.unmended_run):
        first, second = said
        assert "Attempt to convert a value (PerReplica" in first
        assert "Invalid reduction dimension" in second
        assert not is_mended


def test_the_lines_that_fail_are_the_ones_that_are_replaced():
    assert workers.reduces_a_batch()
    assert workers.reduces_scalars_over_rows()


def test_nothing_is_replaced_where_no_strategy_is_in_use():
    workers.mend_if_needed()

    own = workers._OWN_MAKE, workers._OWN_BUILD, workers._OWN_REDUCE
    trainer = keras_trainer.TensorFlowTrainer
    assert own == (
        trainer._make_function,
        trainer._maybe_symbolic_build,
        keras_trainer.reduce_per_replica,
    )


CASES = {
    "even": {"count": 64},
    "uneven": {},
    "a worker without rows at the end": {"count": 65},
    "weights of rows": {"fit": {"sample_weight": np.linspace(0.1, 2.0, 75)}},
    "a mean over weights": {
        "loss": keras.losses.MeanSquaredError(
            reduction="mean_with_sample_weight"
        ),
        "fit": {"sample_weight": np.linspace(0.1, 2.0, 75)},
    },
    "a penalty of weights": {"penalty": 0.1},
    "a sum over rows": {"loss": keras.losses.MeanSquaredError("sum")},
    "fewer rows than a batch": {"count": 9},
}


def test_two_workers_end_with_the_weights_of_one_process(two):
    check_cases(two, CASES)


def test_three_workers_end_with_the_weights_of_one_process(three):
    check_cases(three, ("even", "uneven", "weights of rows"))


def check_cases(group, names):
    runs_of = group.run(runs.many_runs, [CASES[name] for name in names])
    for number, name in enumerate(names):
        alone = runs.linear_run(**CASES[name])
        together = [each[number] for each in runs_of]
        for each in together:
            check_same(each, alone)
        check_equal(together)


def check_equal(together):
    for each in together[1:]:
        for one, other in zip(
            together[0]["weights"], each["weights"], strict=True
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", CASES)
def test_two_replicas_end_with_the_weights_of_one_process(name):
    strategy = image_models.two_replicas()
    alone = runs.linear_run(**CASES[name])

    run = runs.replicated_run(strategy, **CASES[name])

    check_same(run, alone)


def test_frozen_groups_thaw_as_in_one_process(two):
    alone = runs.elastic_run()

    together = two.run(runs.elastic_run)

    for each in together:
        check_same(each, alone)
        assert each["maps"] == alone["maps"]
    check_equal(together)


def test_the_strategy_may_be_the_users_own(two):
    together = two.run(runs.elastic_run_in_a_scope_of_the_user)

    check_same(together[0], runs.elastic_run())


def check_same(run, alone):
    for part, expected in zip(run["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-5)
    for key, values in alone["logs"].items():
        np.testing.assert_allclose(run["logs"][key], values, rtol=1e-4)
    np.testing.assert_allclose(run["evaluated"], alone["evaluated"], rtol=1e-4)
    np.testing.assert_allclose(run["predicted"], alone["predicted"], atol=1e-4)


def test_several_steps_a_call_are_refused(two):
    with pytest.raises(AssertionError, match="steps_per_execution` must be 1"):
        two.run(runs.linear_run_of_several_steps)
    two.wait()
