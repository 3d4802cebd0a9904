"""Says how each kind of target is trained and measured.

What the target of a data set is, its specification says (`target_kind`). All
that a run does in another way because of it is in the table `OBJECTIVES`.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import data, evaluation
from aet_keras.data.dataset import Specification
from aet_keras.evaluation import mistakes as wrong_rows
from aet_keras.evaluation import regression, tag_thresholds, tagging
from aet_keras.evaluation.answer_rule import AnswerRule
from aet_keras.evaluation.ordinal import measure_order
from aet_keras.export.table_model import called_from
from aet_keras.training.tag_weights import WeightedTags

_LEAST = 1e-7


@dataclasses.dataclass(frozen=True)
class Objective:
    """Holds how a kind of target is trained and measured.

    Args:
        loss: what `compile` takes.
        make_metrics: returns new metrics, one of them called `metric`.
        metric: str. The figure that is shown beside the loss.
        losses: of outputs and labels, as they are trained; returns the loss
            of each row.
        score: of labels, outputs, the data set, and the outputs of baselines
            by name; returns a record of `aet_keras.evaluation`.
        find_mistakes: of labels, outputs, the data set, the names of the rows
            and a function of a row that returns its content; returns the rows
            that are most wrong.
        choose_thresholds: of labels and outputs of validation rows; returns
            the thresholds of tags, nothing of other kinds.
    """

    loss: Any
    make_metrics: Callable[[], list[keras.metrics.Metric]]
    metric: str
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray]
    score: Callable[..., Any]
    find_mistakes: Callable[..., tuple]
    choose_thresholds: Callable[[np.ndarray, np.ndarray], tuple] = (
        lambda labels, outputs: ()
    )


def objective_of(
    dataset: data.Dataset, class_weight: str | None = None
) -> Objective:
    """Returns the objective of a data set.

    Args:
        dataset: `data.Dataset`.
        class_weight: optional `"balanced"`. Of tags, which are weighed in the
            loss; classes are weighed row by row (`job.weights_of`).
    """
    kind = dataset.specification.target_kind
    if kind == "tags" and class_weight is not None:
        loss = WeightedTags.balanced(dataset.train.labels)
        return dataclasses.replace(
            OBJECTIVES[kind], loss=loss, losses=loss.of_rows
        )
    return OBJECTIVES[kind]


def rule_of(specification: Specification) -> AnswerRule:
    """Returns which class of a specification is answered."""
    return AnswerRule(specification.is_ordered, called_from(specification))


def _cross_entropies(probabilities, labels):
    true = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(true, _LEAST, 1))


def _score_classes(labels, probabilities, dataset, baselines):
    del baselines  # shares of the classes are those of a classifier
    specification = dataset.specification
    scores = evaluation.measure_classification(
        labels,
        probabilities,
        class_names=specification.class_names,
        rule=rule_of(specification),
    )
    if not specification.is_ordered:
        return scores
    order = measure_order(labels, probabilities)
    return dataclasses.replace(scores, order=order)


def _mistaken_classes(labels, probabilities, dataset, names, content):
    return wrong_rows.find_mistakes(
        labels,
        probabilities,
        class_names=dataset.specification.class_names,
        names=names,
        content=content,
        rule=rule_of(dataset.specification),
    )


def _squares(numbers, wanted):
    return np.mean((numbers - wanted) ** 2, axis=1)


def _score_numbers(
    labels: np.ndarray,
    numbers: np.ndarray,
    dataset: data.Dataset,
    baselines: Mapping[str, np.ndarray],
) -> regression.Regression:
    mean = np.full(len(labels), dataset.train.labels.mean())
    return regression.measure_regression(
        labels, numbers[:, 0], baselines={"the mean": mean, **baselines}
    )


def _mistaken_numbers(labels, numbers, dataset, names, content):
    del dataset
    return regression.find_misses(
        labels, numbers[:, 0], names=names, content=content
    )


def _score_tags(
    labels: np.ndarray,
    probabilities: np.ndarray,
    dataset: data.Dataset,
    baselines: Mapping[str, tagging.TagAnswers],
) -> tagging.Tagging:
    shares = dataset.train.labels.mean(axis=0)
    usual = {
        "the most frequent": tagging.TagAnswers(shares, 0.5),
        "every tag": tagging.TagAnswers(shares, 0.0),
    }
    specification = dataset.specification
    return tagging.measure_tags(
        labels,
        probabilities,
        names=specification.class_names,
        thresholds=specification.thresholds or 0.5,
        baselines={**usual, **baselines},
    )


def _wrongly_tagged(labels, probabilities, dataset, names, content):
    return wrong_rows.find_wrong_tags(
        labels,
        probabilities,
        tags=dataset.specification.class_names,
        thresholds=dataset.specification.thresholds or 0.5,
        names=names,
        content=content,
    )


OBJECTIVES = {
    "classes": Objective(
        loss="sparse_categorical_crossentropy",
        # By its name, Keras makes it inside the first step: traced twice.
        make_metrics=lambda: [
            keras.metrics.SparseCategoricalAccuracy("accuracy")
        ],
        metric="accuracy",
        losses=_cross_entropies,
        score=_score_classes,
        find_mistakes=_mistaken_classes,
    ),
    "number": Objective(
        loss="mean_squared_error",
        # The share of the variance that is explained: it has no unit.
        make_metrics=lambda: [keras.metrics.R2Score(name="r2")],
        metric="r2",
        losses=_squares,
        score=_score_numbers,
        find_mistakes=_mistaken_numbers,
    ),
    "tags": Objective(
        loss="binary_crossentropy",
        make_metrics=lambda: [
            keras.metrics.F1Score("macro", threshold=0.5, name="macro_f1")
        ],
        metric="macro_f1",
        losses=tagging.losses_of_tags,
        score=_score_tags,
        find_mistakes=_wrongly_tagged,
        choose_thresholds=tag_thresholds.choose_thresholds,
    ),
}
