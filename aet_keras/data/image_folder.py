"""How does a folder of pictures become a `Dataset`?"""

from os import PathLike
from pathlib import Path

import numpy as np

from aet_keras import _check as check
from aet_keras.data.assembly import assemble, check_image_size
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import read_layout
from aet_keras.data.pictures import decode_pictures
from aet_keras.data.splits import check_ratios


def read_image_folder(
    folder: str | PathLike,
    *,
    image_size: tuple[int, int],
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
    skip_bad: bool = False,
) -> Dataset:
    """Reads pictures that lie in one folder a class.

    Those folders lie in `folder`, or in `train`, `validation` (or `val`, or
    `valid`) and `test` inside it; what is missing is split off train, each
    class by its share. JPEG, PNG, BMP, GIF, WebP and TIFF are read, hidden
    files are passed over, links are followed. Each picture is decoded once,
    in threads: upright by its EXIF orientation, the first frame, alpha laid
    on white, 16 bits scaled to 8, all as RGB, stretched to `image_size`
    (bilinear with antialiasing, the aspect ratio not kept). The rows lie in
    memory up to 2 GiB, beyond that in a temporary file.

    Args:
        folder: str or path.
        image_size: `(height, width)`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.
        skip_bad: bool. Leave out files that are no pictures or cannot be
            read, and say so in the notes. Defaults to `False`.

    Returns:
        A `Dataset`; its notes say what was converted and left out.

    Raises:
        DataError: if the folder is missing or holds no pictures, there is one
            class only, a class is too small, a split has a class that train
            has not, or a file is no picture that can be read.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> photos = pathlib.Path(tempfile.mkdtemp())
    >>> for name, value in (("dark", 0), ("light", 255)):
    ...     (photos / name).mkdir()
    ...     for number in range(5):
    ...         picture = np.full((8, 8, 3), value, "uint8")
    ...         path = photos / name / f"{number}.png"
    ...         keras.utils.save_img(path, picture, scale=False)
    >>> dataset = aet_keras.data.read_image_folder(photos, image_size=(4, 4))
    >>> dataset.train
    Split(count=6, inputs=uint8 (6, 4, 4, 3))
    >>> dataset.specification.class_names
    ('dark', 'light')
    """
    owner = "read_image_folder"
    image_size = check_image_size(owner, image_size)
    ratios = check_ratios(owner, validation_ratio, test_ratio)
    check.boolean(owner, skip_bad=skip_bad)
    layout = read_layout(Path(folder))
    names = [str(path) for _, _, path in layout.files]
    rows, is_good, notes = decode_pictures(
        names,
        names=names,
        image_size=image_size,
        source=str(folder),
        skip_bad=skip_bad,
        known_bad=layout.others,
    )
    splits = np.array([split for split, _, _ in layout.files])
    number = {name: label for label, name in enumerate(layout.class_names)}
    return assemble(
        rows,
        np.array([number[name] for _, name, _ in layout.files]),
        names,
        {s: np.flatnonzero((splits == s) & is_good) for s in layout.splits},
        specification=Specification(
            "image", layout.class_names, image_size, str(folder)
        ),
        ratios=ratios,
        seed=seed,
        notes=(*layout.notes, *notes),
    )
