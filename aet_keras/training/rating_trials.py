"""Tries what new ratings can teach a recommender, and keeps what is proved."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras._keras import reading
from aet_keras._wording import counted
from aet_keras.data.rating_lookup import RatingTables
from aet_keras.data.specifications import RatingSpecification
from aet_keras.drift.gate import judge_gains, share_to_forget
from aet_keras.drift.target_kinds import KINDS
from aet_keras.errors import DataError
from aet_keras.evaluation.rating_biases import fit_biases
from aet_keras.training._choice import Looks, worth
from aet_keras.training._trials import Attempt
from aet_keras.training.adapt import Adaptation
from aet_keras.training.rating_archive import KnownRatings
from aet_keras.training.rating_factors import solve_rows
from aet_keras.training.rating_measuring import history_length
from aet_keras.training.rating_new_users import grown_by

HISTORY, USERS, BIASES = "history", "user biases", "all biases"
FACTORS = "user factors"
LEAST_USERS = 20
_OWNER = "adapt"
_BATCH = 4096
_KIND = KINDS["number"]
_JUDGES = 4  # every fourth rating to learn from chooses a strength
_STRENGTHS = 0.25, 1.0, 4.0, 16.0  # times that which the factors learned with


def adapt_ratings(
    model: keras.Model,
    known: KnownRatings,
    new: data.Split,
    specification: RatingSpecification,
    *,
    forgets_at_most: float | None = None,
) -> Adaptation:
    """Adapts a recommender to new ratings of known users and of new ones.

    Tried are, the cheapest first: new ratings are looked up in histories, a
    new item gets the bias of what its features do not say, shrunk as those of
    others were, and a new user the bias that the model guesses of the history
    (`"history"`); then user biases are solved on what is left, or those of
    users and items, or the bias and the factors of each user, by ridge
    regression on the factors of the items.

    The first half of the new ratings of each user is learned, the second one
    judges. **A user counts as one**, by the mean absolute error of that half:
    ratings of a user share a bias and a history, so that they err together,
    and each as a proof of its own would make chance look like a gain. What is
    forgotten is judged likewise by old test ratings of the other users, who
    have said nothing new: where a user rates otherwise now, his old ratings
    mean what they do not mean any more.

    Args:
        model: `keras.Model`, as `aet_keras.tasks.build_recommender` builds.
        known: `KnownRatings` that it was made of.
        new: `Split` of new ratings, the older first.
        specification: `RatingSpecification`, new users and items behind the
            old ones.
        forgets_at_most: optional float from 0 to 1. The share by which the
            mean absolute error of old ratings may rise. Defaults to `0.05`.

    Returns:
        `Adaptation`, its model a new one; `model` stays as it was. Its
        verdict is without old rows, if fewer than two other users have some.

    Raises:
        DataError: if fewer than 20 users have two ratings.

    Example: see `aet_keras/cli/adapt.py`.
    """
    forgets = share_to_forget(_OWNER, _KIND, forgets_at_most)
    run = _Run(model, known, specification, new)
    is_held = _later_half(new.inputs["user"][:, 0])
    learned, held = (_taken(new, rows) for rows in (~is_held, is_held))
    users, of = np.unique(held.inputs["user"][:, 0], return_inverse=True)
    if len(users) < LEAST_USERS:
        raise DataError(
            f"{_OWNER}: at least {LEAST_USERS} users must have two new ratings "
            "or more, because the first ones are learned and the last ones "
            f"judge, each user once. Received: {len(users)}. Wait for more."
        )
    before = run.errors(model, run.unknown_as_0(held), of, run.old_tables)
    looks, attempts, afters, worths = Looks(len(users)), [], {}, {}
    for name in (HISTORY, USERS, BIASES, FACTORS):
        begun = time.perf_counter()
        made, tables, said = run.learn(name, learned)
        after = afters[name] = run.errors(made, held, of, tables)
        looks.add((..., before, after))
        drop = -_KIND.mean_gain(run.old_before, run.old_errors(made, learned))
        gain_of_it = _KIND.mean_gain(before, after)
        worths[name] = worth(gain_of_it, drop, forgets)
        figures = float(before.mean()), float(after.mean())
        seconds = time.perf_counter() - begun
        attempts.append(
            Attempt(name, *figures, _KIND.measure, False, seconds, said)
        )
    best = max(worths, key=lambda name: worths[name])
    gain = _KIND.gain(before, afters[best], chosen_from=looks.count)
    if gain.gain <= 0:
        verdict = judge_gains(gain, forgets_at_most=forgets)
        reason = "the model is as it was"
        return Adaptation(model, "unexplained", (*attempts,), verdict, reason)
    made, _, _ = run.learn(best, new)
    old = None
    if len(run.old_before) > 1:
        old = _KIND.gain(run.old_before, run.old_errors(made, new))
    verdict = judge_gains(gain, old, forgets_at_most=forgets)
    attempts = [
        dataclasses.replace(each, is_kept=each.remedy == best)
        for each in attempts
    ]
    reason = f"kept: {best}"
    return Adaptation(made, "unexplained", (*attempts,), verdict, reason)


class _Run:
    """Makes models of new ratings."""

    def __init__(self, model, known, specification, new):
        self.model, self.known = model, known
        self.specification = specification
        self._count = len(known.specification.users)
        self._item_count = len(known.specification.items)
        self._item_features = known.features_with(new, specification)
        self._splits = [known.train, known.validation, known.test]
        self.old_tables = self.tables(self._splits)
        others = ~np.isin(known.test.inputs["user"], new.inputs["user"])
        self._old = _taken(known.test, others[:, 0])
        codes = self._old.inputs["user"][:, 0]
        self._old_of = np.unique(codes, return_inverse=True)[1]
        self.old_before = self.old_errors(model)

    def tables(self, splits: Sequence[data.Split]) -> RatingTables:
        """Returns what is looked up of some ratings."""
        return data.make_rating_tables(
            splits,
            self.specification,
            history_length=history_length(self.model),
            item_features=self._item_features,
        )

    def old_errors(self, model, *learned: data.Split) -> np.ndarray:
        """Returns errors of old ratings of other users, not looked up."""
        if not self._old.count:
            return np.zeros(0)
        tables = self.tables([self.known.train, *learned])
        return self.errors(model, self._old, self._old_of, tables)

    def errors(self, model, split, places, tables) -> np.ndarray:
        """Returns how far predictions of each user are off, in the mean."""
        off = np.abs(_predict(model, split, tables) - split.labels)
        return np.bincount(places, off) / np.bincount(places)

    def unknown_as_0(self, split: data.Split) -> data.Split:
        """Returns rows as the model before takes them: new ones unknown."""
        old = {
            role: np.where(split.inputs[role] > count, 0, split.inputs[role])
            for role, count in (
                ("user", self._count),
                ("item", self._item_count),
            )
        }
        return dataclasses.replace(split, inputs={**split.inputs, **old})

    def learn(
        self, name: str, learned: data.Split
    ) -> tuple[keras.Model, RatingTables, str]:
        """Returns a model, what it looks up, and what was done."""
        tables = self.tables([*self._splits, learned])
        count = self.known.train.count
        rated = np.bincount(
            learned.inputs["item"][:, 0],
            minlength=1 + len(self.specification.items),
        )
        made = grown_by(
            self.model,
            len(self.specification.users) - self._count,
            penalty_ratio=count / (count + learned.count),
            item_counts=rated[1 + self._item_count :].tolist(),
        )
        self._give_item_biases(made, learned, tables)
        told = self._give_biases(made, learned, tables)
        if name == HISTORY:
            return made, tables, told
        if name == FACTORS:
            return made, tables, self._solve_factors(made, learned, tables)
        return made, tables, self._solve(made, name, learned, tables)

    def _give_biases(self, made, learned, tables):
        """Gives a new user the bias that the model guesses of his history."""
        users, first = np.unique(
            learned.inputs["user"][:, 0], return_index=True
        )
        is_new = users > self._count
        if is_new.any():
            rows = _taken(learned, first[is_new])
            given = _given(made, rows, tables)
            unknown = {**given, "user": np.zeros_like(given["user"])}
            guessed, zero = (_ratings(made, each) for each in (unknown, given))
            _add(made, "user_bias", users[is_new], guessed - zero)
        new_items = len(self.specification.items) - self._item_count
        told = f"{len(users)} users have new ratings, {is_new.sum()} are new"
        items = counted(new_items, "item is", "items are")
        return f"{told}; {items} new" if new_items else told

    def _give_item_biases(self, made, learned, tables):
        """Gives a new item what is left of its ratings, shrunk in the mean."""
        rows = _taken(learned, learned.inputs["item"][:, 0] > self._item_count)
        if not rows.count:
            return
        users = rows.inputs["user"]
        known = np.where(users > self._count, 0, users)
        given = {**_given(made, rows, tables), "user": known}
        rest = rows.labels - _ratings(made, given)
        items, places = np.unique(rows.inputs["item"], return_inverse=True)
        places = places.reshape(-1)
        penalty = self.model.get_layer("item_bias").embeddings_regularizer
        strength = float(penalty.l2) * self.known.train.count
        sums, counts = np.bincount(places, rest), np.bincount(places)
        _add(made, "item_bias", items, sums / (counts + strength))

    def _solve(self, made, name, learned, tables):
        """Solves biases of users, or of items too, on what is left."""
        users, items, rest = self._left(made, learned, tables)
        if name == USERS:
            items = np.zeros_like(items)
        found = self._biases(users, items, rest)
        seen = np.unique(users)
        more = found.users[seen] + found.mean
        if name == USERS:
            more = more + found.items[0]
        else:
            items = np.unique(items)
            _add(made, "item_bias", items, found.items[items])
        _add(made, "user_bias", seen, more)
        return (
            f"L2 strength of users {found.user_strength:g}, of items "
            f"{found.item_strength:g}"
        )

    def _left(self, made, learned, tables):
        """Returns users, items, and what a model does not predict of them."""
        users, items = (learned.inputs[role][:, 0] for role in ("user", "item"))
        return users, items, learned.labels - _predict(made, learned, tables)

    def _biases(self, users, items, rest):
        """Solves biases, with strengths that some of the rows choose."""
        counts = {
            "user_count": 1 + len(self.specification.users),
            "item_count": 1 + len(self.specification.items),
        }
        whole = users, items, rest
        is_judge = _judges(rest)
        tuned = fit_biases(
            *(each[~is_judge] for each in whole),
            validation=tuple(each[is_judge] for each in whole),
            **counts,
        )
        chosen = tuned.user_strength, tuned.item_strength
        return fit_biases(
            *whole, validation=whole, strengths=[chosen], **counts
        )

    def _solve_factors(self, made, learned, tables):
        """Solves a bias and factors of each user, items as they are."""
        users, items, rest = self._left(made, learned, tables)
        bias = self._biases(users, np.zeros_like(items), rest).user_strength
        seen, places = np.unique(users, return_inverse=True)
        (vectors,) = made.get_layer("item_factors").get_weights()
        known = np.column_stack([np.ones(len(items)), vectors[items]])
        penalty = self.model.get_layer("user_factors").embeddings_regularizer
        own = float(penalty.l2) * self.known.train.count

        def solved(rows, strength):
            level = rest[rows].mean()
            strengths = np.full(known.shape[1], strength)
            strengths[0] = bias
            left = rest[rows] - level
            more = solve_rows(
                places[rows], known[rows], left, strengths, len(seen)
            )
            more[:, 0] += level
            return more

        is_judge = _judges(rest)

        def off(strength):
            said = solved(~is_judge, strength)[places[is_judge]]
            said = np.sum(said * known[is_judge], axis=1)
            return float(np.square(rest[is_judge] - said).mean())

        best = min((own * each for each in _STRENGTHS), key=off)
        found = solved(np.full(len(rest), True), best)
        _add(made, "user_bias", seen, found[:, 0])
        _add(made, "user_factors", seen, found[:, 1:])
        return f"L2 strength of a user's bias {bias:g}, of factors {best:g}"


def _judges(rows):
    """Says which ratings choose a strength that is tried on the others."""
    return np.arange(len(rows)) % _JUDGES == 0


def _given(model, split, tables):
    rows = tables.rows(split.inputs, model.input)
    return {name: rows[name] for name in model.input}


def _ratings(model, given):
    """Calls the model as it is: to trace each one takes longer than it runs."""
    count, found = len(given["user"]), []
    for start in range(0, count, _BATCH):
        part = {k: v[start : start + _BATCH] for k, v in given.items()}
        said = model(part, training=False)["rating"]
        found.append(np.asarray(said, "float64")[:, 0])
    return np.concatenate(found)


def _predict(model, split, tables):
    """Returns the rating that is predicted of each row."""
    return _ratings(model, _given(model, split, tables))


def _add(model, layer, codes, more):
    """Adds to some rows of a table: a bias, or factors."""
    (table,) = model.get_layer(layer).get_weights()
    table[codes] += np.reshape(more, (len(codes), -1))
    model.get_layer(layer).set_weights([table])


def _later_half(users):
    """Says which rows are of the second half of their user's, in order."""
    order = np.argsort(users, kind="stable")
    ranked = users[order]
    place = np.arange(len(users)) - np.searchsorted(ranked, ranked)
    is_later = np.zeros(len(users), bool)
    is_later[order] = place >= (np.bincount(users)[ranked] + 1) // 2
    return is_later


def _taken(split: data.Split, rows: Any) -> data.Split:
    numbers = np.arange(split.count)[rows]
    return data.Split(
        reading.take(dict(split.inputs), numbers),
        split.labels[numbers],
        tuple(split.names[row] for row in numbers),
    )
