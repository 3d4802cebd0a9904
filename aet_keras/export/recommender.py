"""Writes the SavedModel of a recommender."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check
from aet_keras.data import RatingSpecification
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.export import _program, _recommending, _warm_up
from aet_keras.export._description import describe
from aet_keras.export._id_tables import check_ids, code_table, id_table
from aet_keras.export._signatures import DEFAULT
from aet_keras.export.comparison import Comparison, hold, load
from aet_keras.publishing.manifest import write_manifest

_OWNER = "write_recommender"
_SHOWN = 10


def write_recommender(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    specification: RatingSpecification,
    tables: RatingTables,
) -> Path:
    """Writes a recommender as a SavedModel that takes ids as strings.

    - `serving_default`: `user` and `item`, strings `(batch,)`. It returns
      `scores`, float32 `(batch,)`, the rating that is foretold, and
      `is_known`, whether both ids are. An unknown user has no bias of its
      own, an unknown item neither: what is left is the mean.
    - `top_k`: `user`, strings, and `k`, int32, both `(batch,)`. It returns
      the k best items that the user has not rated: `items`, strings
      `(batch, most k)`, `scores`, the probability that it is rated next,
      `ratings`, the rating that is foretold, and `is_known` `(batch,)`.
      Unknown users get what is popular. Where there are fewer than k items
      left, `""` with score 0 fills up; a k above the number of items is that
      number.
    - `history`: `items`, strings, and `ratings`, float32, both
      `(batch, any)`, and `k`. For somebody who is no user yet: the same
      outputs as `top_k`. Pad with `""`; unknown items count for nothing, and
      `is_known` says whether there is any known one.
    - `reasons`: `user` and `item`. What `scores` rests on: beside it, what
      would be foretold `without_user` and `without_item`, of whom nothing is
      known then, `items` and `ratings` `(batch, history)`, what the user
      rated, and `without`, what would be foretold without each. `""` fills up.
    - `features`, where the model looks at any: `user`, `item` and each column
      of a feature, strings `(batch,)`; the outputs of `serving_default`,
      which takes the features that an id usually has.

    Ids stand in the assets `users.txt` and `items.txt`.

    Args:
        model: `keras.Model`, as `aet_keras.tasks.build_recommender` builds.
        directory: str or path-like. Where to write; made if missing.
        specification: `aet_keras.data.RatingSpecification`.
        tables: `aet_keras.data.rating_lookup.RatingTables` of all ratings.

    Returns:
        `pathlib.Path`, the directory.

    Raises:
        ValueError: if the model takes other inputs, the tables have other
            sizes, or an id is empty or holds a line break.

    Example: see `examples/13_recommend_films.py`.

    >>> inputs = keras.Input((2,))
    >>> model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    >>> try:
    ...     aet_keras.export.write_recommender(
    ...         model, "x", specification=None, tables=None
    ...     )
    ... except ValueError as error:
    ...     "`history_items`" in str(error)
    True
    """
    _check_model(model)
    _check_sizes(model, specification, tables)
    check_ids(_OWNER, "user", specification.users)
    check_ids(_OWNER, "item", specification.items)
    directory = Path(directory)
    with tempfile.TemporaryDirectory() as folder:
        lookups = {
            "users": code_table(
                Path(folder) / "users.txt", specification.users
            ),
            "items": code_table(
                Path(folder) / "items.txt", specification.items
            ),
            "names": id_table(Path(folder) / "items.txt", specification.items),
        }
        built = _recommending.build(model, specification, tables, lookups)
        _program.save(directory, built.functions, built.kept)
    users, items = specification.users[:2], specification.items[:2]
    _warm_up.write(
        directory, _recommending.requests(built.functions, users, items)
    )
    write_manifest(directory, describe(built.functions, 0))
    return directory


def compare_recommender_export(
    directory: str | os.PathLike,
    model: keras.Model,
    rows: Mapping[str, np.ndarray],
    *,
    specification: RatingSpecification,
    tables: RatingTables,
    tolerance: float = 1e-5,
) -> Comparison:
    """Loads an export again and holds it against the model it came from.

    Ratings of all rows go in at once, then the first one alone, then the
    probabilities of the ten best items of each user.

    Args:
        directory: str or path-like. What `write_recommender` wrote.
        model: the `keras.Model` it was written from.
        rows: dict of `user` and `item`, int codes `(count, 1)`, at least two
            rows for the spread; code 0 is tried as an id nobody knows.
        specification: `aet_keras.data.RatingSpecification`.
        tables: `aet_keras.data.rating_lookup.RatingTables` that were written.
        tolerance: float > 0. The largest difference to accept.

    Returns:
        A `Comparison`.

    Raises:
        ExportError: if the export cannot be loaded, differs by more than
            `tolerance`, or puts out other shapes or numbers that are not
            finite.

    Example: see `examples/13_recommend_films.py`.

    >>> try:
    ...     aet_keras.export.compare_recommender_export(
    ...         "nowhere", None, {}, specification=None, tables=None,
    ...         tolerance=0,
    ...     )
    ... except ValueError as error:
    ...     "`tolerance` must be" in str(error)
    True
    """
    owner = "compare_recommender_export"
    _check.positive(owner, tolerance=tolerance)
    expected = _said(model, tables.rows(rows))["rating"]
    # Of no item in particular, so that none is left out of the history.
    nothing = {**rows, "item": np.zeros_like(rows["item"])}
    logits = _said(model, tables.rows(nothing))["rank"]
    shown = _best(logits, rows["user"][:, 0], tables)
    # The object must outlive its functions: it holds the weights.
    exported = load(owner, directory)
    users, items = (
        _ids(rows[side][:, 0], getattr(specification, f"{side}s"))
        for side in ("user", "item")
    )
    ratings = hold(
        owner,
        directory,
        _served(exported, users, items),
        expected,
        tolerance=tolerance,
        rows="ratings",
    )
    top = exported.signatures["top_k"](
        user=tf.constant(users), k=tf.fill([len(users)], _SHOWN)
    )
    best = [("the best items", len(users), top["scores"].numpy())]
    ranks = hold(
        owner, directory, best, shown, tolerance=tolerance, rows="ratings"
    )
    return Comparison(
        max(ratings.difference, ranks.difference),
        ratings.count,
        ratings.spread,
        "ratings",
    )


def _check_model(model):
    given = getattr(model, "input", None)
    names = set(given) if isinstance(given, dict) else set()
    lacking = {"user", "item", "history_items", "history_ratings"} - names
    if lacking:
        raise ValueError(
            f"{_OWNER}: the model must take a dict of `user`, `item`, "
            "`history_items` and `history_ratings`, because these are looked "
            f"up by the ids. Received: {sorted(names) or type(given).__name__}."
            " Build it with `aet_keras.tasks.build_recommender`."
        )


def _check_sizes(model, specification, tables):
    length = model.input["history_items"].shape[1]
    wanted = {
        "users": 1 + len(specification.users),
        "items": 1 + len(specification.items),
        "history": length,
    }
    given = {
        "users": len(tables.history_items),
        "items": len(tables.item_counts),
        "history": tables.history_items.shape[1],
    }
    if wanted != given:
        raise ValueError(
            f"{_OWNER}: the tables must be those of the model and its ids. "
            f"Received: {given} for {wanted}. Make them with "
            "`aet_keras.data.make_rating_tables`."
        )


def _ids(codes, names):
    known = ["", *names]
    return [known[code].encode() for code in codes]


def _said(model, rows):
    @tf.function(jit_compile=False, autograph=False)
    def call(rows):
        return model(rows, training=False)

    said = call({name: tf.constant(column) for name, column in rows.items()})
    return {name: each.numpy().astype("float32") for name, each in said.items()}


def _best(logits, users, tables):
    """Returns the probabilities of the best items, the best one first."""
    logits = logits.astype("float64")
    logits[:, 0] = -np.inf
    for row, user in enumerate(users):
        logits[row, tables.rated(user)] = -np.inf
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = -np.sort(-odds / odds.sum(axis=1, keepdims=True), axis=1)
    return shares[:, : min(_SHOWN, shares.shape[1] - 1)].astype("float32")


def _served(exported, users, items):
    """Yields what went in, how many, and which ratings came out."""
    serve = exported.signatures[DEFAULT]
    for what, count in (("all ratings", len(users)), ("one rating", 1)):
        outputs = serve(
            user=tf.constant(users[:count]), item=tf.constant(items[:count])
        )
        yield what, count, outputs["scores"].numpy()[:, None]
