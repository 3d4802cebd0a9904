"""Adds new users to a recommender, and learns them alone."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import callbacks as parts
from aet_keras import data, policies, tasks
from aet_keras.data.rating_reading import check_new_users
from aet_keras.data.splits import SPLITS
from aet_keras.errors import DataError
from aet_keras.training.fine_tune import Run, fine_tune
from aet_keras.training.rating_measuring import (
    best_kept,
    compile_recommender,
    history_length,
)

_OWNER = "new users"
_RANK = "rank"


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GrownRatings(data.Dataset):
    """Holds ratings of old users and new ones, the new users' codes behind.

    To learn from there are all; to validate and to test on, the new users'.

    Args:
        known: `data.Dataset` of the old users.
        new: `data.Dataset` of the new users, with codes of their own.
        whole: `data.Dataset` of all users, every split of both.
    """

    known: data.Dataset
    new: data.Dataset
    whole: data.Dataset


def join_ratings(known: data.Dataset, new: data.Dataset) -> GrownRatings:
    """Puts new users behind the old ones.

    Ratings to learn from that are of items without a code are left out.

    Raises:
        DataError: if a new user is an old one, no item has a code, or items
            and features of the two data sets have other codes.
    """
    old, added = known.specification, new.specification
    _check_alike(old, added)
    new = _of_known_items(new)
    moved = {n: _moved(getattr(new, n), len(old.users)) for n in SPLITS}
    specification = dataclasses.replace(
        old, source=added.source, users=(*old.users, *added.users)
    )
    whole = data.Dataset(
        **{n: _joined(getattr(known, n), moved[n]) for n in SPLITS},
        specification=specification,
    )
    return GrownRatings(
        **{**moved, "train": whole.train},
        specification=specification,
        notes=new.notes,
        known=known,
        new=new,
        whole=whole,
    )


def _of_known_items(new):
    train = new.train
    rows = np.flatnonzero(train.inputs["item"][:, 0])
    missing = train.count - len(rows)
    if not len(rows):
        raise DataError(
            f"{_OWNER}: an item must be one that the model knows, because "
            "nothing is learned of new ones. Received: none that is, in "
            f"{train.count} ratings to learn from. Look whether ids are "
            "written as before, or train anew on all ratings."
        )
    if not missing:
        return new
    kept = data.Split(
        {name: codes[rows] for name, codes in train.inputs.items()},
        train.labels[rows],
        tuple(train.names[row] for row in rows),
    )
    note = (
        f"Of {missing + len(rows)} ratings to learn from {missing} were left "
        "out: the model does not know what they are of."
    )
    return dataclasses.replace(new, train=kept, notes=(*new.notes, note))


def with_new_users(model: keras.Model, ratings: GrownRatings) -> keras.Model:
    """Returns a copy of a recommender with a row for each new user, at 0."""
    return grown_by(
        model,
        len(ratings.new.specification.users),
        penalty_ratio=ratings.known.train.count / ratings.train.count,
    )


def grown_by(
    model: keras.Model,
    count: int,
    *,
    penalty_ratio: float,
    item_counts: Sequence[int] = (),
) -> keras.Model:
    """Returns a copy of a recommender with rows for more users, at 0.

    Args:
        model: `keras.Model`, as `aet_keras.tasks.build_recommender` builds.
        count: int >= 0. How many users are new.
        penalty_ratio: float > 0. By what penalties of tables that grow are
            multiplied: each is a share of the mean loss, of more rows or
            fewer now.
        item_counts: sequence of ints, one a new item: how often it is rated.
            Its rows are at 0, too, and it ranks by that. Of ratings alone.
    """
    more = dict.fromkeys(tasks.rating_model.user_layers(model), count)
    # Those of items without new rows, too: their penalties are shares as well.
    items = tasks.rating_model.item_layers(model)
    more |= dict.fromkeys(items, len(item_counts))
    old = {name: model.get_layer(name).get_weights()[0] for name in more}
    grown = _with_tables(
        model,
        {name: len(table) + more[name] for name, table in old.items()},
        penalty_ratio=penalty_ratio,
        item_count=len(item_counts),
    )
    _copy(model, grown, leave=[*more, _RANK])
    for name, table in old.items():
        new = np.zeros((more[name], table.shape[1]), table.dtype)
        grown.get_layer(name).set_weights([np.concatenate([table, new])])
    kernel, bias = model.get_layer(_RANK).get_weights()
    new = np.zeros((len(kernel), len(item_counts)), kernel.dtype)
    popular = np.log(np.asarray(item_counts) + 0.5)
    grown.get_layer(_RANK).set_weights(
        [np.concatenate([kernel, new], axis=1), np.append(bias, popular)]
    )
    return grown


def learn_new_users(
    model: keras.Model,
    ratings: GrownRatings,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    rate: policies.Policy,
    best: parts.KeepBest,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    seed: int = 0,
) -> Run:
    """Learns the rows of the new users, in place; all else stays, bit for bit.

    They are learned in a copy that has no other users' rows, and whose other
    layers `ElasticFreezing` freezes: no optimizer can move what the old users'
    predictions depend on. Then they are put behind the old rows.

    Args:
        model: `keras.Model`, as `with_new_users` returns it.
        ratings: what it was made for.
        epochs: int >= 1. The most there will be.
        batch_size: int >= 1.
        learning_rate: float > 0. For Adam.
        rate: policy of the learning rate.
        best: what keeps the best epoch's rows.
        callbacks: more callbacks.
        seed: int >= 0. Of the order of the rows.
    """
    users = tasks.rating_model.user_layers(model)
    new, specification = ratings.new, ratings.new.specification
    count = len(specification.users)  # at least one: there are ratings
    alone = _with_tables(
        model,
        {name: count + 1 for name in users},  # row 0 is the unknown
        penalty_ratio=ratings.train.count / new.train.count,
    )
    _copy(model, alone, leave=users)
    compile_recommender(alone, learning_rate)
    others = [
        layer.name
        for layer in alone.layers
        if layer.weights and layer.name not in users
    ]
    tables = data.make_rating_tables(
        [new.train], specification, history_length=history_length(model)
    )
    try:
        run = fine_tune(
            alone,
            data.rating_lookup.make_rating_batches(
                new.train,
                tables,
                batch_size=batch_size,
                shuffle_seed=seed,
                takes=alone.input,
            ),
            validation_data=data.rating_lookup.make_rating_batches(
                new.validation, tables, batch_size=4096, takes=alone.input
            ),
            epochs=epochs,
            freezing=parts.ElasticFreezing(
                policies.ThawOnSchedule(first_epoch=epochs),  # that is, never
                groups=[others],
                cache=None,
                solve_head=False,
            ),
            rate=parts.AdaptiveLearningRate(rate),
            best=best,
            average=False,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
    finally:  # what was learned until Ctrl-C is not lost
        for name in users:
            (table,) = model.get_layer(name).get_weights()
            table[-count:] = alone.get_layer(name).get_weights()[0][1:]
            model.get_layer(name).set_weights([table])
    return dataclasses.replace(run, model=model)


def _check_alike(old, added):
    for name in ("has_ratings", "items", "user_features", "item_features"):
        if getattr(old, name) != getattr(added, name):
            raise DataError(
                f"{_OWNER}: {name.replace('_', ' ')} of the new ratings must "
                "have the codes that the model knows. Received: others. Read "
                "them with `read_ratings(..., like=dataset.specification)`."
            )
    check_new_users(_OWNER, old.users, added.users)


def _with_tables(model, row_counts, *, penalty_ratio, item_count=0):
    """Returns a copy whose named tables have so many rows, all 0.

    What ranks puts out a logit for so many more items.
    """

    def copy(layer):
        config = layer.get_config()
        if layer.name in row_counts:
            # A penalty is a share of the mean loss, of more rows or fewer now.
            strength = float(layer.embeddings_regularizer.l2) * penalty_ratio
            config["input_dim"] = row_counts[layer.name]
            config["embeddings_initializer"] = "zeros"
            config["embeddings_regularizer"] = keras.regularizers.L2(strength)
        if layer.name == _RANK:
            config["units"] += item_count
        return layer.__class__.from_config(config)

    return keras.models.clone_model(model, clone_function=copy)


def _copy(source, target, *, leave):
    for layer in target.layers:
        if layer.weights and layer.name not in leave:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def _moved(split, old_count):
    """Returns a split with the codes of its users behind the old ones."""
    users = split.inputs["user"]
    moved = np.where(users > 0, users + old_count, 0).astype("int32")
    return dataclasses.replace(split, inputs={**split.inputs, "user": moved})


def _joined(old, new):
    return data.Split(
        inputs={
            name: np.concatenate([column, new.inputs[name]])
            for name, column in old.inputs.items()
        },
        labels=np.concatenate([old.labels, new.labels]),
        names=(*old.names, *new.names),
    )


_OWNER = "adapt_users"


@dataclasses.dataclass(frozen=True)
class AdaptedUsers:
    """Holds a recommender that knows more users than before.

    Args:
        model: `keras.Model`, a new one, with a row for each user.
        specification: `RatingSpecification`, the new users behind the old ones.
        train: `aet_keras.data.Split`, ratings to look up, of all users.
        run: `Run`, as of `fine_tune`, of the new users' rows; its model is
            the one above.

    Example: see `adapt_users`.
    """

    model: keras.Model
    specification: data.specifications.RatingSpecification
    train: data.Split
    run: Run


def adapt_users(
    model: keras.Model,
    dataset: data.Dataset,
    new: data.Dataset,
    *,
    epochs: int = 20,
    batch_size: int = 256,
    learning_rate: float = 2e-2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> AdaptedUsers:
    """Learns new users from few ratings; all else stays, bit for bit.

    A copy of the model gets tables of the new users alone, at zero. All other
    layers are frozen by `ElasticFreezing`, so that no optimizer can move what
    other users' predictions depend on: their rows are not even there. Then
    the new rows are put behind the old ones. `model` is not changed. Ratings of
    items that it does not know are left out.

    To serve it, give `data.make_rating_tables` the `item_features` of the
    earlier tables: they follow the ratings otherwise, those of new users too.

    Args:
        model: `keras.Model`, as `aet_keras.tasks.build_recommender` builds.
        dataset: `aet_keras.data.Dataset` that it was trained on.
        new: `aet_keras.data.Dataset` of the new users, read with
            `aet_keras.data.read_ratings(..., like=dataset.specification)`.
        epochs: int >= 1. The most there will be. Defaults to `20`.
        batch_size: int >= 1. Defaults to `256`.
        learning_rate: float > 0. For Adam. Defaults to `2e-2`.
        callbacks: more callbacks.

    Returns:
        `AdaptedUsers`.

    Raises:
        DataError: if a new user is an old one, no item is known, or items and
            features of the two data sets have other codes.
        ValueError: if an argument is out of its range.

    Example: see `examples/13_recommend_films.py`.

    >>> try:
    ...     aet_keras.training.adapt_users(None, None, None, epochs=0)
    ... except ValueError as error:
    ...     "`epochs` must be" in str(error)
    True
    """
    check.positive_int(_OWNER, epochs=epochs)
    check.positive_int(_OWNER, batch_size=batch_size)
    check.positive(_OWNER, learning_rate=learning_rate)
    ratings = join_ratings(dataset, new)
    grown = with_new_users(model, ratings)
    run = learn_new_users(
        grown,
        ratings,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        rate=policies.WarmupCosine(),
        best=best_kept(ratings.specification),
        callbacks=callbacks,
    )
    return AdaptedUsers(
        model=grown,
        specification=ratings.specification,
        train=ratings.train,
        run=run,
    )
