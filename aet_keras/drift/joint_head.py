"""Solves one dense layer for new rows and old ones together."""

import numpy as np

from aet_keras.drift.heads import (
    STRENGTHS,
    SolvedHead,
    best_columns,
    column_loss,
    one_thread,
    parts_left_out,
    standardised,
)

# New rows weigh at least so much of what the old ones do: few rows among
# thousands would change nothing.
NEW_SHARE = 0.25
_MOST_NUMBERS = 2**25  # of features, once for each class: seconds


def solve_joint_head(
    new: tuple[np.ndarray, np.ndarray],
    old: tuple[np.ndarray, np.ndarray],
    head: tuple[np.ndarray, np.ndarray],
    *,
    seed: int = 0,
) -> SolvedHead:
    """Finds the best softmax layer for new rows and old ones together.

    An L2 penalty pulls its kernel to the old one. New rows weigh a quarter of
    what the old ones do, or as much as they are if that is more, and their
    classes as much as among old rows: that they are new is then not taken for
    a difference of classes. The strength of the penalty is what has the
    lowest loss on new rows left out, five times a fifth of them, from strong
    to weak.

    Args:
        new: tuple of features `(rows, width)` and labels, ints `(rows,)`.
        old: tuple of those of old rows. Of very many some are taken.
        head: tuple of the old layer's kernel `(width, classes)` and bias.
        seed: int >= 0. Of the parts that are left out. Defaults to `0`.

    Returns:
        `SolvedHead`.
    """
    stride = -(-old[0].size * len(head[1]) // _MOST_NUMBERS)
    some = old[0][::stride], old[1][::stride]
    with one_thread():
        return _solved(_Rows(new, some, head), seed)


class _Rows:
    """Features of old and new rows, in this order, standardised together."""

    def __init__(self, new, old, head):
        features = np.concatenate([old[0], new[0]]).astype("float64")
        self.labels = np.concatenate([old[1], new[1]])
        self.head, self.logits = head, features @ head[0] + head[1]
        scaled, self.mean, self.scale = standardised(features)
        # Half the seconds; its rounding is far below the loss's tolerance.
        self.features = scaled.astype("float32")
        self.old_count, self.count = len(old[1]), len(head[1])
        # New rows weigh by the frequencies of their classes.
        of_old, of_new = (
            np.bincount(each[1], minlength=self.count) + 1.0
            for each in (old, new)
        )
        of_class = of_old / of_old.sum() * of_new.sum() / of_new
        self.new_weights = of_class[new[1]]

    def learned(self, kept):
        """Returns all rows, as `column_loss` has them, new ones if kept."""
        of_new = np.where(kept, self.new_weights, 0.0)
        share = max(NEW_SHARE, kept.sum() / self.old_count)
        weights = np.append(
            np.full(self.old_count, 1 / self.old_count),
            share * of_new / of_new.sum(),
        )
        weights *= len(weights) / weights.sum()
        return self.features, self.logits, self.labels, weights

    def held(self, held):
        """Returns some of the new rows, likewise."""
        rows = self.old_count + np.flatnonzero(held)
        of_rows = self.features, self.logits, self.labels
        return *(each[rows] for each in of_rows), self.new_weights[held]

    def head_of(self, columns):
        """Returns the kernel and bias that have columns added to the old."""
        more = columns[:-1] / self.scale[:, None]
        kernel, bias = self.head
        return kernel + more, bias + columns[-1] - self.mean @ more


def _solved(rows, seed):
    """Solves from strong to weak, while the loss of rows left out falls."""
    parts = list(parts_left_out(rows.labels[rows.old_count :], seed))
    learned = [rows.learned(~part) for part in parts]
    learned.append(rows.learned(np.ones_like(parts[0])))
    nothing = np.zeros((rows.features.shape[1] + 1) * rows.count)
    found, best = [nothing] * len(learned), (np.inf, nothing, STRENGTHS[0])
    for strength in STRENGTHS:
        found = [
            best_columns(columns, each, rows.count, strength)
            for columns, each in zip(found, learned, strict=True)
        ]
        loss = sum(
            part.mean()
            * column_loss(columns, rows.held(part), rows.count, 0.0)[0]
            for part, columns in zip(parts, found[:-1], strict=True)
        )
        if loss >= best[0]:
            break
        best = loss, found[-1], strength
    loss, columns, strength = best
    kernel, bias = (
        each.astype("float32")
        for each in rows.head_of(columns.reshape(-1, rows.count))
    )
    return SolvedHead(kernel, bias, "old", strength, float(loss))
