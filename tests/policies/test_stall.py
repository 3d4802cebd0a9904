"""When does a watched figure count as better, and when as missing?"""

import contextlib
import math

import keras
import pytest

from aet_keras.policies import stall


class Watcher:
    def __init__(self, monitor):
        self.monitor = monitor
        self.state = dict(stall.START)


def watch(rows, *, monitor="auto", min_improvement=0.0):
    """Shows logs one by one; returns the verdicts and the last state."""
    watcher = Watcher(monitor)
    seen = [stall.observe(watcher, logs, min_improvement) for logs in rows]
    return seen, watcher.state


def losses(*values):
    return [{"val_loss": value} for value in values]


@pytest.mark.parametrize(
    ("values", "best", "wait"),
    [
        # with 10 %: 0.45 is exactly 90 % of 0.5, which is not below it
        ([0.5, 0.44], 0.44, 0),
        ([0.5, 0.46], 0.5, 1),
        ([0.5, 0.46, 0.44], 0.44, 0),
        ([-1.0, -1.05], -1.0, 1),
        ([-1.0, -1.11], -1.11, 0),
    ],
    ids=["enough", "too little", "in two steps", "negative", "more negative"],
)
def test_improvement_is_a_share_of_the_best(values, best, wait):
    _, state = watch(losses(*values), min_improvement=0.1)

    assert state == {"monitor": "val_loss", "best": best, "wait": wait}


@pytest.mark.parametrize(
    ("values", "best", "wait"),
    [
        ([math.nan], None, 1),
        ([math.nan, 0.5], 0.5, 0),
        ([0.5, math.nan], 0.5, 1),
        ([0.5, math.inf], 0.5, 1),
        ([math.inf, 0.5, 0.6], 0.5, 1),
    ],
    ids=["first", "first, then a number", "later", "infinite", "from inf on"],
)
def test_what_is_not_a_number_never_improves(values, best, wait):
    _, state = watch(losses(*values))

    assert (state["best"], state["wait"]) == (best, wait)


def test_higher_is_better_for_an_accuracy():
    rows = [{"val_accuracy": value} for value in (0.5, 0.6, 0.4)]

    _, state = watch(rows, monitor="val_accuracy")

    assert (state["best"], state["wait"]) == (0.6, 1)


@pytest.mark.parametrize(
    "key",
    [
        "accuracy",
        "val_sparse_categorical_accuracy",
        "acc",
        "val_auc_1",
        "f1_score",
        "val_precision",
        "recall_2",
        "mean_io_u",
        "r2_score",
        "cosine_similarity",
        "val_scores_accuracy",
        "val_cost_accuracy",
        "specificity_at_sensitivity",
        "val_dice",
        "pearson_correlation",
        "true_positives",
    ],
)
def test_a_score_is_better_when_higher(key):
    assert stall.is_higher_better(key)


@pytest.mark.parametrize(
    "key",
    ["loss", "val_loss", "val_mae", "recall_loss", "val_account_loss", "place"],
)
def test_a_loss_is_better_when_lower(key):
    assert not stall.is_higher_better(key)
    assert stall.is_direction_known(key) == (key != "place")


@pytest.mark.parametrize(
    "key",
    [
        "binary_crossentropy",
        "categorical_hinge",
        "false_negatives",
        "kl_divergence",
        "log_cosh_error",
        "poisson",
        "root_mean_squared_error",
        "val_accuracy_error",
    ],
)
def test_an_error_of_keras_is_better_when_lower(key):
    assert stall.is_direction_known(key) and not stall.is_higher_better(key)


def metrics_of_keras():
    """Yields the metrics of Keras that know which way is better."""
    ids = {"target_class_ids": [0]}
    tried = ({}, {"num_classes": 2}, ids, {"num_classes": 2, **ids})
    for kind in vars(keras.metrics).values():
        for settings in (*tried, {"specificity": 0.5}, {"sensitivity": 0.5}):
            with contextlib.suppress(TypeError, ValueError, AttributeError):
                metric = kind(**settings)
                if getattr(metric, "_direction", None) is not None:
                    yield metric
                break


def test_the_metrics_of_keras_are_better_as_keras_has_it():
    found = {each.name: each._direction for each in metrics_of_keras()}

    named = {
        name: "up" if stall.is_higher_better(f"val_{name}") else "down"
        for name in found
    }

    assert len(found) > 20
    assert named == found


def test_an_epoch_without_validation_brings_no_verdict():
    rows = [{"loss": 1, "val_loss": 0.5}, {"loss": 1}, {"val_loss": 0.6}]

    seen, state = watch(rows)

    assert seen == [True, False, True]
    assert (state["best"], state["wait"]) == (0.5, 1)


def test_validation_takes_over_from_the_loss_once_it_comes():
    rows = [{"loss": 0.1}, {"loss": 0.1, "val_loss": 0.5}]

    _, state = watch(rows)

    assert state == {"monitor": "val_loss", "best": 0.5, "wait": 0}


@pytest.mark.parametrize(
    ("monitor", "logs"),
    [
        ("acuracy", {"loss": 1.0, "accuracy": 0.5}),
        ("val_acuracy", {"loss": 1.0, "val_accuracy": 0.5}),
    ],
    ids=["of training", "of validation, though there is some"],
)
def test_an_unknown_figure_is_refused_with_those_there_are(monitor, logs):
    with pytest.raises(ValueError) as caught:
        watch([logs], monitor=monitor)

    assert f"Watcher: no `{monitor}` in the logs" in str(caught.value)
    assert str(sorted(logs)) in str(caught.value)
    assert "Name one of them as `monitor`." in str(caught.value)


def test_a_validation_figure_may_be_due_later():
    seen, _ = watch([{"loss": 1.0}], monitor="val_accuracy")

    assert seen == [False]


def test_logs_without_any_loss_bring_no_verdict():
    assert watch([{}])[0] == [False]
