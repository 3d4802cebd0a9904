"""Builds a recommender, which predicts ratings and ranks items."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from aet_keras import _check as check
from aet_keras import layers
from aet_keras.data.specifications import RatingSpecification
from aet_keras.evaluation.rating_biases import Biases

_RATING, _RANK = "rating", "rank"
_USER_GROUP = "user_"  # what the names of layers with rows a user begin with
_ITEM_GROUP, _ITEM_KEYS = "item_", ("history_keys", "rank_keys")


def build_recommender(
    specification: RatingSpecification,
    biases: Biases | None,
    *,
    item_counts: Any,
    factors: int = 16,
    rank_factors: int = 32,
    history_length: int = 50,
    user_effect_strength: float = 120.0,
    item_effect_strength: float = 30.0,
    factor_strength: float = 40.0,
    rank_strength: float = 5.0,
) -> keras.Model:
    """Builds two towers, one for users and one for items.

    rating = mean + b_user + b_item + the effect of each feature, also on this
    very user and item + <u, v>: the vector u is the user's own and what soft
    attention over the user's ratings makes of them, v is the item's. `rank`
    holds a logit for each item, of being rated next: log of how often it is
    rated + <r, w>, r again of the user's own and of the history.

    All but the biases starts at 0, so that a new model predicts what
    `biases` does and ranks by popularity. Squared weights are penalised by
    a strength over the number of ratings, which makes a strength what it is
    in ridge regression: as many ratings that say nothing special. Code 0 is
    an unknown user, item or value. Of an unknown user with a history the
    bias is that of least squares on the history.

    Of interactions there is `rank` alone, and r is also of the user's
    features.

    Args:
        specification: `aet_keras.data.specifications.RatingSpecification`.
        biases: `aet_keras.evaluation.rating_biases.Biases` of the training
            rows; `None` of interactions.
        item_counts: ints, one a code of an item: how often it is rated in
            the training rows.
        factors: int >= 1. Width of u and v. Defaults to `16`.
        rank_factors: int >= 1. Width of r and w. Defaults to `32`.
        history_length: int >= 1. How many ratings of a user are looked at.
        user_effect_strength: float >= 0. Of what each feature adds for one
            user. Users have fewer ratings than items. Defaults to `120.0`.
        item_effect_strength: float >= 0. Of what each feature adds for one
            item. Defaults to `30.0`.
        factor_strength: float >= 0. Of u and v.
        rank_strength: float >= 0. Of r and w.

    Returns:
        A `keras.Model` from a dict of `user` and `item` `(batch, 1)`,
        `user_features` and `item_features` where there are any,
        `history_items` and `history_ratings` `(batch, history_length)` to a
        dict of `rating` `(batch, 1)` and `rank` `(batch, items)`. Of
        interactions without what has `ratings` in its name.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of its range, or the biases are of others.

    Example:

    >>> specification = aet_keras.data.specifications.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("Alien",)
    ... )
    >>> biases = aet_keras.evaluation.rating_biases.Biases(
    ...     3.0, np.zeros(2), np.array([0.0, 0.5]), 5.0, 5.0
    ... )
    >>> model = aet_keras.tasks.build_recommender(
    ...     specification, biases, item_counts=[0, 1], history_length=2
    ... )
    >>> rows = {"user": np.array([[1]]), "item": np.array([[1]])}
    >>> history = np.zeros((1, 2))
    >>> rows |= {"history_items": history, "history_ratings": history}
    >>> model.predict(rows, verbose=0)["rating"].item()
    3.5
    """
    owner = "build_recommender"
    check.instance(owner, of=RatingSpecification, specification=specification)
    check.positive_int(owner, factors=factors)
    check.positive_int(owner, rank_factors=rank_factors)
    check.positive_int(owner, history_length=history_length)
    for name, value in (
        ("user_effect_strength", user_effect_strength),
        ("item_effect_strength", item_effect_strength),
        ("factor_strength", factor_strength),
        ("rank_strength", rank_strength),
    ):
        check.number(owner, least=0, **{name: value})
    counts = np.ravel(np.asarray(item_counts, "float64"))
    _check_biases(owner, specification, biases, counts)
    rows = counts.sum()
    tables = Tables(specification, rows, factors)
    inputs = _inputs(specification, history_length)
    ranking = rank_factors, rank_strength
    if biases is None:
        is_past = ops.not_equal(inputs["history_items"], 0)
        logits = _rank(tables, inputs, is_past, counts, ranking)
        return keras.Model(inputs, {_RANK: logits}, name="recommender")
    user, item = inputs["user"], inputs["item"]

    item_level = keras.layers.Rescaling(1.0, offset=biases.mean, name="level")
    item_bias = tables.biases("item_bias", biases.items, biases.item_strength)
    past = inputs["history_items"]
    is_past = ops.not_equal(past, 0)  # (batch, history)
    surprise = inputs["history_ratings"] - item_level(item_bias(past))[..., 0]
    surprise = ops.where(is_past, surprise, 0.0)

    known = tables.biases("user_bias", biases.users, biases.user_strength)
    count = ops.sum(ops.cast(is_past, "float32"), axis=1, keepdims=True)
    guessed = ops.sum(surprise, axis=1, keepdims=True) / (
        count + max(biases.user_strength, 1e-6)
    )
    user_level = ops.where(ops.equal(user, 0), guessed, known(user)[:, 0])

    effects = tables.effects(
        inputs, user=user_effect_strength, item=item_effect_strength
    )
    keys = tables.rows("history_keys", len(counts), factor_strength)(past)
    taste = _pooled("history", keys * surprise[..., None], is_past, factors)
    own = tables.rows("user_factors", None, factor_strength, "zeros")(user)
    vector = tables.rows("item_factors", len(counts), factor_strength)(item)
    match = ops.sum((own[:, 0] + taste) * vector[:, 0], -1, keepdims=True)
    rating = keras.layers.Add(name=_RATING, dtype="float32")(
        [item_level(item_bias(item))[:, 0], user_level, *effects, match]
    )
    rank = _rank(tables, inputs, is_past, counts, ranking)
    return keras.Model(
        inputs, {_RATING: rating, _RANK: rank}, name="recommender"
    )


def _inputs(specification, history_length):
    inputs = {
        name: keras.Input((1,), dtype="int32", name=name)
        for name in ("user", "item")
    }
    for name in ("user_features", "item_features"):
        width = len(getattr(specification, name))
        if width:
            inputs[name] = keras.Input((width,), dtype="int32", name=name)
    inputs["history_items"] = keras.Input(
        (history_length,), dtype="int32", name="history_items"
    )
    if specification.has_ratings:
        inputs["history_ratings"] = keras.Input(
            (history_length,), name="history_ratings"
        )
    return inputs


def _pooled(name, seen, is_past, width):
    """Returns the output of attention over a history; zero at the start."""
    x = layers.SoftAttentionPooling(units=width, name=f"{name}_attention")(
        seen, mask=is_past
    )
    return keras.layers.Dense(
        width, use_bias=False, kernel_initializer="zeros", name=f"{name}_taste"
    )(x)


def _rank(tables, inputs, is_past, counts, settings):
    width, strength = settings
    own = tables.rows("user_rank", None, strength, "zeros", width)
    seen = tables.rows("rank_keys", len(counts), strength, width=width)(
        inputs["history_items"]
    )
    x = own(inputs["user"])[:, 0] + _pooled("rank", seen, is_past, width)
    if "history_ratings" not in inputs:  # nothing else looks at features
        for taste in tables.tastes(inputs, strength, width):
            x = x + taste
    logits = keras.layers.Dense(
        len(counts),
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.1),
        kernel_regularizer=tables.penalty(strength),
        name=_RANK,
        dtype="float32",
    )
    logits.build((None, width))
    kernel, _ = logits.get_weights()
    logits.set_weights([kernel, np.log(counts + 0.5).astype("float32")])
    return logits(x)


def _check_biases(owner, specification, biases, counts):
    if (biases is None) == specification.has_ratings:
        given = "none" if biases is None else "some, of interactions"
        raise ValueError(
            f"{owner}: biases must go with ratings, because interactions have "
            f"none. Received: {given}. Give `None` where "
            "`specification.has_ratings` is false."
        )
    wanted = 1 + len(specification.users), 1 + len(specification.items)
    if biases is None:
        biases = Biases(0.0, np.zeros(wanted[0]), np.zeros(len(counts)), 0, 0)
    given = len(biases.users), len(biases.items)
    if given != wanted or len(counts) != wanted[1]:
        raise ValueError(
            f"{owner}: there must be a bias for each code of a user or item, "
            "and a count for each of an item, those of the unknown included. "
            f"Received: {given} biases and {len(counts)} counts for {wanted} "
            "codes. Fit them with "
            "`aet_keras.evaluation.rating_biases.fit_biases`."
        )


def with_neighbours(
    model: keras.Model, items: np.ndarray, kernel: np.ndarray
) -> keras.Model:
    """Returns a recommender whose logits of items get those of neighbours.

    What is added to the logit of an item is the sum of the weights that the
    items a user met have for it. The layers of `model` are shared.

    Args:
        model: `keras.Model` of interactions, as `build_recommender` builds.
        items: ints `(neighbours,)`. The codes of the items that have weights.
        kernel: float array `(neighbours, neighbours)`, from and to.

    Returns:
        A `keras.Model` that also takes `met_items` `(batch, items)`.
    """
    count = model.output[_RANK].shape[-1]
    met = keras.Input((count,), name="met_items")
    place = np.full(count, len(items))
    place[items] = np.arange(len(items))
    layer = keras.layers.Dense(
        len(items), use_bias=False, trainable=False, name="neighbours"
    )
    said = layer(ops.take(met, items.tolist(), axis=1))
    layer.set_weights([kernel.astype("float32")])
    said = ops.concatenate([said, 0 * said[:, :1]], axis=1)
    logits = model.output[_RANK] + ops.take(said, place.tolist(), axis=1)
    inputs = {**model.input, "met_items": met}
    return keras.Model(inputs, {_RANK: logits}, name="recommender")


def user_layers(model: keras.Model) -> Sequence[str]:
    """Returns the names of the layers that hold a row a user.

    Example: see `adapt_users`.

    >>> aet_keras.tasks.rating_model.user_layers(keras.Sequential())
    []
    """
    return [
        layer.name
        for layer in model.layers
        if layer.name.startswith(_USER_GROUP) and layer.weights
    ]


def item_layers(model: keras.Model) -> Sequence[str]:
    """Returns the names of the tables that hold a row an item.

    What ranks has a column an item, too: the layer `rank`.

    Example:

    >>> aet_keras.tasks.rating_model.item_layers(keras.Sequential())
    []
    """
    return [
        layer.name
        for layer in model.layers
        if layer.weights
        and (layer.name.startswith(_ITEM_GROUP) or layer.name in _ITEM_KEYS)
    ]


_SHARED = 10.0  # strength of an effect that all ratings with a value share


class Tables:
    """Makes the layers that hold a row a user, an item or a value.

    Args:
        specification: `aet_keras.data.specifications.RatingSpecification`.
        row_count: number of training rows; a penalty is a share of it.
        factors: int. Width of a row, unless another is given.
    """

    def __init__(self, specification, row_count, factors):
        self._specification = specification
        self._rows = row_count
        self.factors = factors
        self.user_count = 1 + len(specification.users)
        self.item_count = 1 + len(specification.items)

    def penalty(self, strength):
        """Returns the factor that makes a strength that of ridge regression."""
        return keras.regularizers.L2(strength / self._rows)

    def rows(self, name, count, strength, start="normal", width=None):
        """Returns a table whose row 0, of the unknown, is 0 and stays so."""
        count = self.user_count if count is None else count
        width = self.factors if width is None else width
        table = np.zeros((count, width), "float32")
        if start == "normal":
            table[1:] = keras.random.normal((count - 1, width), stddev=0.1)
        return self._embedding(name, table, strength)

    def biases(self, name, values, strength):
        """Returns a table of one column that starts at known values."""
        return self._embedding(name, np.asarray(values)[:, None], strength)

    def _embedding(self, name, table, strength):
        layer = keras.layers.Embedding(
            *table.shape,
            embeddings_regularizer=self.penalty(strength),
            name=name,
        )
        layer.build((None, 1))
        layer.set_weights([table.astype("float32")])
        return layer

    def effects(self, inputs, *, user, item):
        """Returns what each feature adds: for all, for a user, for an item.

        Args:
            inputs: dict of what the model takes.
            user: float. Strength of what is added for a user.
            item: float. Likewise for an item.
        """
        parts = []
        for role in ("user", "item"):
            features = getattr(self._specification, f"{role}_features")
            for place, feature in enumerate(features):
                codes = inputs[f"{role}_features"][:, place : place + 1]
                width = 1 + len(feature.values)
                name = f"{role}_feature_{place}"
                parts.append(self._effect(name, codes, width))
                is_value = ops.one_hot(codes[:, 0], width)
                for of, count, strength in (
                    ("user", self.user_count, user),
                    ("item", self.item_count, item),
                ):
                    table = self.rows(
                        f"{of}_by_{name}", count, strength, "zeros", width
                    )
                    row = table(inputs[of])[:, 0]  # (batch, values)
                    parts.append(ops.sum(row * is_value, -1, keepdims=True))
        return parts

    def tastes(self, inputs, strength, width):
        """Returns a vector for each feature of the users, of its value."""
        found = []
        for place, feature in enumerate(self._specification.user_features):
            codes = inputs["user_features"][:, place : place + 1]
            table = self.rows(
                f"of_user_feature_{place}",
                1 + len(feature.values),
                strength,
                "zeros",
                width,
            )
            found.append(table(codes)[:, 0])
        return found

    def _effect(self, name, codes, width):
        table = self.rows(f"of_{name}", width, _SHARED, "zeros", 1)
        return table(codes)[:, 0]
