"""How does an .npz of pictures and labels become a `Dataset`?"""

from os import PathLike
from pathlib import Path

import numpy as np

from aet_keras import _check as check
from aet_keras.data.array_archive import find_splits, load_arrays, name_classes
from aet_keras.data.assembly import assemble, check_image_size
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.decoding import conversion_notes, resize
from aet_keras.data.pictures import decode_pictures
from aet_keras.data.splits import check_ratios
from aet_keras.data.storage import allocate


def read_image_arrays(
    path: str | PathLike,
    *,
    image_size: tuple[int, int],
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
    skip_bad: bool = False,
) -> Dataset:
    """Reads uint8 pictures and integer labels from an .npz file.

    The arrays are `images` and `labels`, or `x_train` and `y_train` and the
    same with `validation` (or `val`) and `test`, as in Keras's `mnist.npz`.
    Pictures are `(count, height, width)`, or with 1 or 3 channels last.
    Encoded pictures come as the bytes `jpeg_train`, the positions
    `offsets_train` at which each begins, and `y_train`. `classes` may hold
    names; else the labels are the names. Splits that are missing are split
    off train. All is resized as `read_image_folder` does it.

    Args:
        path: str or path.
        image_size: `(height, width)`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.
        skip_bad: bool. Leave out encoded pictures that cannot be read, and
            say so in the notes. Defaults to `False`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if the file is missing, damaged or empty, pictures are not
            uint8, labels not integers, or a class is too small.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "blobs.npz"
    >>> images = np.zeros((20, 8, 8), "uint8")
    >>> np.savez(path, images=images, labels=np.arange(20) % 2)
    >>> dataset = aet_keras.data.read_image_arrays(path, image_size=(4, 4))
    >>> dataset.train
    Split(count=12, inputs=uint8 (12, 4, 4, 3))
    >>> dataset.notes
    ('20 greyscale pictures were read as RGB.',)
    """
    owner = "read_image_arrays"
    image_size = check_image_size(owner, image_size)
    ratios = check_ratios(owner, validation_ratio, test_ratio)
    check.boolean(owner, skip_bad=skip_bad)
    path = Path(path)
    arrays = load_arrays(path)
    found = find_splits(arrays, path)
    by_split = {s: arrays[labels].ravel() for s, (_, labels) in found.items()}
    labels, class_names = name_classes(
        np.concatenate(list(by_split.values())), arrays, path
    )
    names = [f"{s}[{row}]" for s in found for row in range(len(by_split[s]))]
    splits = np.repeat(list(found), [len(by_split[s]) for s in found])
    keys = [pictures for pictures, _ in found.values()]
    if any(key.startswith("jpeg_") for key in keys):
        rows, is_good, notes = decode_pictures(
            _encoded(arrays, keys),
            names=names,
            image_size=image_size,
            source=str(path),
            skip_bad=skip_bad,
        )
    else:
        rows, notes = _resized([arrays[key] for key in keys], image_size)
        is_good = np.ones(len(rows), bool)
    return assemble(
        rows,
        labels,
        names,
        {s: np.flatnonzero((splits == s) & is_good) for s in found},
        specification=Specification(
            "image", class_names, image_size, str(path)
        ),
        ratios=ratios,
        seed=seed,
        notes=notes,
    )


def _encoded(arrays, keys):
    for key in keys:
        ends = arrays[key.replace("jpeg_", "offsets_")]
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            yield arrays[key][start:end].tobytes()


def _resized(parts, image_size):
    rows = allocate((sum(map(len, parts)), *image_size, 3))
    row, grey_count = 0, 0
    for images in parts:
        if images.shape[-1] == 1 and images.ndim == 4:
            images = images[..., 0]
        grey_count += len(images) * (images.ndim == 3)
        for image in images:
            rows[row] = resize(image, image_size)
            row += 1
    return rows, conversion_notes({"greyscale picture": grey_count})
