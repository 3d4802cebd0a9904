"""Says how answers of each kind of target are read, and judged row by row."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aet_keras.drift import true_values
from aet_keras.drift.paired_gain import (
    PairedGain,
    gain_of_errors,
    gain_of_shares,
    paired_gain,
)

_LEAST_PROBABILITY = 1e-7  # as Keras has it


@dataclasses.dataclass(frozen=True)
class TargetKind:
    """Holds what differs between classes, a number and tags.

    Args:
        name: `"classes"`, `"number"` or `"tags"`.
        as_labels: of the owner of an error and labels; returns them as
            arrays, or raises a `ValueError`. `has_unknown=True` allows rows
            whose label is not known: -1, of a number NaN.
        as_outputs: of the owner of an error and what a model puts out;
            returns probabilities or numbers.
        are_known: of such labels; returns a bool a row.
        answers: of what a model puts out, and of thresholds of tags; returns
            what it answers: classes, numbers, or bools of tags.
        errors: of answers and labels; returns how wrong each row's answer
            is: 0 or 1, how far a number is off, 1 less the F1 of its tags.
        gain_of: of such errors before and after, and the keywords `measure`
            and `chosen_from`; returns a `PairedGain`.
        measure: str. What the mean of the errors says.
        is_error: bool. Whether it is that mean; else it is 1 less the mean.
        certainties: of what a model puts out; returns how sure it is of each
            row, the number that is watched from day to day: the highest
            probability, of tags the mean of the surer one of yes and no. Of a
            number, which says nothing of it, the number itself.
        signal: str. What that is called.
        forgets_at_most: float. What may be lost on old rows, where nobody
            says it, as a gain is measured.
    """

    name: str
    as_labels: Callable[..., np.ndarray]
    as_outputs: Callable[[str, np.ndarray], np.ndarray]
    are_known: Callable[[np.ndarray], np.ndarray]
    answers: Callable[[np.ndarray, Sequence[float]], np.ndarray]
    errors: Callable[[np.ndarray, np.ndarray], np.ndarray]
    gain_of: Callable[..., PairedGain]
    measure: str
    forgets_at_most: float
    certainties: Callable[[np.ndarray], np.ndarray]
    signal: str = "confidence"
    is_error: bool = False

    def figure(self, errors: np.ndarray) -> float:
        """Returns the measure of rows that are so wrong."""
        mean = float(errors.mean()) if len(errors) else 0.0
        return mean if self.is_error else 1 - mean

    def gain(
        self, before: np.ndarray, after: np.ndarray, *, chosen_from: int = 1
    ) -> PairedGain:
        """Compares two models by how wrong they are on the same rows."""
        return self.gain_of(
            before, after, measure=self.measure, chosen_from=chosen_from
        )

    def mean_gain(self, before: np.ndarray, after: np.ndarray) -> float:
        """Returns the gain alone, which is 0 of no rows."""
        if not len(before):
            return 0.0
        unit = float(before.mean()) if self.is_error else 1.0
        return float((before - after).mean()) / (unit or 1.0)


def _known_classes(labels):
    return labels >= 0


def _known_numbers(labels):
    return ~np.isnan(labels)


def _known_tags(labels):
    return (labels >= 0).all(axis=1)


def _likeliest(outputs, thresholds):
    del thresholds
    return outputs.argmax(axis=1)


def _one_column(outputs, thresholds):
    del thresholds
    return outputs[:, 0]


def _likely_tags(outputs, thresholds):
    # In float32, as a server compares them.
    return outputs >= np.asarray(thresholds, "float32")


def _highest(outputs):
    return outputs.max(axis=1)


def _surer_of_two(outputs):
    return np.maximum(outputs, 1 - outputs).mean(axis=1)


def _numbers(outputs):
    return outputs[:, 0]


def _wrong(answers, labels):
    return (answers != labels).astype("float64")


def _off(answers, labels):
    return np.abs(np.asarray(answers, "float64") - labels)


def _tags_missed(answers, labels):
    """Returns 1 less the F1 of each row's tags; of none at all F1 is 1."""
    both = (answers & (labels > 0)).sum(axis=1)
    either = answers.sum(axis=1) + (labels > 0).sum(axis=1)
    return 1 - np.where(either > 0, 2 * both / np.maximum(either, 1), 1.0)


def _gain_of_wrong(before, after, *, measure, chosen_from):
    gained = int((before > after).sum())
    lost = int((after > before).sum())
    found = paired_gain(gained, lost, len(before), chosen_from)
    figures = {"before": 1 - before.mean(), "after": 1 - after.mean()}
    return dataclasses.replace(
        found,
        measure=measure,
        **{name: float(each) for name, each in figures.items()},
    )


def cross_entropies(probabilities: np.ndarray, labels: Any) -> np.ndarray:
    """Returns the cross-entropy of each row, of classes or of tags.

    Args:
        probabilities: floats `(rows, classes)`.
        labels: ints `(rows,)`; of tags 0 and 1, `(rows, tags)`, whose mean is
            taken.
    """
    if np.ndim(labels) == 1:
        likely = probabilities[np.arange(len(labels)), labels]
        return -np.log(np.maximum(likely, _LEAST_PROBABILITY))
    likely = np.where(labels > 0, probabilities, 1 - probabilities)
    logs = np.log(np.clip(likely, _LEAST_PROBABILITY, 1))
    return -logs.mean(axis=1)


KINDS = {
    each.name: each
    for each in (
        TargetKind(
            "classes",
            true_values.as_labels,
            true_values.as_probabilities,
            _known_classes,
            _likeliest,
            _wrong,
            _gain_of_wrong,
            "accuracy",
            0.02,
            _highest,
        ),
        # Of five answers, one of which is wrong, a loss of 0.02 is a tenth of
        # the errors.
        TargetKind(
            "number",
            true_values.as_numbers,
            true_values.one_number,
            _known_numbers,
            _one_column,
            _off,
            gain_of_errors,
            "MAE",
            0.05,
            _numbers,
            "prediction",
            is_error=True,
        ),
        TargetKind(
            "tags",
            true_values.as_tags,
            true_values.shares_of_tags,
            _known_tags,
            _likely_tags,
            _tags_missed,
            gain_of_shares,
            "F1",
            0.02,
            _surer_of_two,
        ),
    )
}


def judge_of(
    name: str,
    class_weight: str | Sequence[float] | None = None,
    *,
    answers: Callable[[np.ndarray], np.ndarray] | None = None,
) -> TargetKind:
    """Returns how answers are judged.

    Args:
        name: `"classes"`, `"number"` or `"tags"`.
        class_weight: optional `"balanced"`, of classes: each counts the same
            among the rows that judge, however many it has. Or what it costs
            to miss a row of each: what costs least is answered then.
        answers: optional function of probabilities, of classes: returns those
            that are answered. Defaults to the likeliest.
    """
    kind = KINDS[name]
    if answers is not None and name == "classes":
        kind = dataclasses.replace(
            kind, answers=lambda outputs, _: answers(outputs)
        )
    if class_weight is None:
        return kind
    if isinstance(class_weight, str):
        return dataclasses.replace(
            kind,
            errors=_wrong_balanced,
            gain_of=gain_of_shares,
            measure="balanced",
        )
    costs = np.asarray(class_weight, "float64")
    return dataclasses.replace(
        kind,
        answers=lambda outputs, _: _cheapest(outputs, costs),
        errors=lambda answers, labels: _wrong_weighed(answers, labels, costs),
        gain_of=gain_of_shares,
        measure="weighted",
    )


def _wrong_balanced(answers, labels):
    counts = np.bincount(labels)
    weights = 1 / np.maximum(counts, 1)
    return _wrong_weighed(answers, labels, weights)


def _cheapest(outputs, costs):
    return (outputs * _of_classes(costs, outputs.shape[1])).argmax(axis=1)


def _of_classes(weights, count):
    """Returns a weight of each class; one that is new has their mean."""
    missing = max(0, count - len(weights))
    return np.append(weights, np.full(missing, np.mean(weights)))


def _wrong_weighed(answers, labels, weights):
    """Returns errors whose mean is the weighted share of wrong answers."""
    of_row = _of_classes(weights, int(labels.max()) + 1)[labels]
    return _wrong(answers, labels) * of_row / of_row.mean()


def kind_of(labels: np.ndarray) -> str:
    """Returns the kind of target of labels that were read, by their form."""
    if labels.ndim == 2:
        return "tags"
    return "number" if labels.dtype.kind == "f" else "classes"


def are_known(labels: np.ndarray) -> np.ndarray:
    """Returns which rows have a label that is known, `(rows,)`."""
    return KINDS[kind_of(labels)].are_known(labels)
