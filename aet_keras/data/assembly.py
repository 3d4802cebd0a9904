"""Sorts rows that were read into the splits of a `Dataset`."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from aet_keras import _check as check
from aet_keras.data.class_balance import imbalance_notes
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.image_storage import arrange
from aet_keras.data.names import check_class_names, note_alike
from aet_keras.data.splits import (
    SPLITS,
    complete_splits,
    frequent_classes,
    shared_rows,
)
from aet_keras.errors import DataError


def assemble(
    rows: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    given: Mapping[str, np.ndarray],
    *,
    specification: Specification,
    ratios: Mapping[str, float],
    seed: int,
    notes: Sequence[str] = (),
) -> Dataset:
    """Sorts rows into splits and wraps them; `rows` is changed and kept.

    Args:
        rows: uint8 array `(count, height, width, 3)`.
        labels: int array `(count,)`.
        names: sequence of str, one a row.
        given: the row numbers of each split that the source brings. Rows in
            none of them are dropped.
        specification: `Specification`.
        ratios: the share of each split that may have to be split off.
        seed: int >= 0.
        notes: sequence of str.

    Returns:
        A `Dataset` whose splits are stretches of `rows`.

    Raises:
        DataError: if there is one class only, or a class is too small.
    """
    found = frequent_classes(
        labels, given, specification.class_names, rows="pictures"
    )
    specification = dataclasses.replace(
        specification, class_names=found.class_names
    )
    check_class_names(specification.source, found.class_names)
    notes = (*notes, *note_alike("classes", found.class_names), *found.notes)
    labels = found.labels
    parts = complete_splits(
        labels,
        found.given,
        class_names=found.class_names,
        ratios=ratios,
        seed=seed,
        source=specification.source,
    )
    kept = np.concatenate([parts[name] for name in SPLITS])
    dropped = np.setdiff1d(np.arange(len(rows)), kept)
    arrange(rows, np.concatenate([kept, dropped]))
    splits, start = {}, 0
    for name in SPLITS:
        part = parts[name]
        splits[name] = Split(
            inputs=rows[start : start + len(part)],
            labels=labels[part].astype("int32"),
            names=tuple(names[row] for row in part),
        )
        start += len(part)
    uneven = imbalance_notes(splits["train"].labels, specification.class_names)
    return Dataset(
        **splits, specification=specification, notes=(*notes, *uneven)
    )


def check_image_size(owner: object, image_size: object) -> tuple[int, int]:
    """Returns the size if it is `(height, width)`, both at least 1."""
    try:
        height, width = image_size
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{check.owner_name(owner)}: `image_size` must be a pair of ints. "
            f"Received: image_size={image_size!r}. Write (height, width)."
        ) from error
    return (
        check.positive_int(owner, image_size=height),
        check.positive_int(owner, image_size=width),
    )


def assemble_texts(
    texts: Sequence[str],
    labels: np.ndarray,
    names: Sequence[str],
    given: Mapping[str, np.ndarray],
    *,
    specification: Specification,
    ratios: Mapping[str, float],
    seed: int,
    notes: Sequence[str] = (),
) -> Dataset:
    """Leaves empty texts out, sorts the others into splits and wraps them.

    Args:
        texts: sequence of str.
        labels: int array `(count,)`.
        names: sequence of str, one a text.
        given: the row numbers of each split that the source brings.
        specification: `Specification`.
        ratios: the share of each split that may have to be split off.
        seed: int >= 0.
        notes: sequence of str.

    Returns:
        A `Dataset`. Its notes count what was empty, and what stands in more
        than one split.

    Raises:
        DataError: if no text is left, there is one class only, or a class is
            too small.
    """
    empty = np.array([not text.strip() for text in texts], bool)
    given = {split: rows[~empty[rows]] for split, rows in given.items()}
    if not len(given["train"]):
        raise DataError(
            f"{specification.source}: there must be texts to learn from. "
            f"Received: {empty.sum()}, all empty. Name the column or folder "
            "that holds the texts."
        )
    found = frequent_classes(
        labels, given, specification.class_names, rows="texts"
    )
    specification = dataclasses.replace(
        specification, class_names=found.class_names
    )
    check_class_names(specification.source, found.class_names)
    notes = (*notes, *note_alike("classes", found.class_names), *found.notes)
    labels = found.labels
    parts = complete_splits(
        labels,
        found.given,
        class_names=found.class_names,
        ratios=ratios,
        seed=seed,
        source=specification.source,
        rows="texts",
    )
    column = np.empty(len(texts), object)
    column[:] = texts
    splits = {
        split: Split(
            inputs=column[parts[split]],
            labels=labels[parts[split]].astype("int32"),
            names=tuple(names[row] for row in parts[split]),
        )
        for split in SPLITS
    }
    notes = (
        *notes,
        *_text_notes(splits, int(empty.sum())),
        *imbalance_notes(splits["train"].labels, specification.class_names),
    )
    return Dataset(**splits, specification=specification, notes=notes)


def _text_notes(splits, empty):
    if empty:
        yield _counted(empty, "text was left out: it is empty.", "are empty")
    rows = {name: part.inputs.tolist() for name, part in splits.items()}
    shared = shared_rows(rows)
    if shared:
        texts = "text stands" if shared == 1 else "texts stand"
        yield (
            f"{shared} {texts} in more than one split: what is measured on "
            "validation or test is better than it is on new texts."
        )


def _counted(count, one, many):
    if count == 1:
        return f"1 {one}"
    return f"{count} texts were left out: they {many}."
