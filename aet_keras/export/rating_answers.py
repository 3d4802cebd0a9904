"""Builds the functions that a served recommender answers with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras.data.names import are_whole_numbers, served_names
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.data.specifications import RatingSpecification
from aet_keras.export.saved_model import DEFAULT, Served, predict_log, trace

FEATURES, HISTORY, TOP_K = "features", "history", "top_k"
REASONS = "reasons"
_NEVER = -np.inf
_UNLIKELY = -1e9
SHOWN = 10  # of the best items of a user, when they are compared


def build(
    model: keras.Model,
    specification: RatingSpecification,
    tables: RatingTables,
    lookups: Mapping[str, Any],
) -> Served:
    """Traces the signatures of a recommender.

    Args:
        model: `keras.Model`.
        specification: `RatingSpecification`.
        tables: `RatingTables`.
        lookups: dict of `users`, `items` (ids to codes) and `names`.
    """
    answer = _Answers(model, specification, tables, lookups)

    def strings(name, shape=(None,)):
        return tf.TensorSpec(shape, tf.string, name=name)

    wanted = tf.TensorSpec((None,), tf.int32, name="k")
    pair = [strings("user"), strings("item")]
    many = (None, None)
    ratings = tf.TensorSpec(many, tf.float32, name="ratings")
    past = [strings("items", many), wanted]
    if specification.has_ratings:
        past.insert(1, ratings)
    functions = {
        DEFAULT: trace(answer.score, *pair),
        TOP_K: trace(answer.top_k, strings("user"), wanted),
        HISTORY: trace(
            answer.history if specification.has_ratings else answer.met, *past
        ),
        REASONS: trace(answer.reasons, *pair),
    }
    names = answer.feature_names
    if names:
        columns = [strings(name) for name in names]
        functions[FEATURES] = trace(answer.featured, *pair, *columns)
    return Served(
        functions,
        {
            "weights": _read_by(functions.values()),
            "lookups": [*lookups.values(), *answer.values],
        },
    )


def _read_by(functions):
    """Lists the weights and tables that functions read, each once.

    Not `model.variables`: those are Keras's, of which a SavedModel makes
    variables of its own beside those that the functions read.
    """
    read = [each for function in functions for each in function.variables]
    return list({id(each): each for each in read}.values())


def requests(
    functions: Mapping[str, Any], users: Sequence[str], items: Sequence[str]
) -> Iterator[Any]:
    """Yields the requests that a server tries: one row, and all rows."""
    for name, function in functions.items():
        for count in {1, min(len(users), len(items))}:
            given = {
                "user": _bytes(users[:count]),
                "item": _bytes(items[:count]),
                "items": np.tile(_bytes(items), (count, 1)),
                "ratings": np.ones((count, len(items)), "float32"),
                "k": np.full(count, 10, "int32"),
            }
            positional, _ = function.structured_input_signature
            feature = np.full(count, b"", object)
            names = [spec.name for spec in positional]
            yield predict_log(
                name, {each: given.get(each, feature) for each in names}
            )


def _bytes(names):
    return np.array([name.encode() for name in names], object)


def codes(table: Any, ids: Any, *, are_whole: bool = False) -> Any:
    """Returns int32 codes from 1 on, 0 for what is not in the table.

    Args:
        table: what `code_table` returned.
        ids: string tensor.
        are_whole: bool. Whether all ids are whole numbers, of which `17.0` is
            read as `17`, as it is in a file.
    """
    known = tf.cast(table.lookup(ids) + 1, tf.int32)
    if not are_whole:
        return known
    whole = tf.strings.regex_replace(ids, r"^([-+]?[0-9]+)\.0*$", r"\1")
    return tf.where(known > 0, known, codes(table, whole))


def ids_of(codes: Iterable[int], names: Sequence[str]) -> list[bytes]:
    """Returns the ids of codes, `b""` for code 0."""
    known = ["", *names]
    return [known[code].encode() for code in codes]


def best_shares(
    logits: np.ndarray, users: Iterable[int], tables: RatingTables
) -> np.ndarray:
    """Returns the probabilities of the best items, the best one first."""
    logits = logits.astype("float64")
    is_open = np.ones(logits.shape, bool)
    is_open[:, 0] = False
    for row, user in enumerate(users):
        is_open[row, tables.rated(user)] = False
    most = logits.max(axis=1, keepdims=True, where=is_open, initial=-np.inf)
    odds = np.exp(np.where(is_open, logits - most, -np.inf))
    # Who has met all items is shown none: 0, as the model puts out.
    total = odds.sum(axis=1, keepdims=True)
    shares = -np.sort(-odds / np.where(total > 0, total, 1.0), axis=1)
    return shares[:, : min(SHOWN, shares.shape[1] - 1)].astype("float32")


def scores_of(outputs: Mapping[str, Any], rows: Mapping[str, Any]) -> Any:
    """Returns the score of each row, `(batch, 1)`.

    That is the rating; of interactions the probability that the row's item,
    of all that the user has not met, is the next one: 0 of an unknown item.

    Args:
        outputs: what the model says of the rows.
        rows: what it takes.
    """
    if "rating" in outputs:
        return outputs["rating"]
    return _share(outputs["rank"], rows["met_items"], rows["item"])


def _share(logits, met, item):
    """Returns the probability of an item among those not met, `(batch, 1)`."""
    ops = keras.ops
    shares = ops.softmax(ops.where(met > 0, _UNLIKELY, logits)[:, 1:])
    own = ops.take_along_axis(shares, ops.maximum(item - 1, 0), axis=1)
    return ops.where(item > 0, own, 0.0)


class _Answers:
    """Looks ids up and asks the model."""

    def __init__(self, model, specification, tables, lookups):
        self._has_ratings = specification.has_ratings
        self._looks_at_all = "met_items" in model.input
        what = "rating" if self._has_ratings else "rank"
        # Of the outputs only what scores need: the other is not computed.
        said = keras.Model(model.input, {what: model.output[what]})
        rank = keras.Model(model.input, model.output["rank"])
        # Signatures share one trace of the model.
        self._rate = _shared(
            lambda rows: scores_of(said(rows, training=False), rows)
        )
        self._rank = _shared(lambda rows: rank(rows, training=False))
        self._lookups = lookups
        rated = tf.RaggedTensor.from_row_splits(
            tables.rated_items, tables.rated_starts
        )
        self.tables = {
            "history_items": tf.Variable(tables.history_items),
            "user_features": tf.Variable(tables.user_features),
            "item_features": tf.Variable(tables.item_features),
            "rated": tf.Variable(rated.values),
            "starts": tf.Variable(rated.row_splits),
        }
        if self._has_ratings:
            past = tables.history_ratings
            self.tables["history_ratings"] = tf.Variable(past)
        self._item_count = len(tables.item_counts)
        self._length = tables.history_items.shape[1]
        self._features = {
            role: getattr(specification, f"{role}_features")
            for role in ("user", "item")
        }
        self._are_whole = {
            of: are_whole_numbers(getattr(specification, of))
            for of in ("users", "items")
        }
        self.values = [
            tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(
                    tf.constant(feature.values or ("",), tf.string),
                    tf.range(max(1, len(feature.values)), dtype=tf.int64),
                ),
                default_value=-1,
            )
            for features in self._features.values()
            for feature in features
        ]
        self.feature_names = served_names(
            (
                each.column
                for features in self._features.values()
                for each in features
            ),
            taken=("user", "item"),
        )

    def _codes(self, of, ids):
        return codes(self._lookups[of], ids, are_whole=self._are_whole[of])

    def score(self, user, item):
        users = self._codes("users", user)
        items = self._codes("items", item)
        return self._scored(self._rows(users, items))

    def featured(self, user, item, *cells):
        users = self._codes("users", user)
        items = self._codes("items", item)
        rows, start = self._rows(users, items), 0
        for role, features in self._features.items():
            end = start + len(features)
            pairs = zip(self.values[start:end], cells[start:end], strict=True)
            if features:
                columns = [codes(table, each) for table, each in pairs]
                rows[f"{role}_features"] = tf.stack(columns, axis=1)
            start = end
        return self._scored(rows)

    def _rated_by(self, users):
        """Returns the codes of what users rated, `(batch, most)`, 0 to fill."""
        rated = tf.RaggedTensor.from_row_splits(
            self.tables["rated"], self.tables["starts"], validate=False
        )
        return tf.gather(rated, users).to_tensor(0)

    def _met_items(self, codes_):
        """Returns 1 for each of the items, `(batch, items)`, 0 elsewhere."""
        count = self._item_count
        met = tf.math.bincount(
            codes_,
            minlength=count,
            maxlength=count,
            axis=-1,
            binary_output=True,
        )
        met = tf.ensure_shape(tf.cast(met, tf.float32), (None, count))
        return met * tf.cast(tf.range(count) > 0, tf.float32)

    def top_k(self, user, k):
        users = self._codes("users", user)
        rated = self._rated_by(users)
        rows = self._rows(users, tf.zeros_like(users))
        return self._best(rows, rated, k, users > 0)

    def met(self, items, k):
        return self.history(items, None, k)

    def history(self, items, ratings, k):
        rated = self._codes("items", items)  # (batch, any)
        rows = self._rows(*[tf.zeros_like(k)] * 2)
        missing = tf.maximum(0, self._length - tf.shape(rated)[1])
        pad = [[0, 0], [missing, 0]]
        shape = (-1, self._length)
        given = {"history_items": rated}
        if ratings is not None:
            given["history_ratings"] = ratings
        for name, values in given.items():
            last = tf.pad(values, pad)[:, -self._length :]
            rows[name] = tf.reshape(last, shape)
        if self._looks_at_all:
            rows["met_items"] = self._met_items(rated)
        return self._best(rows, rated, k, tf.reduce_any(rated > 0, axis=1))

    def reasons(self, user, item):
        users = self._codes("users", user)
        items = self._codes("items", item)
        rows = self._rows(users, items)
        past = rows["history_items"]
        each = _repeated(rows, self._length)
        one = tf.tile(
            tf.eye(self._length, dtype=tf.bool), (tf.shape(users)[0], 1)
        )
        each["history_items"] = tf.where(one, 0, each["history_items"])
        if self._looks_at_all:
            left = tf.one_hot(tf.reshape(past, [-1]), self._item_count)
            each["met_items"] *= 1 - left
        nobody = tf.zeros_like(users)
        stranger = self._rows(nobody, items)
        if self._has_ratings:
            without = self._rate(each)
            without_user = self._scored(stranger)["scores"]
        else:  # among the same items: those not met
            without, without_user = (
                _share(self._rank(x), met, x["item"])
                for x, met in (
                    (each, tf.repeat(rows["met_items"], self._length, axis=0)),
                    (stranger, rows["met_items"]),
                )
            )
            without_user = without_user[:, 0]
        said = {
            **self._scored(rows),
            "without_user": without_user,
            "items": self._lookups["names"].lookup(tf.cast(past, tf.int64) - 1),
            "without": tf.reshape(without, (-1, self._length)),
        }
        if self._has_ratings:
            rest = {**self._rows(users, nobody), "history_items": past}
            said["without_item"] = self._scored(rest)["scores"]
            said["ratings"] = rows["history_ratings"]
        return said

    def _rows(self, users, items):
        past = tf.gather(self.tables["history_items"], users)
        rows = {
            "user": users[:, None],
            "item": items[:, None],
            "history_items": tf.where(past == items[:, None], 0, past),
        }
        if self._has_ratings:
            ratings = self.tables["history_ratings"]
            rows["history_ratings"] = tf.gather(ratings, users)
        if self._looks_at_all:
            met = self._met_items(self._rated_by(users))
            rows["met_items"] = met * (1 - tf.one_hot(items, self._item_count))
        for role, of in (("user", users), ("item", items)):
            if self._features[role]:
                name = f"{role}_features"
                rows[name] = tf.gather(self.tables[name], of)
        return rows

    def _scored(self, rows):
        is_known = (rows["user"] > 0) & (rows["item"] > 0)
        scores = self._rate(rows)
        return {"scores": scores[:, 0], "is_known": is_known[:, 0]}

    def _best(self, rows, rated, k, is_known):
        logits = self._rank(rows)
        shape = tf.shape(logits)
        hidden = tf.one_hot(rated, shape[1], on_value=True, off_value=False)
        hidden = tf.reduce_any(hidden, axis=1) | (tf.range(shape[1]) == 0)
        logits = tf.where(hidden, _NEVER, logits)
        k = tf.clip_by_value(k, 0, self._item_count - 1)
        most = tf.reduce_max(k)
        shares = tf.nn.softmax(logits)
        # Where nothing is left to show, a softmax has no sum to divide by.
        shares = tf.where(hidden, 0.0, shares)
        scores, best = tf.math.top_k(shares, most)
        is_shown = tf.range(most)[None] < k[:, None]
        is_shown &= ~tf.gather(hidden, best, batch_dims=1)
        codes_ = tf.where(is_shown, best, 0)
        names = self._lookups["names"].lookup(tf.cast(codes_, tf.int64) - 1)
        said = {
            "items": names,
            "scores": tf.where(is_shown, scores, 0.0),
            "is_known": is_known,
        }
        if self._has_ratings:
            said["ratings"] = self._rated(rows, codes_, is_shown)
        return said

    def _rated(self, rows, items, is_shown):
        """Returns the predicted rating of each of the best items."""
        most = tf.shape(items)[1]
        each = _repeated(rows, most)
        flat = tf.reshape(items, (-1, 1))
        each["item"] = flat
        if self._features["item"]:
            each["item_features"] = tf.gather(
                self.tables["item_features"], flat[:, 0]
            )
        ratings = tf.reshape(self._rate(each), (-1, most))
        return tf.where(is_shown, ratings, 0.0)


def _shared(function):
    return tf.function(function, autograph=False, reduce_retracing=True)


def _repeated(rows, times):
    return {n: tf.repeat(column, times, axis=0) for n, column in rows.items()}
