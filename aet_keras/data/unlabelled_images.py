"""Reads a folder of images that have no labels."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aet_keras import _regular_file
from aet_keras._progress import counted
from aet_keras.data.dataset import Split
from aet_keras.data.folder_layout import IMAGE, is_seen
from aet_keras.data.image_decoding import bombs_refused, decode
from aet_keras.errors import DataError


def find_unlabelled(owner: str, folder: str | os.PathLike) -> list[Path]:
    """Lists the images in a folder and all folders inside it, sorted.

    Args:
        owner: str. Who asks, in the sentences of what is raised.
        folder: path. The names of folders mean nothing; hidden ones, and
            hidden files, are passed over.

    Raises:
        DataError: if there is no such folder, or no image in it.

    Example:

    >>> from aet_keras.data.unlabelled_images import find_unlabelled
    >>> try:
    ...     find_unlabelled("Recipe", "nowhere")
    ... except aet_keras.errors.DataError as error:
    ...     "must be a folder of images" in str(error)
    True
    """
    found = []
    if _regular_file.is_folder(folder):
        paths = Path(folder).rglob("*")
        found = sorted(
            p for p in paths if IMAGE.has(p) and is_seen(p, Path(folder))
        )
    if not found:
        raise DataError(
            f"{owner}: `unlabelled` (`--unlabelled`) must be a folder of "
            f"images. Received: {os.fspath(folder)}, with none. Name another "
            "folder, or leave it out."
        )
    return found


def read_unlabelled(
    files: Iterable[Path], image_size: tuple[int, int]
) -> tuple[np.ndarray, list[str]]:
    """Decodes images, and leaves out those that are damaged.

    Args:
        files: paths.
        image_size: `(height, width)`.

    Returns:
        uint8 `(count, height, width, 3)`, and the names of the files that
        were read.

    Example:

    >>> from aet_keras.data.unlabelled_images import read_unlabelled
    >>> read_unlabelled([], (8, 8))[0].shape
    (0, 8, 8, 3)
    """
    files, images, names = list(files), [], []
    with bombs_refused():
        what = "reading images without labels"
        for file in counted(files, what, total=len(files), every=50):
            try:
                images.append(decode(file, image_size)[0])
            except Exception:  # as damage is met: see `decode`
                continue
            names.append(str(file))
    shape = (0, *image_size, 3)
    return (np.stack(images) if images else np.zeros(shape, "uint8")), names


def read_fresh(
    owner: str,
    folder: str | os.PathLike,
    image_size: tuple[int, int],
    splits: Iterable[Split],
) -> tuple[np.ndarray, list[str], str]:
    """Reads the images of a folder that are no rows of some splits.

    Args:
        owner: str. Who asks, in the sentences of what is raised.
        folder: path.
        image_size: `(height, width)`.
        splits: `Split`s of images of that size.

    Returns:
        uint8 `(count, height, width, 3)`, the names of their files, and words
        on what is left out.

    Raises:
        DataError: if there is no image that is not a row.

    Example: see `find_unlabelled`.

    >>> from aet_keras.data.unlabelled_images import read_fresh
    >>> try:
    ...     read_fresh("Recipe", "nowhere", (8, 8), [])
    ... except aet_keras.errors.DataError as error:
    ...     "must be a folder of images" in str(error)
    True
    """
    files = find_unlabelled(owner, folder)
    images, names = read_unlabelled(files, image_size)
    fresh = ~is_known(images, splits)
    left_out = f"{len(files) - len(names)} that cannot be read"
    left_out += f" and {int((~fresh).sum())} that are rows of the data"
    if not fresh.any():
        raise DataError(
            f"{owner}: `unlabelled` (`--unlabelled`) must have images that "
            "are not in the data, because those have labels. Received: "
            f"{os.fspath(folder)}, {len(files)} images, {left_out}. Name "
            "another folder."
        )
    kept = [name for name, is_new in zip(names, fresh, strict=True) if is_new]
    return images[fresh], kept, left_out


def is_known(images: np.ndarray, splits: Iterable[Split]) -> np.ndarray:
    """Says of each image whether it is a row of some splits, by its pixels.

    Args:
        images: uint8 `(count, height, width, 3)`.
        splits: `Split`s of images of the same size.

    Example:

    >>> from aet_keras.data.unlabelled_images import is_known
    >>> split = aet_keras.data.read_digits().test
    >>> is_known(split.inputs[:2], [split]).tolist()
    [True, True]
    """
    known = {
        _sum(split.inputs[row])
        for split in splits
        for row in range(split.count)
    }
    return np.array([_sum(image) in known for image in images], bool)


def _sum(image):
    return hashlib.blake2b(np.ascontiguousarray(image), digest_size=16).digest()
