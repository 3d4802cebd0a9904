"""Measures a recommender beside its baselines."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import callbacks, data, evaluation
from aet_keras.evaluation.rating_biases import fit_biases
from aet_keras.training.interaction_objective import (
    RankedNDCG,
    compared_cross_entropy,
)

_BATCH = 4096


def compile_recommender(model: keras.Model, learning_rate: float) -> None:
    """Compiles both losses: squared error, and which item comes next.

    Of interactions there is the second alone, over the items that a row's
    labels compare.
    """
    if "rating" not in model.output:
        model.compile(
            keras.optimizers.Adam(learning_rate),
            loss={"rank": compared_cross_entropy},
            metrics={"rank": [RankedNDCG(name="ndcg")]},
        )
        return
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss={
            "rating": "mse",
            "rank": keras.losses.SparseCategoricalCrossentropy(
                from_logits=True
            ),
        },
        metrics={"rating": [keras.metrics.RootMeanSquaredError(name="rmse")]},
    )


def best_kept(
    specification: data.specifications.RatingSpecification, **settings: Any
) -> callbacks.KeepBest:
    """Keeps the epoch of the lowest error, or the highest NDCG if unrated."""
    if specification.has_ratings:
        return callbacks.KeepBest("val_rating_rmse", mode="min", **settings)
    return callbacks.KeepBest("val_ndcg", mode="max", **settings)


def history_length(model: keras.Model) -> int:
    """Returns how many past ratings of a user a recommender looks at."""
    return model.input["history_items"].shape[1]


def usual_biases(dataset: data.Dataset) -> evaluation.rating_biases.Biases:
    """Fits the bias baseline, tuned on validation."""
    specification = dataset.specification
    train, judged = dataset.train, dataset.validation
    return fit_biases(
        train.inputs["user"],
        train.inputs["item"],
        train.labels,
        validation=(
            judged.inputs["user"],
            judged.inputs["item"],
            judged.labels,
        ),
        user_count=1 + len(specification.users),
        item_count=1 + len(specification.items),
    )


def measure_split(
    model: keras.Model,
    split: data.Split,
    tables: data.rating_lookup.RatingTables,
    *,
    others: data.Split | None,
    baselines: Mapping[str, tuple[np.ndarray | None, Any]],
) -> evaluation.rating_scores.Recommendation:
    """Measures a split, the baselines given by ratings and item scores.

    Args:
        model: `keras.Model`.
        split: `data.Split`.
        tables: `data.rating_lookup.RatingTables` of the rows to learn from.
        others: optional `data.Split` whose items are not shown, either.
        baselines: dict of name to predicted ratings `(count,)`, and scores
            `(items,)` that are the same for all users, or a function of the
            codes of users that returns `(users, items)`; any may be None.
    """
    users, items = (split.inputs[role][:, 0] for role in ("user", "item"))
    rated = _rated(split, others, tables)
    hidden = [rated[user] for user in users]
    ranks = []
    predicted: list[np.ndarray] = []
    for start in range(0, split.count, _BATCH):
        part = slice(start, start + _BATCH)
        given = {k: v[part] for k, v in split.inputs.items()}
        rows = tables.rows(given, model.input)
        outputs = model.predict_on_batch(rows)
        if "rating" in outputs:
            predicted.append(outputs["rating"][:, 0])
        ranks.append(_ranks(outputs["rank"], items[part], hidden[part]))
    scored = {
        name: (
            ratings,
            scores
            if scores is None
            else _ranks_of(scores, users, items, hidden),
        )
        for name, (ratings, scores) in baselines.items()
    }
    return evaluation.measure_recommendation(
        split.labels,
        np.concatenate(predicted) if predicted else None,
        np.concatenate(ranks),
        baselines=scored,
    )


def _rated(split, others, tables):
    """Returns for each user the columns of the items rated in any split."""
    held = [split] if others is None else [split, others]
    users = np.concatenate([s.inputs["user"][:, 0] for s in held])
    items = np.concatenate([s.inputs["item"][:, 0] for s in held])
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    rated = {}
    for user in np.unique(users):
        start, end = np.searchsorted(users, [user, user + 1])
        both = np.concatenate([items[start:end], tables.rated(user)])
        rated[user] = both[both > 0] - 1
    rated[0] = np.array([], int)  # strangers are not one user
    return rated


def item_cosine(
    tables: data.rating_lookup.RatingTables,
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the baseline of neighbours: what is like a user's items.

    The score of an item is the sum, over the items that the user met, of the
    cosine of the two columns of the matrix of who met what.

    Args:
        tables: `data.rating_lookup.RatingTables` of the rows to learn from.

    Returns:
        Function of the codes of users that returns scores `(users, items)`.
    """
    met = tables.met().astype("float64")
    sizes = np.sqrt(np.maximum(1.0, np.asarray(met.sum(axis=0))[0]))
    scaled = met.multiply(1 / sizes).tocsr()  # columns of length 1

    def score(users):
        return ((scaled[users] @ met.T) @ scaled).toarray()

    return score


def _ranks_of(scores, users, items, hidden):
    """Returns the ranks of a baseline, a few rows at a time."""
    found = []
    for start in range(0, len(users), _BATCH):
        part = slice(start, start + _BATCH)
        if callable(scores):
            each = scores(users[part])
        else:
            each = np.broadcast_to(scores, (len(users[part]), len(scores)))
        found.append(_ranks(each, items[part], hidden[part]))
    return np.concatenate(found)


def _ranks(scores, items, rated):
    return evaluation.rating_scores.rank_items(scores[:, 1:], items - 1, rated)
