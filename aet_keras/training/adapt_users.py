"""How does a recommender learn of new users, and of nothing else?"""

import dataclasses
from collections.abc import Sequence

import keras

from aet_keras import _check as check
from aet_keras import callbacks as parts
from aet_keras import data, policies
from aet_keras.training._new_users import (
    join_ratings,
    learn_new_users,
    with_new_users,
)
from aet_keras.training.fine_tune import Run

_OWNER = "adapt_users"


@dataclasses.dataclass(frozen=True)
class AdaptedUsers:
    """Holds a recommender that knows more users than before.

    Args:
        model: `keras.Model`, a new one, with a row for each user.
        specification: `aet_keras.data.RatingSpecification`, the new users
            behind the old ones.
        train: `aet_keras.data.Split`, ratings to look up, of all users.
        run: `aet_keras.training.Run` of the new users' rows; its model is
            the one above.

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
    the new rows are put behind the old ones. `model` is not changed. Ratings of
    items that it does not know are left out.

    To serve it, give `data.rating_tables` the `item_features` of the earlier
    tables: they follow the ratings otherwise, those of new users too.

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
        best=parts.KeepBest("val_rating_rmse", mode="min"),
        callbacks=callbacks,
    )
    return AdaptedUsers(
        model=grown,
        specification=ratings.specification,
        train=ratings.train,
        run=run,
    )
