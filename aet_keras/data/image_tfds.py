"""How does a data set of tensorflow-datasets become a `Dataset`?"""

import numpy as np

from aet_keras import _check as check
from aet_keras.data.assembly import assemble, check_image_size
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.pictures import decode_pictures
from aet_keras.data.splits import check_ratios
from aet_keras.data.tfds_builder import (
    drop_unlabelled,
    find_features,
    find_splits,
    prepared_builder,
    read_examples,
)


def read_image_tfds(
    name: str,
    *,
    image_size: tuple[int, int],
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
    skip_bad: bool = False,
) -> Dataset:
    """Reads a data set of pictures with class labels from TFDS by its name.

    What was prepared before, in `TFDS_DATA_DIR` or `~/tensorflow_datasets`,
    is read from there without a network; otherwise TFDS downloads and
    prepares it there. The one `Image` and the one `ClassLabel` of its features
    are found by their types; the splits are train, validation (or val, or
    valid) and test. Missing ones are split off train, others left out.
    Pictures are converted and resized as `read_image_folder` does it.

    Args:
        name: str. As `tfds.builder` takes it, `"name"` or
            `"name/config:1.0.0"`.
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
        DataError: if there is no such data set, it cannot be downloaded, it
            is not one of pictures with a class each, or a class is too small.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> try:
    ...     aet_keras.data.read_image_tfds("mnits", image_size=(28, 28))
    ... except aet_keras.errors.DataError as error:
    ...     "Nearest: `mnist`" in str(error)
    True
    """
    owner = "read_image_tfds"
    image_size = check_image_size(owner, image_size)
    ratios = check_ratios(owner, validation_ratio, test_ratio)
    check.boolean(owner, skip_bad=skip_bad)
    source = f"tfds:{name}"
    builder = prepared_builder(name, source)
    info = builder.info
    image, label = find_features(info.features, source)
    parts, notes = find_splits(info.splits, source)
    counts = [info.splits[part].num_examples for part in parts.values()]
    splits = np.repeat(list(parts), counts)
    names = [
        f"{split}[{row}]"
        for split, count in zip(parts, counts, strict=True)
        for row in range(count)
    ]
    labels = np.empty(len(names), "int32")
    rows, is_good, said = decode_pictures(
        _pictures(read_examples(builder, parts.values(), image, label), labels),
        names=names,
        image_size=image_size,
        source=source,
        skip_bad=skip_bad,
    )
    given = {s: np.flatnonzero((splits == s) & is_good) for s in parts}
    notes += drop_unlabelled(given, labels, source)
    return assemble(
        rows,
        labels,
        names,
        given,
        specification=Specification(
            "image", tuple(info.features[label].names), image_size, source
        ),
        ratios=ratios,
        seed=seed,
        notes=(*notes, *said),
    )


def _pictures(examples, labels):
    for row, (picture, label) in enumerate(examples):
        labels[row] = label
        yield picture
