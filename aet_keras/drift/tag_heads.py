"""Solves the dense layer of tags, a logistic regression each."""

import numpy as np
from scipy import optimize, special

from aet_keras.drift.heads import (
    SolvedHead,
    one_thread,
    parts_left_out,
    standardised,
)
from aet_keras.drift.number_heads import weights_of
from aet_keras.replay import lbfgs

Pair = tuple[np.ndarray, np.ndarray]
_STRENGTHS = (1.0, *lbfgs.STRENGTHS)
_ITERATIONS, _TOLERANCE = 100, 1e-6


def solve_tag_head(
    new: Pair, head: Pair, *, old: Pair | None = None, seed: int = 0
) -> SolvedHead:
    """Finds the best dense layer of tags, with a sigmoid of each.

    An L2 penalty pulls its kernel to the old one, or without old rows also to
    zero. Which of these, and how strongly, is what has the lowest mean
    cross-entropy on new rows left out, five times a fifth of them. With old
    rows, new ones weigh a quarter of what the old ones do, or as much as they
    are if that is more.

    Args:
        new: tuple of features `(rows, width)` and tags, 0 and 1,
            `(rows, tags)`.
        head: tuple of the old kernel `(width, tags)` and bias `(tags,)`.
        old: optional tuple of features and tags of old rows. Defaults to
            none.
        seed: int >= 0. Of the parts that are left out. Defaults to `0`.

    Returns:
        `SolvedHead`, whose `held_out` are probabilities of new rows.
    """
    with one_thread():
        return _solved(new, head, old, seed)


def _solved(new, head, old, seed):
    rows = _Rows(new, head, old)
    starts = ("old", "zero") if old is None else ("old",)
    losses: dict[tuple[str, float], float] = {}
    said: dict[tuple[str, float], np.ndarray] = {}
    for left_out in parts_left_out(np.zeros(len(new[1]), int), seed):
        for start in starts:
            for strength, columns in rows.path(start, ~left_out):
                key = start, strength
                shares = rows.shares(start, columns)[rows.old_count :]
                loss = _losses(shares[left_out], new[1][left_out]).sum()
                losses[key] = losses.get(key, 0.0) + loss / len(new[1])
                held = said.setdefault(key, np.zeros(new[1].shape))
                held[left_out] = shares[left_out]
    start, strength = min(losses, key=lambda each: losses[each])
    solved = dict(rows.path(start, np.ones(len(new[1]), bool)))
    kernel, bias = rows.head_of(start, solved[strength])
    key = start, strength
    return SolvedHead(
        kernel.astype("float32"),
        bias.astype("float32"),
        start,
        strength,
        losses[key],
        said[key],
    )


class _Rows:
    """Old rows and then new ones, in what their features span."""

    def __init__(self, new, head, old):
        parts = [each for each in (old, new) if each is not None]
        features, self.tags = (
            np.concatenate([each[place] for each in parts]).astype("float64")
            for place in (0, 1)
        )
        self.old_count = len(self.tags) - len(new[1])
        self.head = tuple(np.asarray(each, "float64") for each in head)
        scaled, self.mean, scale = standardised(features)
        span = np.linalg.svd(scaled, full_matrices=False)[2].T
        self.to_kernel = span / scale[:, None]
        self.features = scaled @ span
        of_old = features @ self.head[0] + self.head[1]
        self.logits = {"old": of_old, "zero": np.zeros_like(of_old)}

    def path(self, start, kept):
        """Yields each strength with its columns, from strong to weak."""
        weights = weights_of(self.old_count, kept)
        is_in = weights > 0
        rows = self.features[is_in], self.logits[start][is_in]
        rows = *rows, self.tags[is_in], weights[is_in]
        shape = self.features.shape[1] + 1, self.tags.shape[1]
        flat = np.zeros(shape[0] * shape[1])
        for strength in _STRENGTHS:
            flat = optimize.minimize(
                _loss,
                flat,
                (rows, strength),
                method="L-BFGS-B",
                jac=True,
                options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE},
            ).x
            yield strength, flat.reshape(shape)

    def shares(self, start, columns):
        """Returns the probabilities of all rows, with columns added."""
        added = self.features @ columns[:-1] + columns[-1]
        return special.expit(self.logits[start] + added)

    def head_of(self, start, columns):
        """Returns the kernel and bias of such columns."""
        more = self.to_kernel @ columns[:-1]
        kernel, bias = more, columns[-1] - self.mean @ more
        if start == "zero":
            return kernel, bias
        return kernel + self.head[0], bias + self.head[1]


def _loss(flat, rows, strength):
    """Returns the cross-entropy of all tags, summed, and its slope."""
    features, logits, tags, weights = rows
    columns = flat.reshape(-1, tags.shape[1])
    scores = logits + features @ columns[:-1] + columns[-1]
    losses = np.logaddexp(0, scores) - tags * scores
    slopes = (special.expit(scores) - tags) * weights[:, None]
    gradient = np.vstack([features.T @ slopes, slopes.sum(axis=0)])
    gradient[:-1] += strength * columns[:-1]
    loss = weights @ losses.sum(axis=1)
    loss += 0.5 * strength * np.square(columns[:-1]).sum()
    return loss, gradient.ravel()


def _losses(shares, tags):
    likely = np.clip(np.where(tags > 0, shares, 1 - shares), 1e-7, 1)
    return -np.log(likely).mean(axis=1)
