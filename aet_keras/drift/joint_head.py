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
_NEW_SHARE = 0.25
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
        self.features, self.mean, self.scale = standardised(features)
        self.old_count, self.count = len(old[1]), len(head[1])

    @property
    def new_labels(self):
        return self.labels[self.old_count :]

    def take(self, kept):
        """Returns old rows and some of the new, as `column_loss` has them."""
        features, logits, labels, of_new = self.new(kept)
        share = max(_NEW_SHARE, len(labels) / self.old_count)
        weights = np.append(
            np.full(self.old_count, 1 / self.old_count),
            share * of_new / of_new.sum(),
        )
        both = [
            np.concatenate([old[: self.old_count], new])
            for old, new in (
                (self.features, features),
                (self.logits, logits),
                (self.labels, labels),
            )
        ]
        return *both, weights * len(weights) / weights.sum()

    def new(self, kept):
        """Returns some of the new rows, as `column_loss` has them."""
        rows = self.old_count + np.flatnonzero(kept)
        labels = self.labels[rows]
        return self.features[rows], self.logits[rows], labels, self._of(labels)

    def _of(self, labels):
        """Returns the weights of new rows, by their classes' frequencies."""
        old, new = (
            np.bincount(each, minlength=self.count) + 1.0
            for each in (self.labels[: self.old_count], self.new_labels)
        )
        return (old / old.sum() * new.sum() / new)[labels]

    def head_of(self, columns):
        """Returns the kernel and bias that have columns added to the old."""
        more = columns[:-1] / self.scale[:, None]
        kernel, bias = self.head
        return kernel + more, bias + columns[-1] - self.mean @ more


def _solved(rows, seed):
    """Solves from strong to weak, while the loss of rows left out falls."""
    labels = rows.new_labels
    parts = list(parts_left_out(labels, seed))
    learned = [rows.take(~part) for part in parts]
    learned.append(rows.take(np.ones(len(labels), bool)))
    nothing = np.zeros((rows.features.shape[1] + 1) * rows.count)
    found, best = [nothing] * len(learned), (np.inf, nothing, STRENGTHS[0])
    for strength in STRENGTHS:
        found = [
            best_columns(columns, each, rows.count, strength)
            for columns, each in zip(found, learned, strict=True)
        ]
        loss = sum(
            part.mean()
            * column_loss(columns, rows.new(part), rows.count, 0.0)[0]
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
