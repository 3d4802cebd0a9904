"""Names the shift of rows whose target is a number, or tags."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import LEAST_ROWS, ColumnShift, Shift, note_few
from aet_keras.drift.target_kinds import KINDS, cross_entropies

_LEVEL = 0.05
_ERRORS = "errors"


def name_error_shift(
    reference: Reference,
    outputs: ModelOutputs,
    tests: Mapping[str, float],
    columns: Sequence[ColumnShift],
    *,
    novelty: tuple[tuple[int, ...], float],
) -> Shift:
    """Returns the `Shift` of rows whose target is a number, or tags.

    There are no classes whose shares could explain it: what differs in the
    inputs, or in what is predicted of them, is a shift of inputs. With the
    true numbers the size of the errors is compared by Mann and Whitney,
    one-sided, with the true tags the cross-entropy of each row; where it
    alone differs, the kind is `"output"`.

    Args:
        reference: `Reference` of a model of a number, or of tags.
        outputs: `ModelOutputs` of the same model.
        tests: p values of the sets of tests that need no true numbers.
        columns: those that have moved, the farthest first.
        novelty: the numbers of the most novel rows, and the share of those
            that are novel.
    """
    found = dict(tests)
    if outputs.labels is not None:
        found[_ERRORS] = _larger_errors_p(reference, outputs)
    inputs = min(1.0, len(found) * min(tests.values()))
    p = min(1.0, len(found) * min(found.values()))
    kind = "none"
    if p <= _LEVEL:
        kind = "input" if inputs <= _LEVEL else "output"
        if kind == "input" and outputs.row_count < LEAST_ROWS:
            kind = "unexplained"
    measure = "loss" if reference.target_kind == "tags" else "RMSE"
    return Shift(
        kind != "none",
        p,
        kind,
        outputs.row_count,
        tests=found,
        corrected={},
        priors=None,
        source_priors=(),
        novel_rows=novelty[0],
        novel_ratio=novelty[1],
        expected_accuracy=math.nan,
        accuracy=None,
        source_accuracy=math.nan,
        columns=tuple(columns),
        notes=tuple(_notes(reference, outputs)),
        class_names=reference.class_names,
        source_error=_error(reference),
        error=None if outputs.labels is None else _error(outputs),
        measure=measure,
    )


def _larger_errors_p(reference, outputs):
    known, new = map(_errors, (reference, outputs))
    return float(stats.mannwhitneyu(new, known, alternative="greater").pvalue)


def _errors(rows):
    """Returns the error of each row that has a label: of tags its loss."""
    kind = KINDS["number" if rows.labels.ndim == 1 else "tags"]
    known = kind.are_known(rows.labels)
    said, true = rows.probabilities[known], rows.labels[known]
    if kind.name == "number":
        return kind.errors(said[:, 0], true)
    return cross_entropies(said, true)


def _error(rows):
    errors = _errors(rows)
    if rows.labels.ndim == 2:
        return float(errors.mean())
    return float(np.sqrt(np.mean(errors**2)))


def _notes(reference, outputs):
    yield from note_few(outputs.row_count)
    if outputs.labels is None:
        what = "tags" if reference.target_kind == "tags" else "numbers"
        yield (
            f"Without the true {what} it is not seen whether the errors are "
            "larger now. Label some rows."
        )
