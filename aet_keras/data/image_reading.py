"""Reads images from a folder, TFDS or scikit-learn."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._optional import optional
from aet_keras._wording import nearest
from aet_keras.data.assembly import ImageOptions, assemble_images
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import read_layout
from aet_keras.data.image_arrays import read_image_arrays
from aet_keras.data.image_pixels import read_pixels
from aet_keras.data.image_shards import find_shards, read_image_shards
from aet_keras.data.image_table import read_image_table
from aet_keras.data.tfds_source import open_examples
from aet_keras.errors import DataError


def read_images(
    source: str | PathLike,
    *,
    image_size: tuple[int, int],
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
    skip_bad: bool = False,
    stream: bool | None = None,
    image_column: str | None = None,
    target: str | None = None,
    label_columns: Sequence[str] | None = None,
    target_kind: str = "auto",
) -> Dataset[Specification]:
    """Reads images from whatever the source is.

    `"digits"` is `read_digits`, `"tfds:NAME"` `read_image_tfds`, a name that
    ends in `.npz` `read_image_arrays`, a TFRecord file or `.tar`, a pattern
    or folder of these `read_image_shards`, another folder `read_image_folder`.
    With `image_column` it is a table, and `read_image_table` reads it.

    Args:
        source: str or path. `"./digits"` is the folder of that name.
        image_size: `(height, width)`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.
        skip_bad: bool. Leave out images that cannot be read and say so in
            the notes. Defaults to `False`.
        stream: optional bool. Keep no decoded images: each is decoded again
            when a batch needs it, and must not change until then. Defaults
            to whether all of them, decoded, take more than a quarter of the
            free memory, which a note says.
        image_column: optional str. Of a table: the column of file names.
        target: optional str. Of a table: the column to predict.
        label_columns: optional sequence of str. Of a table: in its place,
            columns of 0 and 1, one a tag.
        target_kind: str. Of a table, as of `read_table`.

    Returns:
        A `Dataset`. Where images are streamed, `inputs` of its splits are
        not arrays: they have the `shape`, `dtype` and `len` of one, and are
        indexed along the first axis.

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
    if stream is not None:
        check.boolean("read_images", stream=stream)
    options: dict[str, Any] = {
        "image_size": image_size,
        "seed": seed,
        "validation_ratio": validation_ratio,
        "test_ratio": test_ratio,
    }
    if source == "digits":
        return read_digits(**options)
    options |= {"skip_bad": skip_bad, "stream": stream}
    if image_column is not None:
        return read_image_table(
            source,
            image_column=image_column,
            target=target,
            label_columns=label_columns,
            target_kind=target_kind,
            **options,
        )
    if isinstance(source, str) and source.startswith("tfds:"):
        name = source.removeprefix("tfds:")
        return read_image_tfds(name, **options)
    path = Path(source)
    if path.suffix.lower() == ".npz" and not _regular_file.is_folder(path):
        return read_image_arrays(path, **options)
    if find_shards(source):
        return read_image_shards(source, **options)
    if _regular_file.is_folder(path):
        return read_image_folder(path, **options)
    raise DataError(_unknown(path))


def _unknown(path):
    beside = [p.name for p in path.parent.glob("*") if p.is_dir()]
    beside += [p.name for p in path.parent.glob("*.npz")]
    near = nearest(path.name, ["digits", *beside])
    what = _regular_file.why_not(path) or "a file of another kind"
    return (
        "read_images: the source must be `digits`, `tfds:NAME`, an .npz file, "
        f"shards, or a folder of images. Received: {path}, which is {what}."
        f"{near} Check the path; it is relative to {Path.cwd()}."
    )


def read_image_folder(
    folder: str | PathLike, **options: Any
) -> Dataset[Specification]:
    """Reads images that lie in one folder a class.

    Those folders lie in `folder`, or in `train`, `validation` (or `val`, or
    `valid`) and `test` inside it; what is missing is split off train, each
    class by its share. JPEG, PNG, BMP, GIF, WebP and TIFF are read, hidden
    files are passed over, links are followed. Each image is decoded once,
    in threads: upright by its EXIF orientation, the first frame, alpha laid
    on white, 16 bits scaled to 8, all as RGB, stretched to `image_size`
    (bilinear with antialiasing, the aspect ratio not kept). The rows lie in
    memory up to 2 GiB, beyond that in a temporary file; or they are streamed
    (see `read_images`).

    Args:
        folder: str or path.
        options: `image_size` and the others, as of `read_images`.

    Returns:
        A `Dataset`; its notes say what was converted and left out.

    Raises:
        DataError: if the folder is missing or holds no images, there is one
            class only, a class is too small, a split has a class that train
            has not, or a file is no image that can be read.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> import pathlib, tempfile
    >>> photos = pathlib.Path(tempfile.mkdtemp())
    >>> for name, value in (("dark", 0), ("light", 255)):
    ...     (photos / name).mkdir()
    ...     for number in range(5):
    ...         image = np.full((8, 8, 3), value, "uint8")
    ...         path = photos / name / f"{number}.png"
    ...         keras.utils.save_img(path, image, scale=False)
    >>> from aet_keras.data.image_reading import read_image_folder
    >>> dataset = read_image_folder(photos, image_size=(4, 4))
    >>> dataset.train
    Split(count=6, inputs=uint8 (6, 4, 4, 3))
    >>> dataset.specification.class_names
    ('dark', 'light')
    """
    asked = ImageOptions(owner="read_image_folder", **options)
    layout = read_layout(Path(folder))
    paths = layout.paths
    pixels = read_pixels(
        paths,
        asked,
        names=paths,
        source=str(folder),
        is_streamed=asked.streams(len(paths)),
        known_bad=layout.others,
    )
    return pixels.assemble(
        asked,
        layout.labels,
        paths,
        layout.rows(pixels.is_good),
        class_names=layout.class_names,
        source=str(folder),
        notes=layout.notes,
    )


def read_image_tfds(name: str, **options: Any) -> Dataset[Specification]:
    """Reads a data set of images with class labels from TFDS by its name.

    What was prepared before, in `TFDS_DATA_DIR` or `~/tensorflow_datasets`,
    is read from there without a network; otherwise TFDS downloads and
    prepares it there. The one `Image` and the one `ClassLabel` of its features
    are found by their types; the splits are train, validation (or val, or
    valid) and test. Missing ones are split off train, others left out.
    Images are converted and resized as `read_image_folder` does it.

    Args:
        name: str. As `tfds.builder` takes it, `"name"` or
            `"name/config:1.0.0"`.
        options: `image_size` and the others, as of `read_images`.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if there is no such data set, it cannot be downloaded, it
            is not one of images with a class each, or a class is too small.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> from aet_keras.data.image_reading import read_image_tfds
    >>> try:
    ...     read_image_tfds("mnits", image_size=(28, 28))
    ... except aet_keras.errors.DataError as error:
    ...     "Nearest: `mnist`" in str(error)
    True
    """
    asked = ImageOptions(owner="read_image_tfds", **options)
    examples = open_examples(name, "Image")
    is_streamed = asked.streams(len(examples.names))
    images: Any = examples.inputs(is_encoded=True)
    if is_streamed:
        images = examples.places()
    pixels = read_pixels(
        images,
        asked,
        names=examples.names,
        source=examples.source,
        is_streamed=is_streamed,
    )
    given = examples.rows(pixels.is_good)
    return pixels.assemble(
        asked,
        examples.labels,
        examples.names,
        given,
        class_names=examples.class_names,
        source=examples.source,
        notes=examples.notes,
    )


def read_digits(
    *,
    image_size: tuple[int, int] = (32, 32),
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset[Specification]:
    """Reads the 1,797 handwritten digits that ship inside scikit-learn.

    8x8 images with values 0 to 16 become 0 to 255, grey becomes RGB, and
    they are enlarged bilinearly.

    Args:
        image_size: `(height, width)`. Defaults to `(32, 32)`.
        seed: int >= 0. Which rows go where. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of validation. Defaults to
            `0.15`.
        test_ratio: float in (0, 1). Share of test. Defaults to `0.15`.

    Returns:
        A `Dataset` of the classes `"0"` to `"9"`, each in every split.

    Raises:
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> digits = aet_keras.data.read_digits(image_size=(16, 16))
    >>> digits.train
    Split(count=1259, inputs=uint8 (1259, 16, 16, 3))

    Reference:
        [Alpaydin and Kaynak, 1998](https://doi.org/10.24432/C50P49), the test
        part, as `sklearn.datasets.load_digits` has it.
    """
    load_digits = optional("sklearn.datasets", extra="training").load_digits

    asked = ImageOptions(
        owner="read_digits",
        image_size=image_size,
        seed=seed,
        validation_ratio=validation_ratio,
        test_ratio=test_ratio,
    )
    digits = load_digits()
    grey = np.round(digits.images * (255 / 16)).astype("uint8")
    names = [f"digits[{row}]" for row in range(len(grey))]
    pixels = read_pixels(grey, asked, names=names, source="digits")
    return assemble_images(
        asked,
        pixels.rows,
        pixels.sums,
        digits.target,
        names,
        {"train": np.arange(len(grey))},
        class_names="0123456789",
        source="digits",
    )
