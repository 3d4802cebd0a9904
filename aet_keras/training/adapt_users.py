"""How does a recommender learn of new users, and of nothing else?"""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import callbacks as parts
from aet_keras import data, policies, tasks
from aet_keras.errors import DataError
from aet_keras.training._recommending import compile_recommender
from aet_keras.training.fine_tune import Run, fine_tune

_OWNER = "adapt_users"


@dataclasses.dataclass(frozen=True)
class AdaptedUsers:
    """Holds a recommender that knows more users than before.

    Args:
        model: `keras.Model`, a new one, with a row for each user.
        specification: `aet_keras.data.RatingSpecification`, the new users
            behind the old ones.
        train: `aet_keras.data.Split`, ratings to look up, of all users.
        run: `aet_keras.training.Run` of the new users' rows alone.

    Example: see `adapt_users`.

    >>> list(aet_keras.training.AdaptedUsers.__dataclass_fields__)
    ['model', 'specification', 'train', 'run']
    """

    model: keras.Model
    specification: data.RatingSpecification
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
    the new rows are put behind the old ones. `model` is not changed.

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
        DataError: if a new user is an old one, or items and features of the
            two data sets have other codes.
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
    old, added = dataset.specification, new.specification
    _check_alike(old, added)
    users = tasks.user_layers(model)
    alone = _with_tables(
        model,
        {name: len(added.users) + 1 for name in users},
        penalty_ratio=dataset.train.count / new.train.count,
    )
    _copy(model, alone, leave=users)
    compile_recommender(alone, learning_rate)
    others = [
        layer.name
        for layer in alone.layers
        if layer.weights and layer.name not in users
    ]
    tables = data.rating_tables(
        [new.train], added, history_length=_history_length(model)
    )
    run = fine_tune(
        alone,
        data.rating_batches(
            new.train, tables, batch_size=batch_size, shuffle_seed=0
        ),
        validation_data=data.rating_batches(
            new.validation, tables, batch_size=4096
        ),
        epochs=epochs,
        freezing=parts.ElasticFreezing(
            policies.ThawOnSchedule(first_epoch=epochs),  # that is, never
            groups=[others],
            cache=None,
            solve_head=False,
        ),
        rate=parts.AdaptiveLearningRate(policies.WarmupCosine()),
        best=parts.KeepBest("val_rating_rmse", mode="min"),
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
    return AdaptedUsers(
        model=_joined(model, alone, users),
        specification=dataclasses.replace(
            old, users=(*old.users, *added.users)
        ),
        train=_joined_rows(dataset.train, new.train, len(old.users)),
        run=run,
    )


def _check_alike(old, added):
    for name in ("items", "user_features", "item_features"):
        if getattr(old, name) != getattr(added, name):
            raise DataError(
                f"{_OWNER}: {name.replace('_', ' ')} of the new ratings must "
                "have the codes that the model knows. Received: others. Read "
                "them with `read_ratings(..., like=dataset.specification)`."
            )
    both = sorted(set(old.users) & set(added.users))
    if both:
        raise DataError(
            f"{_OWNER}: new users must be new, because rows of the old ones "
            f"stay as they are. Received: `{both[0]}` and {len(both) - 1} "
            "more that the model knows. Leave their rows out, or train anew."
        )


def _history_length(model):
    return model.input["history_items"].shape[1]


def _with_tables(model, row_counts, *, penalty_ratio=1.0):
    """Returns a copy whose named tables have so many rows, all 0."""

    def copy(layer):
        config = layer.get_config()
        if layer.name not in row_counts:
            return layer.__class__.from_config(config)
        # A penalty is a share of the mean loss, whose rows are fewer now.
        strength = float(layer.embeddings_regularizer.l2) * penalty_ratio
        return keras.layers.Embedding(
            row_counts[layer.name],
            layer.output_dim,
            embeddings_initializer="zeros",
            embeddings_regularizer=keras.regularizers.L2(strength),
            name=layer.name,
        )

    return keras.models.clone_model(model, clone_function=copy)


def _copy(source, target, *, leave):
    for layer in target.layers:
        if layer.weights and layer.name not in leave:
            layer.set_weights(source.get_layer(layer.name).get_weights())


def _joined(model, alone, users):
    rows = {}
    for name in users:
        old = model.get_layer(name).get_weights()[0]
        new = alone.get_layer(name).get_weights()[0]
        rows[name] = np.concatenate([old, new[1:]])  # row 0 is the unknown
    joined = _with_tables(model, {n: len(table) for n, table in rows.items()})
    _copy(model, joined, leave=users)
    for name, table in rows.items():
        joined.get_layer(name).set_weights([table])
    return joined


def _joined_rows(old, new, old_count):
    users = new.inputs["user"]
    moved = {
        **new.inputs,
        "user": np.where(users > 0, users + old_count, 0).astype("int32"),
    }
    return data.Split(
        inputs={
            name: np.concatenate([column, moved[name]])
            for name, column in old.inputs.items()
        },
        labels=np.concatenate([old.labels, new.labels]),
        names=(*old.names, *new.names),
    )
