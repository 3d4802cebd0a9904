"""What does every source look like once it has been read?"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from aet_keras.errors import DataError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Holds the rows of one split and says where each came from.

    Args:
        inputs: array `(count, ...)`, or a dict of such arrays by column name.
            Pictures are uint8 `(count, height, width, 3)`, texts an object
            array of str. May be a `np.memmap`.
        labels: array `(count,)`: int32, indices into the class names, or
            float32 ratings.
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

    inputs: np.ndarray | Mapping[str, np.ndarray]
    labels: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self):
        counts = {len(column) for column in self._columns}
        if counts != {len(self.labels)} or len(self.labels) != len(self.names):
            inputs = " or ".join(map(str, sorted(counts)))
            raise DataError(
                "Split: there must be one label and one name a row. Received: "
                f"{inputs} inputs, {len(self.labels)} labels, "
                f"{len(self.names)} names."
            )

    def __repr__(self):
        if isinstance(self.inputs, Mapping):
            return f"Split(count={self.count}, columns={list(self.inputs)})"
        shape = tuple(self.inputs.shape)
        return f"Split(count={self.count}, inputs={self.inputs.dtype} {shape})"

    @property
    def _columns(self):
        is_named = isinstance(self.inputs, Mapping)
        return self.inputs.values() if is_named else [self.inputs]

    @property
    def count(self) -> int:
        """Returns the number of rows."""
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Specification:
    """Says what the rows of a data set are.

    Args:
        kind: str. What a row is: `"image"`, `"text"`, `"table"` or
            `"rating"`.
        class_names: tuple of str. Label `i` means `class_names[i]`; empty
            where labels are numbers.
        image_size: `(height, width)` of every picture; `None` for what is no
            picture.
        source: str. What was read, as the user named it.

    Example:

    >>> specification = aet_keras.data.Specification(
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


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Holds three splits, what they mean, and what a user must be told.

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

    train: Split
    validation: Split
    test: Split
    specification: Specification
    notes: tuple[str, ...] = ()
