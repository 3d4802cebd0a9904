"""Which reader does a source need?"""

import difflib
from os import PathLike
from pathlib import Path

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.data.dataset import Dataset
from aet_keras.data.digits import read_digits
from aet_keras.data.image_arrays import read_image_arrays
from aet_keras.data.image_folder import read_image_folder
from aet_keras.data.image_tfds import read_image_tfds
from aet_keras.errors import DataError


def read_images(
    source: str | PathLike,
    *,
    image_size: tuple[int, int],
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
    skip_bad: bool = False,
) -> Dataset:
    """Reads pictures from whatever the source is.

    `"digits"` is `read_digits`, `"tfds:NAME"` `read_image_tfds`, a name that
    ends in `.npz` `read_image_arrays`, a folder `read_image_folder`.

    Args:
        source: str or path. `"./digits"` is the folder of that name.
        image_size: `(height, width)`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.
        skip_bad: bool. Leave out pictures that cannot be read and say so in
            the notes. Defaults to `False`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if the source is none of these, or cannot be learned from.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> dataset = aet_keras.data.read_images("digits", image_size=(8, 8))
    >>> dataset.specification.source
    'digits'
    """
    check.boolean("read_images", skip_bad=skip_bad)
    options = {
        "image_size": image_size,
        "seed": seed,
        "validation_ratio": validation_ratio,
        "test_ratio": test_ratio,
    }
    if source == "digits":
        return read_digits(**options)
    if isinstance(source, str) and source.startswith("tfds:"):
        name = source.removeprefix("tfds:")
        return read_image_tfds(name, skip_bad=skip_bad, **options)
    path = Path(source)
    if path.suffix.lower() == ".npz" and not _regular_file.is_folder(path):
        return read_image_arrays(path, skip_bad=skip_bad, **options)
    if _regular_file.is_folder(path):
        return read_image_folder(path, skip_bad=skip_bad, **options)
    raise DataError(_unknown(path))


def _unknown(path):
    beside = [p.name for p in path.parent.glob("*") if p.is_dir()]
    beside += [p.name for p in path.parent.glob("*.npz")]
    close = difflib.get_close_matches(path.name, ["digits", *beside], 1)
    nearest = f" Nearest: `{close[0]}`." if close else ""
    what = _regular_file.why_not(path) or "a file of another kind"
    return (
        "read_images: the source must be `digits`, `tfds:NAME`, an .npz file "
        f"or a folder of pictures. Received: {path}, which is {what}."
        f"{nearest} Check the path; it is relative to {Path.cwd()}."
    )
