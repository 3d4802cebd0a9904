"""Reads images and labels from an .npz file."""

import zipfile
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _regular_file
from aet_keras._wording import quoted
from aet_keras.data.array_members import read_members
from aet_keras.data.assembly import ImageOptions
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.image_pixels import read_pixels
from aet_keras.errors import DataError

_WORDS = {
    "train": ("train",),
    "validation": ("validation", "val"),
    "test": ("test",),
}
_ACCEPTED = (
    "Accepted are `images` and `labels`; or `x_train` and `y_train`, and the "
    "same with `validation` (or `val`) and `test`; or `jpeg_train`, "
    "`offsets_train` and `y_train`, and so on. `classes` may hold names"
)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an .npz; pickled objects are never loaded.

    Raises:
        DataError: if the file is missing, damaged, empty or holds objects.
    """
    problem = _regular_file.why_not(path)
    if problem:
        raise DataError(
            f"{path}: there must be an .npz file here. Received: {problem}. "
            f"Check the path; it is relative to {Path.cwd()}."
        )
    try:
        arrays = read_members(path)
    except (
        OSError,
        EOFError,
        MemoryError,  # a damaged shape asks for more than there is
        RuntimeError,  # encrypted
        ValueError,
        TypeError,  # a lone .npy array is no context manager
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{path}: must be a whole .npz file of plain arrays. Received: "
            f"{error}. Write it again with `np.savez_compressed`, without "
            "Python objects."
        ) from error
    if not arrays:
        raise DataError(
            f"{path}: there must be arrays inside. Received: none. {_ACCEPTED}."
        )
    return arrays


def find_split_arrays(
    arrays: Mapping[str, np.ndarray], path: Path
) -> dict[str, tuple[str, str]]:
    """Returns the names of images and labels of each split there is.

    Raises:
        DataError: if train is missing, or images come without labels.
    """
    found = {}
    for split, words in _WORDS.items():
        pairs = [(f"{x}_{w}", f"y_{w}") for x in ("x", "jpeg") for w in words]
        if split == "train":
            pairs.append(("images", "labels"))
        for images, labels in pairs:
            if images in arrays:
                _check_present(arrays, labels, images, path)
                found[split] = images, labels
                break
    if "train" not in found:
        raise DataError(
            f"{path}: there must be images to train on. Received: "
            f"{quoted(arrays, 8)}. {_ACCEPTED}."
        )
    for images, labels in found.values():
        _check_pair(arrays, images, labels, path)
    return found


def _check_present(arrays, wanted, beside, path):
    if wanted not in arrays:
        raise DataError(
            f"{path}: `{beside}` must come with `{wanted}`. Received: "
            f"{quoted(arrays, 8)}. {_ACCEPTED}."
        )


def _check_pair(arrays, images, labels, path):
    values = arrays[labels]
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(
            f"{path}: `{labels}` must hold integers, one for each image. "
            f"Received: {values.dtype} {values.shape}. Store the numbers of "
            "the classes and their names in `classes`."
        )
    if images.startswith("jpeg_"):
        count = _count_encoded(arrays, images, path)
    else:
        count = _count_decoded(arrays[images], images, path)
    # (count, 1) is how CIFAR's labels come.
    if values.shape not in ((count,), (count, 1)):
        raise DataError(
            f"{path}: `{labels}` must hold one label for each image. Received: "
            f"{values.shape} for {count} images in `{images}`. Labels are "
            "class numbers, not one-hot rows."
        )


def _count_decoded(images, name, path):
    if images.dtype != np.uint8:
        raise DataError(
            f"{path}: `{name}` must be uint8, 0 to 255. Received: "
            f"{images.dtype}. Scale it to 255 if it goes to 1, round, and "
            'convert with `.astype("uint8")`.'
        )
    is_grey = images.ndim == 3
    is_colour = images.ndim == 4 and images.shape[-1] in (1, 3)
    if not is_grey and not is_colour or 0 in images.shape:
        raise DataError(
            f"{path}: `{name}` must be (count, height, width), or the same "
            f"with 1 or 3 channels last, and not empty. Received: "
            f"{images.shape}. Channels that come first are moved with "
            "`np.moveaxis(images, 1, -1)`."
        )
    return len(images)


def _count_encoded(arrays, name, path):
    offsets = name.replace("jpeg_", "offsets_")
    _check_present(arrays, offsets, name, path)
    ends = arrays[offsets]
    is_right = ends.ndim == 1 and np.issubdtype(ends.dtype, np.integer)
    is_right = is_right and arrays[name].dtype == np.uint8 and len(ends) > 1
    if not is_right or ends[0] != 0 or ends[-1] != arrays[name].size:
        raise DataError(
            f"{path}: `{offsets}` must hold the integers at which the bytes "
            f"(uint8) of each image in `{name}` begin, from 0, and the "
            f"length of `{name}` last. Received: {ends.dtype} {ends.shape} "
            f"for {arrays[name].dtype} {arrays[name].shape}."
        )
    return len(ends) - 1


def name_classes(
    labels: np.ndarray, arrays: Mapping[str, np.ndarray], path: Path
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns labels from 0 on, and a name for each.

    Without `classes` the label itself is the name.

    Raises:
        DataError: if a label has no name, or a name comes twice.
    """
    if "classes" not in arrays:
        values, numbered = np.unique(labels, return_inverse=True)
        return numbered, tuple(str(value) for value in values)
    raw = np.ravel(arrays["classes"]).tolist()
    names = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in raw)
    if len(set(names)) < len(names):
        raise DataError(
            f"{path}: `classes` must name each class once. Received: {names}."
        )
    if labels.min() < 0 or labels.max() >= len(names):
        raise DataError(
            f"{path}: labels must be from 0 to {len(names) - 1}, because "
            f"`classes` holds {len(names)} names. Received: {labels.min()} to "
            f"{labels.max()}. Number the classes from 0."
        )
    return labels, names


def read_image_arrays(
    path: str | PathLike, **options: Any
) -> Dataset[Specification]:
    """Reads uint8 images and integer labels from an .npz file.

    The arrays are `images` and `labels`, or `x_train` and `y_train` and the
    same with `validation` (or `val`) and `test`, as in Keras's `mnist.npz`.
    Images are `(count, height, width)`, or with 1 or 3 channels last.
    Encoded images come as the bytes `jpeg_train`, the positions
    `offsets_train` at which each begins, and `y_train`. `classes` may hold
    names; else the labels are the names. Splits that are missing are split
    off train. All is resized as `read_image_folder` does it.

    Args:
        path: str or path.
        options: `image_size` and the others, as of `read_images`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if the file is missing, damaged or empty, images are not
            uint8, labels not integers, or a class is too small.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "blobs.npz"
    >>> images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), "uint8")
    >>> np.savez(path, images=images, labels=np.arange(20) % 2)
    >>> from aet_keras.data.image_arrays import read_image_arrays
    >>> dataset = read_image_arrays(path, image_size=(4, 4))
    >>> dataset.train
    Split(count=12, inputs=uint8 (12, 4, 4, 3))
    >>> dataset.notes
    ('20 greyscale images were read as RGB.',)
    """
    asked = ImageOptions(owner="read_image_arrays", **options)
    path = Path(path)
    arrays = load_arrays(path)
    found = find_split_arrays(arrays, path)
    by_split = {s: arrays[labels].ravel() for s, (_, labels) in found.items()}
    labels, class_names = name_classes(
        np.concatenate(list(by_split.values())), arrays, path
    )
    names = [f"{s}[{row}]" for s in found for row in range(len(by_split[s]))]
    splits = np.repeat(list(found), [len(by_split[s]) for s in found])
    images = _parts(arrays, [images for images, _ in found.values()])
    pixels = read_pixels(
        images,
        asked,
        names=names,
        source=str(path),
        is_streamed=asked.streams(len(names)),
    )
    return pixels.assemble(
        asked,
        labels,
        names,
        {s: np.flatnonzero((splits == s) & pixels.is_good) for s in found},
        class_names=class_names,
        source=str(path),
    )


class _Parts:
    """The images of several arrays, one after the other, not copied.

    Args:
        parts: list of arrays of images, or of `(bytes, offsets)`.
    """

    def __init__(self, parts):
        self._parts = parts
        counts = [
            len(part[1]) - 1 if isinstance(part, tuple) else len(part)
            for part in parts
        ]
        self._ends = np.cumsum(counts)

    def __len__(self):
        return int(self._ends[-1])

    def __getitem__(self, row):
        if not 0 <= row < len(self):
            raise IndexError(row)  # which ends a loop over all
        number = int(np.searchsorted(self._ends, row, side="right"))
        part = self._parts[number]
        row -= int(self._ends[number - 1]) if number else 0
        if not isinstance(part, tuple):
            return part[row]
        content, offsets = part
        return content[offsets[row] : offsets[row + 1]].tobytes()


def _parts(arrays, keys):
    return _Parts(
        [
            (arrays[key], arrays[key.replace("jpeg_", "offsets_")])
            if key.startswith("jpeg_")
            else arrays[key]
            for key in keys
        ]
    )
