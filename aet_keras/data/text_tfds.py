"""How do texts of tensorflow-datasets become a `Dataset`?"""

import numpy as np

from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.splits import check_ratios
from aet_keras.data.text_assembly import assemble_texts
from aet_keras.data.tfds_builder import (
    drop_unlabelled,
    find_features,
    find_splits,
    prepared_builder,
    read_examples,
)


def read_text_tfds(
    name: str,
    *,
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads a data set of texts with class labels from TFDS by its name.

    `imdb_reviews` and `yelp_polarity_reviews`, for example. What was prepared
    before, in `TFDS_DATA_DIR` or `~/tensorflow_datasets`, is read from there
    without a network; otherwise TFDS downloads and prepares it there. The one
    `Text` and the one `ClassLabel` of its features are found by their types;
    the splits are train, validation (or val, or valid) and test. Missing ones
    are split off train, others left out.

    Args:
        name: str. As `tfds.builder` takes it, `"name"` or
            `"name/config:1.0.0"`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.

    Returns:
        A `Dataset`; inputs are object arrays of str.

    Raises:
        DataError: if there is no such data set, it cannot be downloaded, it
            is not one of texts with a class each, or a class is too small.
        ValueError: if a ratio is out of its range.

    Example:

    >>> try:
    ...     aet_keras.data.read_text_tfds("imdb_review")
    ... except aet_keras.errors.DataError as error:
    ...     "Nearest: `imdb_reviews`" in str(error)
    True
    """
    ratios = check_ratios("read_text_tfds", validation_ratio, test_ratio)
    source = f"tfds:{name}"
    builder = prepared_builder(name, source)
    info = builder.info
    text, label = find_features(info.features, source, "Text")
    parts, notes = find_splits(info.splits, source)
    texts, labels, names, given = [], [], [], {}
    for split, part in parts.items():
        begin = len(texts)
        examples = read_examples(builder, [part], text, label, is_encoded=False)
        for row, (content, number) in enumerate(examples):
            texts.append(content.decode("utf-8", errors="replace"))
            labels.append(number)
            names.append(f"{split}[{row}]")
        given[split] = np.arange(begin, len(texts))
    labels = np.array(labels, "int32")
    notes += drop_unlabelled(given, labels, source)
    return assemble_texts(
        texts,
        labels,
        names,
        given,
        specification=Specification(
            "text", tuple(info.features[label].names), None, source
        ),
        ratios=ratios,
        seed=seed,
        notes=notes,
    )
