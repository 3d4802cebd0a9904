"""What is known of the ids and features in a file of ratings?"""

import dataclasses

from aet_keras.data.dataset import Specification


@dataclasses.dataclass(frozen=True)
class RatingFeature:
    """Says which values a side feature of users or items has.

    Args:
        column: str. Its name in the table.
        values: tuple of str. Code `i + 1` means `values[i]`; code 0 is a
            missing cell, or a value that the training rows do not have.

    Example:

    >>> aet_keras.data.RatingFeature("age", ("18-25", "26+")).values[0]
    '18-25'
    """

    column: str
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class RatingSpecification(Specification):
    """Says who rates what in a data set of ratings.

    Args:
        kind: str. `"rating"`.
        class_names: empty: labels are numbers.
        image_size: `None`.
        source: str. What was read.
        users: tuple of str. Code `i + 1` means `users[i]`; code 0 is a user
            that the training rows do not have.
        items: tuple of str. Likewise.
        user_features: tuple of `RatingFeature`, the columns of the inputs
            `user_features`.
        item_features: tuple of `RatingFeature`, those of `item_features`.

    Example:

    >>> specification = aet_keras.data.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("Alien",)
    ... )
    >>> specification.users[0]
    'ann'
    """

    users: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    user_features: tuple[RatingFeature, ...] = ()
    item_features: tuple[RatingFeature, ...] = ()
