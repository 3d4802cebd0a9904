"""Describes the rows of a data set of each kind."""

import dataclasses

from aet_keras.data.dataset import Specification

# They mean nothing else in any language. What is a word to some (`None`, `NA`,
# `-`, `unknown`) is not among them.
MISSING_WORDS = (
    *"#DIV/0! #N/A".split(),
    "#N/A N/A",
    *r"""#NA #NULL! #REF! #VALUE! -NaN -nan <NA> <NULL> <NaN> <na> <nan> <null>
    N/A NAN NULL NaN NaT \N n/a nan null""".split(),
)
_EARLIER_WORDS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None")


@dataclasses.dataclass(frozen=True)
class CellFormat:
    """Says how the cells of a column are written and what they mean.

    The same record is used to read a file, is written in a manifest, and is
    built into the SavedModel.

    Args:
        missing: tuple of str. Words that mean a missing cell, in this exact
            spelling; an empty cell is always missing. A number, such as
            `-999`, counts in every spelling. Defaults to
            `MISSING_WORDS`.
        decimal: `"."` or `","`. The decimal sign.
        thousands: str. Separates thousands: `","`, `"."`, `"'"`, a
            space, or `""` for nothing.
        unit: str. What may be before or behind a number, such as `"$"`,
            `"%"` or `"kg"`, without changing it.
        date_format: str. As of `datetime.strptime`, with year, month and
            day. Defaults to `""`: `2024-03-17`, whatever follows it.
        spellings: tuple of str. Words that are recognised in upper and lower
            case, such as `("false", "true")`.

    Example:

    >>> from aet_keras.data.specifications import CellFormat
    >>> CellFormat(decimal=",", thousands=".").unit
    ''
    """

    missing: tuple[str, ...] = MISSING_WORDS
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    date_format: str = ""
    spellings: tuple[str, ...] = ()


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
        target_format: `CellFormat`. How a target that is a number is written.
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
    target_format: CellFormat = CellFormat()
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
