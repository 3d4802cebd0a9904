"""Holds what was read: the rows of three splits, and what they mean."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from aet_keras.errors import DataError

# They mean nothing else in any language. What is a word to some (`None`, `NA`,
# `-`, `unknown`) is not among them.
MISSING_WORDS = (
    *"#DIV/0! #N/A".split(),
    "#N/A N/A",
    *r"""#NA #NULL! #REF! #VALUE! -NaN -nan <NA> <NULL> <NaN> <na> <nan> <null>
    N/A NAN NULL NaN NaT \N n/a nan null""".split(),
)
Columns = Mapping[str, np.ndarray]
InputsT = TypeVar("InputsT", bound=np.ndarray | Columns, covariant=True)
SpecificationT = TypeVar(
    "SpecificationT", bound="Specification", covariant=True
)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split(Generic[InputsT]):
    """Holds the rows of one split and says where each came from.

    For a type checker, `Split[np.ndarray]` holds images or texts,
    `Split[Mapping[str, np.ndarray]]` the columns of a table.

    Args:
        inputs: array `(count, ...)`, or a dict of such arrays by column name.
            Images are uint8 `(count, height, width, 3)`, texts an object
            array of str. May be a `np.memmap`, or stand for an array of
            images that are decoded when they are indexed (`read_images`).
        labels: array `(count,)`: int32, indices into the class names, or
            float32 ratings or numbers; of tags float32 `(count, tags)`, 1
            where a row has the tag.
        names: tuple of str, one a row: a path, or `"train[17]"`.

    Raises:
        DataError: if the three differ in length.

    Example:

    >>> split = aet_keras.data.Split(
    ...     inputs=np.zeros((2, 8, 8, 3), "uint8"),
    ...     labels=np.array([0, 1], "int32"),
    ...     names=("cat/1.png", "dog/1.png"),
    ... )
    >>> split
    Split(count=2, inputs=uint8 (2, 8, 8, 3))
    """

    inputs: InputsT
    labels: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self):
        inputs: Any = self.inputs
        columns = inputs.values() if isinstance(inputs, Mapping) else [inputs]
        counts = {len(column) for column in columns}
        if counts != {len(self.labels)} or len(self.labels) != len(self.names):
            rows = " or ".join(map(str, sorted(counts)))
            raise DataError(
                "Split: each row must have one label and one name. Received: "
                f"{rows} inputs, {len(self.labels)} labels, "
                f"{len(self.names)} names."
            )

    def __repr__(self):
        if isinstance(self.inputs, Mapping):
            return f"Split(count={self.count}, columns={list(self.inputs)})"
        shape = tuple(self.inputs.shape)
        return f"Split(count={self.count}, inputs={self.inputs.dtype} {shape})"

    @property
    def count(self) -> int:
        """Returns the number of rows."""
        return len(self.labels)


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


@dataclasses.dataclass(frozen=True)
class Specification:
    """Describes the rows of a data set.

    Args:
        kind: str. What a row is: `"image"`, `"text"`, `"table"` or
            `"rating"`.
        class_names: tuple of str. Label `i` means `class_names[i]`, of tags
            column `i` does; empty where labels are numbers.
        image_size: `(height, width)` of every image; `None` for rows of
            another kind.
        source: str. What was read, as the user named it.
        target_kind: `"classes"`, `"number"` or `"tags"`. What is predicted.
            Rooms that treat them in different ways have a table by this word.
        thresholds: tuple of floats, one a tag: from which probability on a
            row is said to have it. Empty until validation rows decided it.
        is_ordered: bool. Whether the classes are in an order, such as bad,
            fair, good.
        target_format: `CellFormat`. How a target that is a number is written.

    Example:

    >>> specification = aet_keras.data.dataset.Specification(
    ...     kind="image",
    ...     class_names=("cat", "dog"),
    ...     image_size=(96, 96),
    ...     source="photos/",
    ... )
    >>> specification.class_names[1]
    'dog'
    """

    kind: str
    class_names: tuple[str, ...]
    image_size: tuple[int, int] | None
    source: str
    target_kind: str = dataclasses.field(default="classes", kw_only=True)
    thresholds: tuple[float, ...] = dataclasses.field(default=(), kw_only=True)
    is_ordered: bool = dataclasses.field(default=False, kw_only=True)
    target_format: CellFormat = dataclasses.field(
        default=CellFormat(), kw_only=True
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset(Generic[SpecificationT]):
    """Holds three splits, what they mean, and what a user must be told.

    For a type checker, a `Dataset[TableSpecification]` is one of table rows, a
    `Dataset[RatingSpecification]` one of ratings, and a
    `Dataset[Specification]` one of images or texts.

    Args:
        train: `Split` to learn from.
        validation: `Split` that decisions are made on.
        test: `Split` that the report is made on, once.
        specification: `Specification` of the rows of all three.
        notes: tuple of str. Sentences about what was converted, left out or
            found odd while reading.

    Example:

    >>> dataset = aet_keras.data.read_digits()
    >>> dataset.train.count, dataset.validation.count, dataset.test.count
    (1259, 269, 269)
    """

    train: Split[Any]
    validation: Split[Any]
    test: Split[Any]
    specification: SpecificationT
    notes: tuple[str, ...] = ()
