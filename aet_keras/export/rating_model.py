"""Writes the SavedModel of a recommender."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from aet_keras import _check
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.data.specifications import RatingSpecification
from aet_keras.export import rating_answers
from aet_keras.export import saved_model as written

_OWNER = "write_rating_model"


def write_rating_model(
    model: keras.Model,
    directory: str | os.PathLike,
    *,
    specification: RatingSpecification,
    tables: RatingTables,
) -> Path:
    """Writes a recommender as a SavedModel that takes ids as strings.

    - `serving_default`: `user` and `item`, strings `(batch,)`. It returns
      `scores`, float32 `(batch,)`, the predicted rating, and
      `is_known`, whether both ids are. An unknown user has no bias of its
      own, an unknown item neither: what is left is the mean.
    - `top_k`: `user`, strings, and `k`, int32, both `(batch,)`. It returns
      the k best items that the user has not rated: `items`, strings
      `(batch, most k)`, `scores`, the probability that it is rated next,
      `ratings`, the predicted ratings, and `is_known` `(batch,)`.
      Unknown users get what is popular. Where there are fewer than k items
      left, `""` with score 0 fills up; a k above the number of items is that
      number.
    - `history`: `items`, strings, and `ratings`, float32, both
      `(batch, any)`, and `k`. For someone who is not a user yet: the same
      outputs as `top_k`. Pad with `""`; unknown items count for nothing, and
      `is_known` says whether there is any known one.
    - `reasons`: `user` and `item`. What `scores` rests on: beside it, what
      would be predicted `without_user` and `without_item`, of whom nothing is
      known then, `items` and `ratings` `(batch, history)`, what the user
      rated, and `without`, the prediction without each. `""` fills up.
    - Of interactions, `scores` of `serving_default` is the probability that
      the item is the next one, of all that the user has not met; there are no
      `ratings`, and no `without_item`.
    - `features`, where the model looks at any: `user`, `item` and each column
      of a feature, strings `(batch,)`; the outputs of `serving_default`,
      which takes the features that an id usually has.

    Ids are in the assets `users.txt` and `items.txt`.

    Args:
        model: `keras.Model`, as `aet_keras.tasks.build_recommender` builds.
        directory: str or path-like. Where to write; made if missing.
        specification: `aet_keras.data.specifications.RatingSpecification`.
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
    ...     aet_keras.export.write_rating_model(
    ...         model, "x", specification=None, tables=None
    ...     )
    ... except ValueError as error:
    ...     "`history_items`" in str(error)
    True
    """
    _check_model(model, specification)
    _check_sizes(model, specification, tables)
    _check_ids("user", specification.users)
    _check_ids("item", specification.items)

    def build(folder):
        users, items = folder / "users.txt", folder / "items.txt"
        lookups = {
            "users": written.code_table(users, specification.users),
            "items": written.code_table(items, specification.items),
            "names": written.label_table(items, specification.items),
        }
        return rating_answers.build(model, specification, tables, lookups)

    users, items = specification.users[:2], specification.items[:2]
    return written.write_saved_model(
        directory,
        build,
        lambda functions: rating_answers.requests(functions, users, items),
        kind="rating",
        class_count=0,
    )


def _check_model(model, specification):
    given = getattr(model, "input", None)
    names = set(given) if isinstance(given, dict) else set()
    has_ratings = specification is None or specification.has_ratings
    more = "history_ratings" if has_ratings else "met_items"
    wanted = {"user", "item", "history_items", more}
    lacking = wanted - names
    if lacking:
        raise ValueError(
            f"{_OWNER}: the model must take a dict of `user`, `item`, "
            f"`history_items` and `{more}`, because these are looked up by the "
            f"ids. Received: {sorted(names) or type(given).__name__}. Build it "
            "with `aet_keras.tasks.build_recommender`."
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


def _check_ids(what: str, ids: Sequence[str]) -> None:
    """Makes sure that ids can stand one a line."""
    for each in ids:
        if not (each and _check.is_one_line(each)):
            raise ValueError(
                f"{_OWNER}: an id must be one line of text, because files hold "
                f"one a line. Received: {what} {each!r}. Rename it."
            )
