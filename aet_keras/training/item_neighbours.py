"""Solves which items go together, and adds it to a recommender."""

import dataclasses

import numpy as np

from aet_keras import tasks
from aet_keras.data import Split
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.evaluation.rating_scores import discounted, rank_items
from aet_keras.training.fine_tune import Run
from aet_keras.training.interaction_objective import SHOWN

_MOST_ITEMS = 2048  # the weights are a square of them, solved in seconds
_MOST_ROWS = 2000
_STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0)
_FACTORS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


def solve_neighbours(together: np.ndarray, strength: float) -> np.ndarray:
    """Returns the weights by which items say what else their users met.

    They minimise |X - X B|^2 + strength |B|^2 with a diagonal of 0, where X
    has a row a user, 1 for each item that it met. With P the inverse of
    X'X + strength I, B_ij = -P_ij / P_jj.

    Args:
        together: float array `(items, items)`, X'X: how many users met both.
        strength: float > 0.

    Returns:
        Float64 array `(items, items)`, from and to.

    Example:

    >>> from aet_keras.training.item_neighbours import solve_neighbours
    >>> together = np.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]])
    >>> solve_neighbours(together, 1.0)[0, 1].round(3).item()
    0.667

    Reference:
        [Steck, 2019](https://arxiv.org/abs/1905.03375).
    """
    inverse = np.linalg.inv(together + strength * np.eye(len(together)))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def add_neighbours(run: Run, validation: Split, tables: RatingTables) -> Run:
    """Adds solved neighbours to the logits, as far as validation gains by it.

    Of the most frequent items only, 2048 at most. The strength, and the factor
    of what is added, are those of the highest NDCG on at most 2000 validation
    rows; without a gain they are left at 0.

    Args:
        run: `Run` of a recommender of interactions.
        validation: `data.Split` to choose by.
        tables: `data.rating_lookup.RatingTables` of the rows to learn from.

    Returns:
        The `Run`, its model with `met_items` among the inputs.
    """
    order = np.argsort(-tables.item_counts, kind="stable")[:_MOST_ITEMS]
    items = np.sort(order[(tables.item_counts[order] > 0) & (order > 0)])
    met = tables.met()[:, items].astype("float64")
    together = (met.T @ met).toarray()
    rows = np.linspace(0, validation.count - 1, _MOST_ROWS).astype(int)
    rows = np.unique(rows)
    inputs = {name: each[rows] for name, each in validation.inputs.items()}
    users, wanted = inputs["user"][:, 0], inputs["item"][:, 0]
    logits = run.model.predict(
        tables.rows(inputs), batch_size=_MOST_ROWS, verbose=0
    )["rank"]
    hidden = [tables.rated(user) - 1 for user in users]

    def score(weights, factor):
        added = logits[:, 1:].copy()
        if factor:
            added[:, items - 1] += factor * (met[users] @ weights)
        ranks = rank_items(added, wanted - 1, hidden)
        return float(discounted(ranks, SHOWN).mean())

    best = before = score(None, 0.0)
    kernel, chosen = np.zeros((len(items), len(items))), (0.0, 0.0)
    for strength in _STRENGTHS:
        weights = solve_neighbours(together, strength)
        for factor in _FACTORS[1:]:
            found = score(weights, factor)
            if found > best:
                best, kernel = found, factor * weights
                chosen = strength, factor
    said = (
        f"items that go together solved, strength {chosen[0]:g}, and added "
        f"{chosen[1]:g} times: NDCG of validation {before:.4f} to {best:.4f}"
    )
    epoch = len(run.history["loss"])
    return dataclasses.replace(
        run,
        model=tasks.rating_model.with_neighbours(run.model, items, kernel),
        cache_events=[*run.cache_events, (epoch, said)],
    )
