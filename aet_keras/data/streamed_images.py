"""Decodes images when they are asked for, in place of an array of them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import xxhash

from aet_keras._optional import needing
from aet_keras.data.dataset import Dataset
from aet_keras.data.image_decoding import Encoded, bombs_refused, decode
from aet_keras.errors import DataError

SUM_BYTES = 16


class EncodedImages(Protocol):
    """Gives each image as `decode` takes it: a path, bytes or pixels."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Encoded: ...


class StreamedImages:
    """Stands for the array of some images, and decodes those of an index.

    It has the `shape`, `dtype` and `len` of the array, and the same pixels. It
    is indexed by a number, a slice or an array of numbers along the first
    axis, from any thread. An image must not change: its pixels are compared
    with a sum of those that were read first.

    Args:
        encoded: sequence of what `decode` takes, one an image of the source.
        names: sequence of str, likewise, for sentences.
        image_size: `(height, width)`.
        sums: uint8 array `(images, 16)`, as of `sum_of_pixels`.
        rows: optional int array. Which images of the source it stands for,
            in order. Defaults to all.

    Example:

    >>> from aet_keras.data.streamed_images import StreamedImages, sum_of_pixels
    >>> encoded = [np.full((8, 8, 3), value, "uint8") for value in (0, 255)]
    >>> sums = np.stack([sum_of_pixels(each[:4, :4]) for each in encoded])
    >>> images = StreamedImages(
    ...     encoded, ["dark", "light"], image_size=(4, 4), sums=sums
    ... )
    >>> images.shape, images[1].mean(), images[:1].shape
    ((2, 4, 4, 3), np.float64(255.0), (1, 4, 4, 3))
    """

    dtype = np.dtype("uint8")
    ndim = 4

    def __init__(
        self,
        encoded: EncodedImages,
        names: Sequence[str],
        *,
        image_size: tuple[int, int],
        sums: np.ndarray,
        rows: np.ndarray | None = None,
    ):
        self._encoded = encoded
        self._names = names
        self._image_size = image_size
        self._sums = sums
        self._rows = np.arange(len(encoded)) if rows is None else rows
        self._failures: list[DataError] = []

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self):
        return f"StreamedImages(shape={self.shape})"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """What the array's would be: `(images, height, width, 3)`."""
        return (len(self._rows), *self._image_size, 3)

    @property
    def sums(self) -> np.ndarray:
        """The sum of the pixels of each image, uint8 `(images, 16)`."""
        return self._sums[self._rows]

    @property
    def failure(self) -> DataError | None:
        """Says which image could not be read again, if there was one."""
        return self._failures[0] if self._failures else None

    def take(self, rows: np.ndarray) -> "StreamedImages":
        """Returns some of the images, by their numbers, not decoded."""
        taken = StreamedImages(
            self._encoded,
            self._names,
            image_size=self._image_size,
            sums=self._sums,
            rows=self._rows[rows],
        )
        taken._failures = self._failures
        return taken

    def __getitem__(self, key: Any) -> np.ndarray:
        rows = self._rows[key]
        if rows.ndim == 0:
            return self._decoded(int(rows))
        found = np.empty((len(rows), *self._image_size, 3), "uint8")
        for place, row in enumerate(rows.tolist()):
            found[place] = self._decoded(row)
        return found

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def _decoded(self, row):
        try:
            pixels, _ = decode(self._encoded[row], self._image_size)
        except Exception as error:  # of nearly any kind: see `decode`
            raise self._failed(row, reason_of(error)) from error
        if (sum_of_pixels(pixels) != self._sums[row]).any():
            raise self._failed(row, "it has other pixels now")
        return pixels

    def _failed(self, row, reason):
        error = DataError(
            f"{self._names[row]}: an image must stay as it is until the run "
            f"ends, because it is decoded each time that it is needed. "
            f"Received: {reason}. Bring it back and start again, or decode "
            "each image once with `stream=False` (`--no-stream`)."
        )
        self._failures.append(error)
        return error


def sum_of_pixels(pixels: np.ndarray) -> np.ndarray:
    """Returns a sum of an image's pixels, uint8 `(16,)`."""
    raw = xxhash.xxh3_128_digest(np.ascontiguousarray(pixels).data)
    return np.frombuffer(raw, "uint8")


def reason_of(error: Exception) -> str:
    """Returns why an image could not be decoded, in a few words."""
    with needing("training"):
        from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if isinstance(error, FileNotFoundError):
        return "it is not there any more"
    if isinstance(
        error, (Image.DecompressionBombWarning, Image.DecompressionBombError)
    ):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    return str(error).strip() or type(error).__name__


@contextlib.contextmanager
def failures_named(dataset: Dataset) -> Iterator[None]:
    """Raises what an image failed with, where TensorFlow hides it.

    An exception in a thread of tf.data ends `fit` with one of TensorFlow's own.
    Warnings of Pillow about metadata, which is not used, are ignored inside.

    Args:
        dataset: `Dataset` of any kind; only images that are streamed matter.

    Raises:
        DataError: if an image could not be read again.
    """
    inputs = dataset.train.inputs
    if not isinstance(inputs, StreamedImages):
        yield
        return
    with bombs_refused():
        try:
            yield
        except Exception as error:
            if inputs.failure is None or error is inputs.failure:
                raise
            raise inputs.failure from error
