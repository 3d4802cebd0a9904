"""Applies what may help a model whose data have changed, one at a time."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras._keras import reading
from aet_keras.drift import batch_statistics, heads, priors
from aet_keras.drift.shift import LEAST_ROWS
from aet_keras.drift.wide_head import widen_head
from aet_keras.training._known_outputs import KnownOutputs
from aet_keras.training._likeness import Likeness, can_be_likened, is_met
from aet_keras.training._mixed_fit import GroupTraining, Rows, Settings
from aet_keras.training._targets import Target

_MOST_MOMENT_ROWS = 500
_MOST_COMPARED = 150
_RATIOS = (0.25, 0.5, 0.75, 1.0)
_FURTHER = 3  # this part of the epochs, on more rows


class NotTried(Exception):
    """Says why a remedy is not possible here."""


@dataclasses.dataclass(frozen=True)
class Case:
    """Holds what remedies work with.

    Args:
        model: the `keras.Model`; remedies change it in place.
        new: inputs of all new rows.
        labelled: `Rows` of those with labels; empty if there are none.
        old: optional `Rows` that may be learned from.
        source: optional `(probabilities, labels)` of old rows that the model
            has not learned, which calibrate its answers.
        settings: `Settings` of training.
        outputs: `KnownOutputs` of the model.
        target: `Target`, whose model it is.
    """

    model: keras.Model
    new: Any
    labelled: Rows
    old: Rows | None
    source: tuple[np.ndarray, np.ndarray] | None
    settings: Settings
    outputs: KnownOutputs
    target: Target

    @functools.cached_property
    def training(self) -> GroupTraining:
        """What trains the model; one for all, so that it is traced once."""
        return GroupTraining(self.model, self.target.loss)

    @functools.cached_property
    def likeness(self) -> Likeness | None:
        """What makes old rows look like new ones; `None` if nothing does.

        It must first be asked for while the model is as it was: made rows
        must be to it what new ones are.
        """
        if self.old is None or not can_be_likened(self.old.x, self.new):
            return None
        try:
            head_of(self)
        except NotTried:
            return None
        likeness = Likeness(self.old.x, self.new)
        old, new = (_spread(each) for each in (self.old.x, self.new))
        made = likeness.apply(old, np.random.default_rng(0))
        found = [self.outputs.features(each) for each in (old, made, new)]
        return likeness if is_met(*found) else None


@dataclasses.dataclass(frozen=True)
class Judges:
    """Says how far trained weights may go.

    Args:
        look: function that returns how right the model, as it is, is on
            labelled new rows that were held out, and their mean loss.
        worth: optional function of how right it is, which returns what the
            model is worth on new and old rows, never more; `None` without
            old rows.
    """

    look: Callable[[], tuple[float, float]]
    worth: Callable[[float], float] | None


def fold_priors(case: Case) -> str:
    """Folds the class frequencies of the new rows into the head."""
    if case.target.kind.measure == "balanced":
        raise NotTried("classes count the same, however frequent they are")
    if case.source is None:
        raise NotTried(
            "there are no old rows to calibrate on: give `old=` or `reference=`"
        )
    count = reading.row_count(case.new)
    if count < LEAST_ROWS:
        raise NotTried(f"{count} rows are fewer than {LEAST_ROWS}")
    head_of(case)
    probabilities, labels = case.source
    calibration = priors.calibrate(probabilities, labels)
    calibrated = calibration.apply(probabilities)
    found = priors.estimate_priors(
        calibration.apply(case.outputs.probabilities(case.new)),
        calibrated.mean(axis=0),
    )
    priors.fold_priors(
        case.model, found, calibrated.mean(axis=0), calibration=calibration
    )
    largest = int(found.argmax())
    return f"class {largest} is the most frequent now, {found[largest]:.2f}"


def move_statistics(case: Case) -> batch_statistics.StatisticsStep:
    """Moves BatchNormalization by the difference of new and old rows.

    Returns:
        `StatisticsStep`; the model has the moved statistics where it was
        kept by mutual information.
    """
    if case.old is None:
        raise NotTried("there are no old rows to compare with: give `old=`")
    if len(case.old) < batch_statistics.LEAST_ROWS:
        raise NotTried(
            f"{len(case.old)} old rows are fewer than "
            f"{batch_statistics.LEAST_ROWS}"
        )
    stride = -(-len(case.old) // _MOST_MOMENT_ROWS)
    rows = reading.take(case.old.x, slice(None, None, stride))
    source = batch_statistics.measure_moments(case.model, rows)
    step = batch_statistics.move_statistics(
        case.model, case.new, source, predict=case.outputs.probabilities
    )
    if step.before is None:
        raise NotTried(step.reason.removeprefix("not tried: "))
    return step


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """Says where a training led, and how much of the way was gone.

    Args:
        ratio: float from 0 to 1.
        end: list of arrays. The weights at the end of the way.
    """

    ratio: float
    end: list


def train_all(case: Case, rows: Rows, judges: Judges | None) -> Trained:
    """Trains all groups and the head.

    The weights then go back towards what they were: as far as the
    model is worth more then, or without old rows, as far as the loss of new
    ones that were held out is lower.

    Args:
        case: `Case`.
        rows: labelled `Rows` to learn from.
        judges: optional `Judges` that say how far.
    """
    start = case.model.get_weights()
    _train(case, rows, case.settings)
    end = case.model.get_weights()
    if judges is None:
        return Trained(1.0, end)
    ratio = _best(case.model, start, judges)
    _blend(case.model, start, end, ratio)
    return Trained(ratio, end)


def train_further(case: Case, rows: Rows, trained: Trained) -> None:
    """Goes on from the end of a training, with more rows.

    The model moves from where it is by the same share of the way.
    """
    now = case.model.get_weights()
    case.model.set_weights(trained.end)
    settings = dataclasses.replace(
        case.settings,
        epochs=-(-case.settings.epochs // _FURTHER),
        learning_rate=case.settings.learning_rate / 2,
        seed=case.settings.seed + 1,
    )
    _train(case, rows, settings)
    case.model.set_weights(
        [
            was + trained.ratio * (each - end) if _is_float(each) else each
            for was, each, end in zip(
                now, case.model.get_weights(), trained.end, strict=True
            )
        ]
    )


def _train(case, rows, settings):
    new, old = (
        each and Rows(each.x, case.target.learned(each.y))
        for each in (rows, case.old)
    )
    case.training.run(new, old, settings, likeness=case.likeness)


def _best(model, start, judges):
    """Returns the ratio at which a trained model is worth most."""
    trained, right, losses, found = model.get_weights(), {}, {}, {}
    for ratio in _RATIOS:
        _blend(model, start, trained, ratio)
        right[ratio], losses[ratio] = judges.look()
    if judges.worth is None:
        return min(losses, key=lambda each: losses[each])
    # Of equals, the farthest from the start.
    for ratio in sorted(_RATIOS, key=lambda each: (right[each], each))[::-1]:
        if found and right[ratio] < max(found.values()):
            break  # old rows can only take away from it
        _blend(model, start, trained, ratio)
        found[ratio] = judges.worth(right[ratio])
    return max(found, key=lambda each: (found[each], each))


def _blend(model, start, trained, ratio):
    """Sets the weights between two; integers are as trained."""
    model.set_weights(
        [
            ratio * now + (1 - ratio) * then if _is_float(now) else now
            for then, now in zip(start, trained, strict=True)
        ]
    )


def _is_float(array):
    return array.dtype.kind == "f"


def widen(case: Case, rows: Rows) -> keras.Model:
    """Returns a model that knows the new classes, too."""
    head = head_of(case)
    known = rows if case.old is None else rows.joined(case.old)
    features = case.outputs.features(known.x)
    try:
        return widen_head(
            case.model, head, features, known.y, seed=case.settings.seed
        )
    except ValueError as error:
        raise NotTried(str(error)) from error


def _spread(images):
    return images[:: -(-len(images) // _MOST_COMPARED)]


def head_of(case: Case) -> keras.layers.Dense:
    """Returns the head of the model; raises `NotTried` if it has none."""
    try:
        return heads.dense_head("adapt", case.model, case.target.activation)
    except ValueError as error:
        raise NotTried(str(error)) from error
