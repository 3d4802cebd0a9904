"""Compares new rows with a model's reference, and names the difference."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from scipy import spatial, stats

from aet_keras import _check as check
from aet_keras._wording import quoted
from aet_keras.drift import two_samples
from aet_keras.drift.model_outputs import ModelOutputs, read_outputs
from aet_keras.drift.number_shift import name_error_shift
from aet_keras.drift.priors import Calibration, calibrate, estimate_priors
from aet_keras.drift.reference import Reference
from aet_keras.drift.row_batches import UNKNOWN
from aet_keras.drift.shift import LEAST_ROWS, Shift, note_few
from aet_keras.drift.target_kinds import KINDS

_OWNER = "compare"
_LEVEL = 0.05
# Weighted rows that are not refuted are no proof: few shifts of labels have a
# lower p value, and of shifts of inputs in 50 rows many have.
_EXPLAINED = 0.1
_NEAREST, _NOVEL_ROWS, _NOVEL_SHARE = 5, 9, 0.99
_ACCURACY = "accuracy"


def compare(
    model: keras.Model,
    reference: Reference,
    new: Any,
    labels: Any = None,
    *,
    batch_size: int = 128,
) -> Shift:
    """Says whether new rows differ from a model's reference, and how.

    Each principal component of the head's inputs, and each output, is tested
    by Kolmogorov and Smirnov; of tables each raw column too. The p values of
    a set are corrected by Bonferroni, and the sets among each other: of rows
    like the reference at most 5 % are called shifted. If they differ, the
    reference's rows are weighted as if its classes had the shares that the
    new rows seem to have, and are tested again. If they still differ, the kind
    is `"input"`. If the p value is then above 0.1, and the change of shares
    is itself no chance, it is `"label"`; else `"unexplained"`.

    Cost: one pass of the model over the new rows.

    Args:
        model: the `keras.Model` that the reference was measured on.
        reference: `Reference`.
        new: rows: array, dict of arrays, `tf.data.Dataset` of batches or
            `keras.utils.PyDataset`, with labels or without.
        labels: optional ints `(rows,)`, -1 where a class is not known, or
            one-hot rows, of arrays; of a model of a number floats, NaN where
            it is not known; of tags 0 and 1 `(rows, tags)`, -1 likewise.
            Defaults to those of `new`, if it has some.
        batch_size: int >= 1. Of arrays. Defaults to `128`.

    Returns:
        `aet_keras.drift.Shift`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if the reference is of another model, a column is missing,
            there are no rows, or labels are not one a row.

    Example:

    >>> random = np.random.default_rng(0)
    >>> x = random.normal(size=(600, 8)).astype("float32")
    >>> y = (x[:, 0] > 0).astype("int64")
    >>> model = keras.Sequential([
    ...     keras.Input((8,)), keras.layers.Dense(2, activation="softmax")
    ... ])
    >>> reference = aet_keras.drift.Reference.measure(
    ...     model, x[:200], (x[200:400], y[200:400])
    ... )
    >>> aet_keras.drift.compare(model, reference, x[400:]).kind
    'none'
    >>> aet_keras.drift.compare(model, reference, x[400:] + 1).kind
    'input'

    Reference:
        [Rabanser et al., 2019](https://arxiv.org/abs/1810.11953): tests of
        each dimension, corrected by Bonferroni. Of
        [Lipton et al., 2018](https://arxiv.org/abs/1802.03916) is the
        difference between shifts of labels and of inputs.
    """
    check.instance(_OWNER, of=Reference, reference=reference)
    reference.check_model(model)
    _check_columns(reference, new)
    outputs = read_outputs(
        model,
        new,
        batch_size=batch_size,
        target_kind=reference.target_kind,
    )
    if labels is not None:
        kind = KINDS[reference.target_kind]
        labels = kind.as_labels(_OWNER, labels, has_unknown=True)
        outputs = dataclasses.replace(outputs, labels=labels)
    return compare_outputs(reference, outputs)


def compare_outputs(reference: Reference, outputs: ModelOutputs) -> Shift:
    """Compares what a model made of new rows with its reference.

    As `compare` does, which runs the model first.

    Args:
        reference: `Reference`.
        outputs: `ModelOutputs`, of the same model.

    Raises:
        ValueError: if they are of other classes or another width, or labels
            are not one a row.
    """
    _check_outputs(reference, outputs)
    if outputs.labels is not None:
        is_known = KINDS[reference.target_kind].are_known(outputs.labels)
        if not is_known.any():
            outputs = dataclasses.replace(outputs, labels=None)
    if reference.target_kind != "classes":
        tests = _input_tests(reference, outputs)
        moved = _moved(reference, outputs)
        far = _novelty(reference, outputs)
        return name_error_shift(reference, outputs, tests, moved, novelty=far)
    calibration = calibrate(reference.probabilities, reference.labels)
    tests = _tests(reference, outputs)
    p = _of_sets(tests)
    if p > _LEVEL:
        return _shift(reference, outputs, "none", calibration, tests=tests, p=p)
    shares = _Shares.estimated(reference, outputs, calibration)
    corrected = _tests(reference, outputs, shares.weights)
    kind = _kind(outputs.row_count, tests, corrected, shares)
    return _shift(
        reference,
        outputs,
        kind,
        calibration,
        tests=tests,
        p=p,
        corrected=corrected,
        shares=shares,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Shares:
    """Holds the shares of classes in new rows, and what they rest on.

    Args:
        priors: array `(classes,)`.
        p: float. How often chance alone would change the shares as much.
        weights: array, one a row of the reference.
        ratios: array `(classes,)`. By what probabilities are multiplied.
    """

    priors: np.ndarray
    p: float
    weights: np.ndarray
    ratios: np.ndarray

    @classmethod
    def estimated(cls, reference, outputs, calibration):
        """Estimates the shares by the model's answers."""
        source = calibration.apply(reference.probabilities).mean(axis=0)
        likely = calibration.apply(outputs.probabilities)
        priors = estimate_priors(likely, source)
        ratios = priors / source
        gain = np.log(np.maximum(likely @ ratios, 1e-300)).sum()
        p = stats.chi2.sf(2 * gain, len(priors) - 1)  # by the likelihoods
        return cls(priors, float(p), ratios[reference.labels], ratios)


def _kind(row_count, tests, corrected, shares):
    """Names a shift that was found; see `compare`."""
    inputs = _inputs_of(tests)
    if _of_sets(inputs, len(tests)) > _LEVEL:
        return "output"  # the answers alone have become worse
    if row_count < LEAST_ROWS:
        return "unexplained"
    p = _of_sets(_inputs_of(corrected), len(tests))
    if p <= _LEVEL:
        return "input"
    is_enough = two_samples.effective_count(shares.weights) >= LEAST_ROWS
    if p <= _EXPLAINED or shares.p > _LEVEL or not is_enough:
        return "unexplained"
    is_worse = corrected.get(_ACCURACY, 1.0) * len(tests) <= _LEVEL
    return "output" if is_worse else "label"


def _inputs_of(tests):
    return {name: p for name, p in tests.items() if name != _ACCURACY}


def _of_sets(tests, count=None):
    """Returns the p value of several sets of tests."""
    return min(1.0, (count or len(tests)) * min(tests.values()))


def _tests(reference, outputs, weights=None):
    """Returns the p value of each set of tests."""
    tests = _input_tests(reference, outputs, weights)
    if outputs.labels is not None:
        tests[_ACCURACY] = _worse_p(reference, outputs, weights)
    return tests


def _input_tests(reference, outputs, weights=None):
    """Returns those that need no labels."""
    pairs = {
        "components": (
            reference.projections,
            reference.project(outputs.features),
        ),
        "outputs": (reference.probabilities, outputs.probabilities),
    }
    tests = {
        name: two_samples.bonferroni(
            two_samples.ks_p_values(*pair, weights=weights)
        )
        for name, pair in pairs.items()
        if name == "outputs" or reference.has_features
    }
    columns = two_samples.column_shifts(
        reference.columns, outputs.columns, weights
    )
    if columns:
        tests["columns"] = min(each.p for each in columns)
    return tests


def _moved(reference, outputs):
    columns = two_samples.column_shifts(reference.columns, outputs.columns)
    return tuple(each for each in columns if each.p <= _LEVEL)


def _worse_p(reference, outputs, weights=None):
    """Returns how likely so many wrong answers are by chance (Fisher)."""
    known = reference.right_answers
    right = _right_answers(reference, outputs)
    weights = np.ones(len(known)) if weights is None else weights
    count = two_samples.effective_count(weights)
    share = (known * weights).sum() / weights.sum()
    table = [
        [round(share * count), round((1 - share) * count)],
        [right.sum(), (~right).sum()],
    ]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)


def _right_answers(reference, outputs):
    """Returns whether each answer is right, of rows whose class is known."""
    known = outputs.labels != UNKNOWN
    answers = reference.answers(outputs.probabilities)
    return answers[known] == outputs.labels[known]


def _shift(
    reference,
    outputs,
    kind,
    calibration,
    *,
    tests,
    p,
    corrected=None,
    shares=None,
):
    """Makes the record of a comparison."""
    is_label = kind == "label"
    ratios = shares.ratios if is_label else None
    novel, ratio = _novelty(reference, outputs)
    priors = shares.priors if is_label else None
    accuracy = None
    if outputs.labels is not None:
        accuracy = float(_right_answers(reference, outputs).mean())
        if is_label and np.all(outputs.labels != UNKNOWN):
            counts = np.bincount(outputs.labels, minlength=len(priors))
            priors = counts[: len(priors)] / outputs.row_count
    return Shift(
        kind != "none",
        p,
        kind,
        outputs.row_count,
        tests=tests,
        corrected=corrected or {},
        priors=None if priors is None else tuple(map(float, priors)),
        source_priors=tuple(map(float, reference.priors)),
        novel_rows=novel,
        novel_ratio=ratio,
        expected_accuracy=_confidence(reference, outputs, calibration, ratios),
        accuracy=accuracy,
        source_accuracy=reference.accuracy,
        columns=_moved(reference, outputs),
        notes=tuple(_notes(reference, outputs, kind)),
        class_names=reference.class_names,
    )


def _confidence(reference, outputs, calibration: Calibration, ratios):
    """Returns the mean probability of the answers, calibrated."""
    likely = calibration.apply(outputs.probabilities)
    if ratios is not None:
        likely = likely * ratios
        likely = likely / likely.sum(axis=1, keepdims=True)
    answers = reference.answers(outputs.probabilities)
    return float(likely[np.arange(len(likely)), answers].mean())


def _novelty(reference, outputs):
    """Returns the rows that are farthest from the reference, and how many.

    The distance is that to the fifth nearest row of the reference, in
    components of unit variance.
    """
    scale = reference.projections.std(axis=0) + 1e-12
    known = reference.projections / scale
    new = reference.project(outputs.features) / scale
    tree = spatial.cKDTree(known)
    nearest = min(_NEAREST, len(known) - 1)
    # The nearest row of a row of the reference is itself.
    usual = tree.query(known, [nearest + 1])[0][:, 0]
    distances = tree.query(new, [nearest])[0][:, 0]
    far = distances > np.quantile(usual, _NOVEL_SHARE)
    order = np.argsort(-distances, kind="stable")[:_NOVEL_ROWS]
    return tuple(order.tolist()), float(far.mean())


def _notes(reference, outputs, kind):
    """Yields what can be said by these rows, and what cannot."""
    count = outputs.row_count
    sets = 2 if reference.has_features else 1
    level = _LEVEL / sets / reference.projections.shape[1]
    least = two_samples.distance_found(reference.row_count, count, level)
    yield from note_few(count)
    yield (
        f"With {count} rows, a shift is found if the distribution of a "
        f"component moves by {least:.2f} at one point. A smaller one is "
        "missed."
    )
    if kind == "input" and outputs.labels is None:
        yield (
            "The expected accuracy is no measurement: after a shift of inputs "
            "it is often much too high. Label some rows."
        )
    if kind == "none" and outputs.labels is None:
        yield (
            "Without labels it is not seen whether the same inputs have "
            "other classes now."
        )
    unknown = 0
    if outputs.labels is not None:
        unknown = int((outputs.labels >= reference.class_count).sum())
    if unknown:
        yield (
            f"{unknown} rows are of classes that the model does not know, and "
            "count as wrong."
        )


def _check_columns(reference, new):
    rows = new[0] if isinstance(new, tuple) else new
    if not reference.columns or not isinstance(rows, Mapping):
        return
    missing = sorted(reference.columns.keys() - rows.keys())
    if missing:
        raise ValueError(
            f"{_OWNER}: the rows must have all columns that the model takes, "
            f"because each is compared. Received: none named {quoted(missing)}."
            " Add them; a missing cell is NaN or an empty text."
        )


def _check_outputs(reference, outputs):
    classes = outputs.probabilities.shape[1]
    if classes != reference.class_count:
        raise ValueError(
            f"{_OWNER}: the reference must be of the same classes. Received: "
            f"{reference.class_count} and {classes}. Name the reference of "
            "this model."
        )
    labels = outputs.labels
    if labels is not None and len(labels) != outputs.row_count:
        raise ValueError(
            f"{_OWNER}: each new row must have one label. Received: "
            f"{len(labels)} labels for {outputs.row_count} rows. Give -1, of "
            "numbers NaN, to rows whose label is not known."
        )
