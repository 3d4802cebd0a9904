"""Which rows are for learning, which for deciding, which for the report?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.errors import DataError

SPLITS = ("train", "validation", "test")


def check_ratios(
    owner: Any, validation_ratio: float, test_ratio: float
) -> dict[str, float]:
    """Returns the share of each split that may have to be split off."""
    check.number(owner, above=0, most=1, validation_ratio=validation_ratio)
    check.number(owner, above=0, most=1, test_ratio=test_ratio)
    if validation_ratio + test_ratio >= 1:
        raise ValueError(
            f"{check.owner_name(owner)}: `validation_ratio` and `test_ratio` "
            "must add up to less than 1, because train gets the rest. "
            f"Received: validation_ratio={validation_ratio!r}, "
            f"test_ratio={test_ratio!r}."
        )
    return {"validation": validation_ratio, "test": test_ratio}


def complete_splits(
    labels: np.ndarray,
    given: Mapping[str, np.ndarray],
    *,
    class_names: tuple[str, ...],
    ratios: Mapping[str, float],
    seed: int,
    source: str,
    rows: str = "pictures",
) -> dict[str, np.ndarray]:
    """Splits off train, class by class, what the source does not bring.

    scikit-learn's `train_test_split` cuts each class on its own: with
    `stratify=` it may leave a small class out of a split. The result depends
    on the order of the rows and on the seed alone: readers sort their rows.

    Args:
        labels: int array `(count,)`.
        given: the rows of each split that the source brings; has `"train"`.
        class_names: tuple of str. The classes.
        ratios: the share of `"validation"` and `"test"` in the rows of train.
        seed: int >= 0. The same seed gives the same splits.
        source: str. What an error sentence starts with.
        rows: str. What the rows are called in it.

    Returns:
        Dict of split to int array of rows, in ascending order where they were
        split off.

    Raises:
        DataError: if there is one class only, or a class is too small.
    """
    check.whole("complete_splits", seed=seed)
    missing = [name for name in ("test", "validation") if name not in given]
    train = given["train"]
    _check_classes(labels[train], class_names, missing, source, rows)
    if not missing:
        return dict(given)
    random = np.random.RandomState(seed)
    parts = {name: [] for name in ("train", *missing)}
    for label in range(len(class_names)):
        of_class = train[labels[train] == label]
        for name, rows in _cut(of_class, missing, ratios, random).items():
            parts[name].append(rows)
    cut = {name: np.sort(np.concatenate(rows)) for name, rows in parts.items()}
    return {**given, **cut}


def _cut(rows, missing, ratios, random):
    from sklearn.model_selection import train_test_split

    cut, rest = {}, rows
    for left, name in zip(range(len(missing), 0, -1), missing, strict=True):
        wanted = max(1, round(ratios[name] * len(rows)))
        count = min(wanted, len(rest) - left)
        rest, cut[name] = train_test_split(
            rest, test_size=count, random_state=random
        )
    return {"train": rest, **cut}


def _check_classes(labels, class_names, missing, source, rows):
    if len(class_names) < 2:
        raise DataError(
            f"{source}: there must be at least two classes to tell apart. "
            f"Received: one class, `{class_names[0]}`. Add {rows} of what "
            "it is to be told from, with a class of their own."
        )
    least = 1 + len(missing)
    counts = np.bincount(labels, minlength=len(class_names))
    small = [
        f"`{name}` with {count}"
        for name, count in zip(class_names, counts, strict=True)
        if count < least
    ]
    if not small:
        return
    more = f" and {len(small) - 3} more" if len(small) > 3 else ""
    needed_by = ", ".join(["train", *reversed(missing)])
    raise DataError(
        f"{source}: each class must have at least {least} in train, because "
        f"each split cut from it ({needed_by}) needs one. Received: "
        f"{', '.join(small[:3])}{more}. Add {rows} to the class, or leave "
        "the class out."
    )
