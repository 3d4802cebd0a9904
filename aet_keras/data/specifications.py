"""Describes the rows of a data set of each kind."""

import dataclasses

from aet_keras.data.dataset import MISSING_WORDS, CellFormat, Specification

_EARLIER_WORDS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None")

# What releases before 0.10 did, whose manifests hold no formats.
EARLIER_FORMAT = CellFormat(missing=_EARLIER_WORDS)


@dataclasses.dataclass(frozen=True)
class TableColumn:
    """Describes one column of a table.

    Args:
        name: str. What a model and a server call it: letters, digits and `_`.
        kind: `"number"`, `"category"` or `"date"`.
        title: str. What the file calls it.
        format: `CellFormat`. What its cells mean. Defaults to plain numbers,
            and dates such as `2024-03-17`.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> column = TableColumn("mean_area", "number", "mean area")
    >>> column.kind
    'number'
    """

    name: str
    kind: str
    title: str
    format: CellFormat = CellFormat()


@dataclasses.dataclass(frozen=True)
class TableSpecification(Specification):
    """Describes the rows of a table.

    Args:
        columns: tuple of `TableColumn` that a model may look at.
        target: str. The column to predict; `""` if tags have a column each.
        positive: str. The class whose probability is the risk; `""` of a
            number and of tags.
        cost_false_negative: float > 0. What it costs to miss a positive.
        cost_false_positive: float > 0. What it costs to call a row positive
            that is not, in the same unit.
        missing: tuple of str. Words that mean a row without a target.
        label_columns: tuple of str. Where tags have a column each: theirs.

    Example:

    >>> from aet_keras.data.specifications import (
    ...     TableColumn, TableSpecification
    ... )
    >>> specification = TableSpecification(
    ...     kind="table",
    ...     class_names=("bad", "good"),
    ...     image_size=None,
    ...     source="credit.csv",
    ...     columns=(TableColumn("age", "number", "age"),),
    ...     target="status",
    ...     positive="bad",
    ... )
    >>> specification.positive_index
    0
    """

    columns: tuple[TableColumn, ...] = ()
    target: str = ""
    positive: str = ""
    cost_false_negative: float = 1.0
    cost_false_positive: float = 1.0
    missing: tuple[str, ...] = MISSING_WORDS
    label_columns: tuple[str, ...] = ()

    @property
    def positive_index(self) -> int:
        """Returns which class is the positive one."""
        return self.class_names.index(self.positive)


@dataclasses.dataclass(frozen=True)
class RatingFeature:
    """Lists the values of a feature of users or items.

    Args:
        column: str. Its name in the table.
        values: tuple of str. Code `i + 1` means `values[i]`; code 0 is a
            missing cell, or a value that the training rows do not have.

    Example:

    >>> from aet_keras.data.specifications import RatingFeature
    >>> RatingFeature("age", ("18-25", "26+")).values[0]
    '18-25'
    """

    column: str
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class RatingSpecification(Specification):
    """Describes the rows of a data set of ratings.

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
        has_ratings: bool. Whether rows are ratings. Otherwise each is an
            interaction: a user met an item. Its label is 1.

    Example:

    >>> specification = aet_keras.data.specifications.RatingSpecification(
    ...     "rating", (), None, "films.csv", users=("ann",), items=("Alien",)
    ... )
    >>> specification.users[0]
    'ann'
    """

    users: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    user_features: tuple[RatingFeature, ...] = ()
    item_features: tuple[RatingFeature, ...] = ()
    has_ratings: bool = True
