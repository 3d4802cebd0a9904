"""Measures a recommender beside its baselines."""

from collections.abc import Mapping

import keras
import numpy as np

from aet_keras import data, evaluation
from aet_keras.evaluation.rating_biases import fit_biases

_BATCH = 4096


def compile_recommender(model: keras.Model, learning_rate: float) -> None:
    """Compiles both losses: squared error, and which item comes next."""
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
    others: data.Split,
    baselines: Mapping[str, tuple[np.ndarray | None, np.ndarray | None]],
) -> evaluation.rating_scores.Recommendation:
    """Measures a split, the baselines given by ratings and item scores.

    Args:
        model: `keras.Model`.
        split: `data.Split`.
        tables: `data.rating_lookup.RatingTables` of the rows to learn from.
        others: `data.Split` that is held out, too: its items are not shown.
        baselines: dict of name to predicted ratings `(count,)`, and scores
            `(items,)` that are the same for all users; either may be None.
    """
    users, items = (split.inputs[role][:, 0] for role in ("user", "item"))
    rated = _rated(split, others, tables)
    hidden = [rated[user] for user in users]
    ranks = []
    predicted = []
    for start in range(0, split.count, _BATCH):
        part = slice(start, start + _BATCH)
        rows = tables.rows({k: v[part] for k, v in split.inputs.items()})
        outputs = model.predict_on_batch(rows)
        predicted.append(outputs["rating"][:, 0])
        ranks.append(_ranks(outputs["rank"], items[part], hidden[part]))
    scored = {
        name: (
            ratings,
            scores
            if scores is None
            else _ranks(
                np.broadcast_to(scores, (split.count, len(scores))),
                items,
                hidden,
            ),
        )
        for name, (ratings, scores) in baselines.items()
    }
    return evaluation.measure_recommendation(
        split.labels,
        np.concatenate(predicted),
        np.concatenate(ranks),
        baselines=scored,
    )


def _rated(split, others, tables):
    """Returns for each user the columns of the items rated in any split."""
    users = np.concatenate([s.inputs["user"][:, 0] for s in (split, others)])
    items = np.concatenate([s.inputs["item"][:, 0] for s in (split, others)])
    order = np.argsort(users, kind="stable")
    users, items = users[order], items[order]
    rated = {}
    for user in np.unique(users):
        start, end = np.searchsorted(users, [user, user + 1])
        both = np.concatenate([items[start:end], tables.rated(user)])
        rated[user] = both[both > 0] - 1
    rated[0] = np.array([], int)  # strangers are not one user
    return rated


def _ranks(scores, items, rated):
    return evaluation.rating_scores.rank_items(scores[:, 1:], items - 1, rated)
