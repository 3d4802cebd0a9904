"""Which arrays of an .npz are pictures, which labels, and are they right?"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from aet_keras import _regular_file
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
    said = _regular_file.why_not(path)
    if said and said != "not there":
        raise DataError(
            f"{path}: there must be an .npz file here. Received: {said}. Check "
            f"the path; it is relative to {Path.cwd()}."
        )
    try:
        # NumPy leaves a file that it opened itself open when it fails.
        with (
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as archive,
        ):
            arrays = {key: archive[key] for key in archive.files}
        # NumPy hands out members of a zip that are no arrays as bytes.
        arrays = {k: a for k, a in arrays.items() if isinstance(a, np.ndarray)}
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: there must be an .npz file here. Received: nothing. "
            f"Check the path; it is relative to {Path.cwd()}."
        ) from error
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


def find_splits(
    arrays: Mapping[str, np.ndarray], path: Path
) -> dict[str, tuple[str, str]]:
    """Returns the names of pictures and labels of each split there is.

    Raises:
        DataError: if train is missing, or pictures come without labels.
    """
    found = {}
    for split, words in _WORDS.items():
        pairs = [(f"{x}_{w}", f"y_{w}") for x in ("x", "jpeg") for w in words]
        if split == "train":
            pairs.append(("images", "labels"))
        for pictures, labels in pairs:
            if pictures in arrays:
                _check_present(arrays, labels, pictures, path)
                found[split] = pictures, labels
                break
    if "train" not in found:
        keys = ", ".join(f"`{key}`" for key in list(arrays)[:8])
        raise DataError(
            f"{path}: there must be pictures to train on. Received: {keys}. "
            f"{_ACCEPTED}."
        )
    for pictures, labels in found.values():
        _check_pair(arrays, pictures, labels, path)
    return found


def _check_present(arrays, wanted, beside, path):
    if wanted not in arrays:
        raise DataError(
            f"{path}: `{beside}` must come with `{wanted}`. Received: "
            f"{', '.join(f'`{key}`' for key in list(arrays)[:8])}. "
            f"{_ACCEPTED}."
        )


def _check_pair(arrays, pictures, labels, path):
    values = arrays[labels]
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(
            f"{path}: `{labels}` must hold integers, one a picture. Received: "
            f"{values.dtype} {values.shape}. Store the numbers of the classes "
            "and their names in `classes`."
        )
    if pictures.startswith("jpeg_"):
        count = _count_encoded(arrays, pictures, path)
    else:
        count = _count_decoded(arrays[pictures], pictures, path)
    # (count, 1) is how CIFAR's labels come.
    if values.shape not in ((count,), (count, 1)):
        raise DataError(
            f"{path}: `{labels}` must hold one label a picture. Received: "
            f"{values.shape} for {count} pictures in `{pictures}`. Labels are "
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
            f"(uint8) of each picture in `{name}` begin, from 0, and the "
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
