"""Solves the head of a model at once, on few rows and then on all."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from aet_keras.drift import heads
from aet_keras.drift.joint_head import solve_joint_head
from aet_keras.drift.number_heads import shift_head, solve_number_head
from aet_keras.drift.tag_heads import solve_tag_head
from aet_keras.evaluation.tag_thresholds import move_thresholds
from aet_keras.training._mixed_fit import Rows
from aet_keras.training._remedies import Case, NotTried, head_of

BOTH = "head, old and new"
_TOWARDS = {
    "zero": "zero",
    "old": "the old head",
    "scaled": "the old head times a factor",
    "renamed": "the old head with other names of its classes",
}
# Of fewer rows that have a tag, the best threshold is a matter of chance.
_LEAST_OF_TAG = 10


def _old_rows(case):
    if case.old is None:
        raise NotTried("there are no old rows to learn with: give `old=`")
    return case.old


def _features(case, rows):
    return case.outputs.features(rows.x), case.target.learned(rows.y)


def _put(head, found):
    head.set_weights([found.kernel, found.bias])
    return f"L2 strength {found.strength:g}, towards {_TOWARDS[found.start]}"


def solve_classes(case: Case, rows: Rows) -> str:
    """Solves the head exactly on the features of labelled rows."""
    head = head_of(case)
    features, labels = _features(case, rows)
    found = heads.solve_head(
        features,
        labels,
        head.units,
        old=tuple(head.get_weights()),
        seed=case.settings.seed,
    )
    return _put(head, _balanced(case, found, rows.y))


def _balanced(case, found, labels):
    """Returns a head by which all classes are as frequent, if so judged.

    The logits are lowered by the logarithm of how frequent each class was
    ([Menon et al., 2021](https://arxiv.org/abs/2007.07314)).
    """
    if case.target.kind.measure != "balanced":
        return found
    counts = np.bincount(labels, minlength=len(found.bias)) + 0.5
    moved = np.log(counts.mean() / counts).astype("float32")
    return dataclasses.replace(found, bias=found.bias + moved)


def _solve_classes_for_both(case, rows):
    old, head = _old_rows(case), head_of(case)
    found = solve_joint_head(
        _features(case, rows),
        _features(case, old),
        tuple(head.get_weights()),
        seed=case.settings.seed,
    )
    # There new rows weigh by the frequencies of old ones.
    return _put(head, _balanced(case, found, old.y))


def _shift_number(case, rows):
    head = head_of(case)
    values = case.outputs.probabilities(rows.x)
    wanted = case.target.learned(rows.y)
    before = head.get_weights()
    after = shift_head(values, wanted, before)
    head.set_weights(after)
    off = float(after[1][0] - before[1][0])
    return f"moved by {off:+.3g} of the spread of what was learned"


def _values(case, rows):
    features, values = _features(case, rows)
    return features, values[:, 0]


def _solved(case, rows, old, solve, given):
    """Returns what a solver finds for new rows, and for old ones if any."""
    return solve(
        given(case, rows),
        tuple(head_of(case).get_weights()),
        old=old and given(case, old),
        seed=case.settings.seed,
    )


def _for_both(solve):
    """Returns a remedy that solves for old rows, too."""
    return lambda case, rows: solve(case, rows, _old_rows(case))


def _solve_number(case, rows, old=None):
    found = _solved(case, rows, old, solve_number_head, _values)
    return _put(head_of(case), found)


def _find_thresholds(case, rows):
    if (rows.y.sum(axis=0) < _LEAST_OF_TAG).all():
        raise NotTried(f"no tag has {_LEAST_OF_TAG} rows")
    return _move_thresholds(case, rows, case.outputs.probabilities(rows.x))


def _move_thresholds(case, rows, probabilities):
    """Moves the thresholds of tags that enough rows have."""
    before = case.target.state
    case.target.state = move_thresholds(
        rows.y, probabilities, before, _LEAST_OF_TAG
    )
    moved = sum(np.not_equal(case.target.state, before))
    return f"{moved} of {len(before)} thresholds moved"


def _solve_tags(case, rows, old=None):
    found = _solved(case, rows, old, solve_tag_head, _features)
    said = _put(head_of(case), found)
    return f"{said}; {_move_thresholds(case, rows, found.held_out)}"


# What is solved for each kind of target, cheapest first.
HEADS: dict[str, dict[str, Callable[[Any, Rows], str]]] = {
    "classes": {"head": solve_classes, BOTH: _solve_classes_for_both},
    "number": {
        "bias": _shift_number,
        "head": _solve_number,
        BOTH: _for_both(_solve_number),
    },
    "tags": {
        "thresholds": _find_thresholds,
        "head": _solve_tags,
        BOTH: _for_both(_solve_tags),
    },
}
