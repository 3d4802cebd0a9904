"""What does every source look like once it has been read?"""

import dataclasses

import numpy as np

from aet_keras.errors import DataError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Holds the rows of one split and says where each came from.

    Args:
        inputs: array `(count, ...)`; pictures are uint8
            `(count, height, width, 3)`. May be a `np.memmap`.
        labels: int32 array `(count,)`. Indices into the class names.
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

    inputs: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self):
        lengths = len(self.inputs), len(self.labels), len(self.names)
        if len(set(lengths)) > 1:
            raise DataError(
                "Split: there must be one label and one name a row. Received: "
                "{} inputs, {} labels, {} names.".format(*lengths)
            )

    def __repr__(self):
        shape = tuple(self.inputs.shape)
        return f"Split(count={self.count}, inputs={self.inputs.dtype} {shape})"

    @property
    def count(self) -> int:
        """Returns the number of rows."""
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Specification:
    """Says what the rows of a data set are.

    Args:
        kind: str. What a row is: `"image"`.
        class_names: tuple of str. Label `i` means `class_names[i]`.
        image_size: `(height, width)` of every picture.
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
    image_size: tuple[int, int]
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
