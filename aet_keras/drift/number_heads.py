"""Solves the dense layer of a number by ridge, on new rows or old ones too."""

import numpy as np

from aet_keras.drift.heads import (
    SolvedHead,
    one_thread,
    parts_left_out,
    standardised,
)
from aet_keras.drift.joint_head import NEW_SHARE

Head = tuple[np.ndarray, np.ndarray]
Pair = tuple[np.ndarray, np.ndarray]
_STRENGTHS = tuple(10.0 ** np.arange(3, -3.1, -0.5))
_LEAST_SPREAD = 1e-6


def shift_head(values: np.ndarray, wanted: np.ndarray, head: Head) -> Head:
    """Returns the head with a bias by which it is right in the mean.

    The mean, as ridge has it: a median would make absolute errors smaller
    where nothing has changed.

    Args:
        values: floats `(rows,)`. What the head puts out.
        wanted: floats `(rows,)`. What it should.
        head: tuple of its kernel `(width, 1)` and bias `(1,)`.
    """
    kernel, bias = head
    return kernel, bias + np.float32(np.mean(wanted - values))


def solve_number_head(
    new: Pair, head: Head, *, old: Pair | None = None, seed: int = 0
) -> SolvedHead:
    """Finds the best dense layer of one number by ridge regression.

    An L2 penalty pulls its kernel to zero, to the old kernel, or to that
    times a scale which fits the rows best. Which of these, and how strongly,
    is what has the smallest mean absolute error on new rows left out, five
    times a fifth of them. With old rows, new ones weigh a quarter of what the
    old ones do, or as much as they are if that is more.

    Args:
        new: tuple of features `(rows, width)` and values `(rows,)`, as the
            head puts them out.
        head: tuple of the old kernel `(width, 1)` and bias `(1,)`.
        old: optional tuple of those of old rows. Defaults to none.
        seed: int >= 0. Of the parts that are left out. Defaults to `0`.

    Returns:
        `SolvedHead`.

    Example:

    >>> from aet_keras.drift.number_heads import solve_number_head
    >>> x = np.random.default_rng(0).normal(size=(60, 3))
    >>> head = np.ones((3, 1)), np.zeros(1)
    >>> found = solve_number_head((x, 2 * x.sum(axis=1) + 5), head)
    >>> found.start, found.kernel[:, 0].round(2), found.bias.round(2)
    ('scaled', array([2., 2., 2.], dtype=float32), array([5.], dtype=float32))
    """
    with one_thread():
        return _solved(new, head, old, seed)


def _solved(new, head, old, seed):
    parts = [each for each in (old, new) if each is not None]
    features, wanted = (
        np.concatenate([each[place] for each in parts]).astype("float64")
        for place in (0, 1)
    )
    of_new, old_count = len(new[1]), len(wanted) - len(new[1])
    scaled, mean, scale = standardised(features)
    kernel, bias = (np.asarray(each, "float64") for each in head)
    said = (features @ kernel + bias)[:, 0]
    rows = scaled, said, wanted
    errors: dict[tuple[str, float], float] = {}
    for left_out in parts_left_out(np.zeros(of_new, int), seed):
        held = np.append(np.zeros(old_count, bool), left_out)
        ridge = _Ridge(rows, weights_of(old_count, ~left_out))
        for start in _STARTS:
            for strength, found in zip(
                _STRENGTHS, ridge.solved(start), strict=True
            ):
                off = np.abs(_answers(rows, found) - wanted)[held].sum()
                key = start, strength
                errors[key] = errors.get(key, 0.0) + off / of_new
    start, strength = min(errors, key=lambda each: errors[each])
    weights = weights_of(old_count, np.ones(of_new, bool))
    solutions = _Ridge(rows, weights).solved(start)
    factor, more, rest = solutions[_STRENGTHS.index(strength)]
    more = (more / scale)[:, None]
    made = kernel * factor + more, bias * factor + rest - mean @ more
    whole = (each.astype("float32") for each in made)
    return SolvedHead(*whole, start, strength, errors[start, strength])


def weights_of(old_count: int, kept: np.ndarray) -> np.ndarray:
    """Returns the weights of old rows and then new ones; their sum is 1.

    Args:
        old_count: int >= 0. How many old rows there are.
        kept: bools `(new rows,)`. Which new ones are learned; others weigh 0.
    """
    share = 1.0
    if old_count:
        share = max(NEW_SHARE, kept.sum() / old_count)
    of_new = share * kept / kept.sum()
    weights = np.append(np.full(old_count, 1 / max(1, old_count)), of_new)
    return weights / weights.sum()


def _scaled(said, wanted, weights):
    """Returns the factor of old answers that fits best, never below 0."""
    off = said - weights @ said
    spread = weights @ off**2
    if spread <= _LEAST_SPREAD * (weights @ (wanted - weights @ wanted) ** 2):
        return 1.0
    return max(0.0, float(weights @ (off * wanted) / spread))


_STARTS = {
    "old": lambda *rows: 1.0,
    "scaled": _scaled,
    "zero": lambda *rows: 0.0,
}


class _Ridge:
    """Ridge of weighted rows; they are decomposed once for all starts."""

    def __init__(self, rows, weights):
        is_in = weights > 0
        scaled, *self._targets = (each[is_in] for each in rows)
        self._weights = weights = weights[is_in]
        self._center, self._roots = weights @ scaled, np.sqrt(weights)
        self._left, self._sizes, self._right = np.linalg.svd(
            (scaled - self._center) * self._roots[:, None], full_matrices=False
        )

    def solved(self, start):
        """Returns a factor of old answers, columns, a bias: a strength each."""
        said, wanted = self._targets
        factor = _STARTS[start](said, wanted, self._weights)
        rest = wanted - factor * said
        level = float(self._weights @ rest)
        along = self._left.T @ ((rest - level) * self._roots)
        found = []
        for strength in _STRENGTHS:
            share = self._sizes / (self._sizes**2 + strength)
            columns = self._right.T @ (share * along)
            found.append((factor, columns, level - self._center @ columns))
        return found


def _answers(rows, found):
    scaled, said, _ = rows
    factor, columns, bias = found
    return factor * said + scaled @ columns + bias
