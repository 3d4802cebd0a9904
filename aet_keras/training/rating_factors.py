"""Solves the factors of users and items, once a recommender is trained."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aet_keras.data import Split
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.training.fine_tune import Run

_USERS, _ITEMS, _TASTE = "user_factors", "item_factors", "history_taste"
# Times how far predictions are off: with ratings twice as far apart, squared
# factors are twice as large, and squared errors four times.
_STRENGTHS = (40.0, 27.0, 18.0, 12.0, 8.0, 5.0)
_MOST_WORSE = 2  # of them in a row
_SWEEPS = 10
_SCALE = 0.1  # of the factors of items that the sweeps begin with
_BATCH = 4096
_BLOCK = 16_384  # rows of which squares are in memory at once
_LEAST = 1e-9


def solve_rows(
    codes: np.ndarray,
    features: np.ndarray,
    targets: np.ndarray,
    strengths: Any,
    count: int,
) -> np.ndarray:
    """Solves a ridge regression for each user, or for each item.

    Args:
        codes: ints `(rows,)`. Which one a row is of.
        features: float array `(rows, width)`.
        targets: float array `(rows,)`.
        strengths: float, or `(width,)`, >= 0. Of the squares of weights.
        count: int. How many codes there are.

    Returns:
        float64 array `(count, width)`, 0 for a code without rows.

    Example:

    >>> from aet_keras.training.rating_factors import solve_rows
    >>> ones = np.ones((3, 1))
    >>> solve_rows(np.array([0, 2, 2]), ones, np.array([4, 3, 3]), 1.0, 3)
    array([[2.],
           [0.],
           [2.]])
    """
    width = features.shape[1]
    found = np.zeros((count, width))
    # Without a penalty it may be singular.
    least = np.broadcast_to(np.maximum(strengths, _LEAST), (width,))
    penalty = np.diag(least)
    order = np.argsort(codes, kind="stable")
    seen, starts = np.unique(codes[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    done = 0
    while done < len(seen):
        # As many codes at once as a block of rows holds, and at least one.
        last = np.searchsorted(ends, starts[done] + _BLOCK, side="right")
        some = slice(done, max(int(last), done + 1))
        rows = order[starts[done] : ends[some][-1]]
        x, y = features[rows], targets[rows]
        if some.stop == done + 1:
            grams, sums = (x.T @ x)[None], (x.T @ y)[None]
        else:
            places = starts[some] - starts[done]
            grams = np.add.reduceat(x[:, :, None] * x[:, None], places)
            sums = np.add.reduceat(x * y[:, None], places)
        solved = np.linalg.solve(grams + penalty, sums[..., None])
        found[seen[some]] = solved[..., 0]
        done = some.stop
    return found


def solve_factors(
    run: Run,
    train: Split,
    validation: Split,
    tables: RatingTables,
    *,
    seed: int,
) -> Run:
    """Solves u and v of `rating = ... + <u + taste, v>`, all else as it is.

    By alternating least squares on the training rows, from small random v:
    u is solved for each user, then v for each item, ten times. Of six
    strengths, from the highest on, the one with the lowest error of the
    validation rows is chosen. Its factors are kept if that is below the error
    of those that were trained by more than half the standard error of the
    difference.

    Args:
        run: `Run` of a recommender of ratings, whose layers change in place.
        train: `data.Split` to learn from.
        validation: `data.Split` to choose by.
        tables: `data.rating_lookup.RatingTables` of the rows to learn from.
        seed: int >= 0. Of the factors that it begins with.

    Returns:
        The `Run`, with one more of its `cache_events`.

    Reference:
        [Hu et al., 2008](https://doi.org/10.1109/ICDM.2008.22), of ratings.
    """
    model = run.model
    learned, held = (_Rows(model, each, tables) for each in (train, validation))
    (kept,) = model.get_layer(_ITEMS).get_weights()
    random = np.random.default_rng(seed)
    start = random.normal(0.0, _SCALE, kept.shape)
    start[0] = 0.0  # of an unknown item
    user_count = len(model.get_layer(_USERS).get_weights()[0])
    spread = float(np.std(learned.rest))
    tried = []
    for each in _STRENGTHS:
        found = _alternate(learned, start, user_count, each * spread)
        tried.append((held.errors(*found), each * spread, *found))
        means = [errors.mean() for errors, *_ in tried]
        if len(means) - np.argmin(means) > _MOST_WORSE:
            break  # weaker ones are worse still
    errors, strength, users, items = tried[int(np.argmin(means))]
    gain = held.trained - errors
    before, after = (np.sqrt(each.mean()) for each in (held.trained, errors))
    said = f"factors solved, L2 strength {strength:.3g}: RMSE of validation "
    said += f"{before:.4f} to {after:.4f}"
    if gain.mean() > 0.5 * gain.std() / np.sqrt(len(gain)):
        penalty = strength / train.count
        for name, table in ((_USERS, users), (_ITEMS, items)):
            layer = model.get_layer(name)
            layer.set_weights([table.astype("float32")])
            # What users who come later are held by.
            layer.embeddings_regularizer = keras.regularizers.L2(penalty)
    else:
        said += "; not kept, because that can be chance"
    event = len(run.history["loss"]), said
    return dataclasses.replace(run, cache_events=[*run.cache_events, event])


class _Rows:
    """Holds what the factors of some rows must explain.

    Args:
        model: `keras.Model`.
        split: `data.Split` of the rows.
        tables: `data.rating_lookup.RatingTables`.

    Attributes:
        users, items: ints `(rows,)`, their codes.
        taste: float array `(rows, factors)`, what the history adds to u.
        trained: float array `(rows,)`, squared errors with trained factors.
        rest: float array `(rows,)`, the rating less all but `<u + taste, v>`.
    """

    def __init__(self, model, split, tables):
        self.users = split.inputs["user"][:, 0]
        self.items = split.inputs["item"][:, 0]
        said, self.taste = _outputs(model, split, tables)
        users, items = (
            model.get_layer(name).get_weights()[0] for name in (_USERS, _ITEMS)
        )
        off = split.labels - said
        self.trained = off**2
        self.rest = off + self._match(users, items)

    def _match(self, users, items):
        tastes = users[self.users] + self.taste
        return np.sum(tastes * items[self.items], axis=1)

    def errors(self, users, items):
        """Returns the squared error of each row with other factors."""
        return (self.rest - self._match(users, items)) ** 2


def _outputs(model, split, tables):
    """Returns the rating of each row, and the taste of its history."""
    asked = keras.Model(
        model.input, [model.output["rating"], model.get_layer(_TASTE).output]
    )
    said, tastes = [], []
    for start in range(0, split.count, _BATCH):
        part = slice(start, start + _BATCH)
        given = {name: each[part] for name, each in split.inputs.items()}
        rows = tables.rows(given, model.input)
        # To trace it takes longer than it runs.
        rating, taste = asked({n: rows[n] for n in model.input}, training=False)
        said.append(np.asarray(rating, "float64")[:, 0])
        tastes.append(np.asarray(taste))
    return np.concatenate(said), np.concatenate(tastes)


def _alternate(rows, items, user_count, strength):
    """Returns factors of users and of items, each solved with the others."""
    users = np.zeros((user_count, items.shape[1]))
    for _ in range(_SWEEPS):
        v = items[rows.items]
        rest = rows.rest - np.sum(rows.taste * v, axis=1)
        users = solve_rows(rows.users, v, rest, strength, user_count)
        users[0] = 0.0  # of an unknown user
        tastes = users[rows.users] + rows.taste
        items = solve_rows(rows.items, tastes, rows.rest, strength, len(items))
        items[0] = 0.0
    return users, items
