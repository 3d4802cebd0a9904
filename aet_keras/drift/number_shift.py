"""Names the shift of rows whose target is a number."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference
from aet_keras.drift.shift import LEAST_ROWS, ColumnShift, Shift

_LEVEL = 0.05
_ERRORS = "errors"


def name_number_shift(
    reference: Reference,
    outputs: ModelOutputs,
    tests: Mapping[str, float],
    columns: Sequence[ColumnShift],
    *,
    novelty: tuple[tuple[int, ...], float],
) -> Shift:
    """Returns the `Shift` of rows whose target is a number.

    There are no classes whose shares could explain it: what differs in the
    inputs, or in what is predicted of them, is a shift of inputs. With the
    true numbers the size of the errors is compared by Mann and Whitney,
    one-sided; where it alone differs, the kind is `"output"`.

    Args:
        reference: `Reference` of a model of a number.
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
    known = reference.probabilities, reference.labels
    new = outputs.probabilities, outputs.labels
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
        notes=tuple(_notes(outputs)),
        source_error=_rmse(*known),
        error=None if outputs.labels is None else _rmse(*new),
    )


def _larger_errors_p(reference, outputs):
    known, new = (
        np.abs(each.probabilities[:, 0] - each.labels)
        for each in (reference, outputs)
    )
    return float(stats.mannwhitneyu(new, known, alternative="greater").pvalue)


def _rmse(numbers, labels):
    return float(np.sqrt(np.mean((numbers[:, 0] - labels) ** 2)))


def _notes(outputs):
    if outputs.row_count < LEAST_ROWS:
        yield (
            f"{outputs.row_count} rows are few: a shift that is found is one, "
            f"but none is named with fewer than {LEAST_ROWS}, and most are "
            "missed."
        )
    if outputs.labels is None:
        yield (
            "Without the true numbers it is not seen whether the errors are "
            "larger now: `--labelled` reads them."
        )
