"""Divides rows into those to train on, to validate and to test on."""

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import xxhash

from aet_keras import _check as check
from aet_keras._optional import needing, optional
from aet_keras._wording import counted, listed
from aet_keras.data.dataset import Split
from aet_keras.errors import DataError

SPLITS = ("train", "validation", "test")
# What sources call them.
SPLIT_OF = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
_USUAL_RATIO = 0.15  # of readers; it cannot be told from one not given


def check_ratios(
    owner: Any, validation_ratio: float, test_ratio: float
) -> dict[str, float]:
    """Returns the share of each split that may have to be split off."""
    check.positive_ratio(owner, validation_ratio=validation_ratio)
    check.positive_ratio(owner, test_ratio=test_ratio)
    if validation_ratio + test_ratio >= 1:
        raise ValueError(
            f"{check.owner_name(owner)}: `validation_ratio` and `test_ratio` "
            "must add up to less than 1, because train gets the rest. "
            f"Received: validation_ratio={validation_ratio!r}, "
            f"test_ratio={test_ratio!r}."
        )
    return {"validation": validation_ratio, "test": test_ratio}


@dataclasses.dataclass(frozen=True, eq=False)
class Frequent:
    """Holds the rows of the classes that are frequent enough to be split.

    Args:
        labels: int array `(count,)`, of all rows; -1 for those left out.
        given: the rows of each split that the source brings, less those.
        class_names: tuple of str. The classes that are left.
        notes: tuple of str. What was left out.
    """

    labels: np.ndarray
    given: Mapping[str, np.ndarray]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def frequent_classes(
    labels: np.ndarray,
    given: Mapping[str, np.ndarray],
    class_names: tuple[str, ...],
    rows: str,
) -> Frequent:
    """Leaves out classes that have too few rows for the splits.

    All are kept if fewer than two classes, or less than half of the rows,
    would be left: then `complete_splits` refuses the source.

    Args:
        labels: int array `(count,)`.
        given: the rows of each split that the source brings; has `"train"`.
        class_names: tuple of str. The classes.
        rows: str. What the rows are called in a note.

    Returns:
        A `Frequent`; labels are numbered again.
    """
    least = _least(given)
    counts = np.bincount(labels[given["train"]], minlength=len(class_names))
    is_rare = counts < least
    is_most = 2 * counts[is_rare].sum() <= counts.sum()
    if not is_rare.any() or (~is_rare).sum() < 2 or not is_most:
        return Frequent(labels, given, class_names)
    number = np.where(is_rare, -1, np.cumsum(~is_rare) - 1)
    kept = number[labels]
    parts = {name: part[kept[part] >= 0] for name, part in given.items()}
    names = np.array(class_names, object)
    return Frequent(
        kept,
        {n: p for n, p in parts.items() if n == "train" or len(p)},
        tuple(names[~is_rare]),
        (_rare_note(names[is_rare], counts[is_rare], least, rows),),
    )


def _rare_note(names, counts, least, rows):
    classes = counted(len(names), "class was", "classes were")
    return (
        f"{classes} left out, because each needs at least {least} {rows} to "
        f"learn from and to split: {_with_counts(names, counts)}."
    )


def _with_counts(names, counts):
    pairs = zip(names, counts, strict=True)
    return listed(f"`{name}` with {count}" for name, count in pairs)


def _least(given):
    """Returns how many rows of train a class needs."""
    return 1 + sum(name not in given for name in ("validation", "test"))


def complete_splits(
    labels: np.ndarray,
    given: Mapping[str, np.ndarray],
    *,
    class_names: tuple[str, ...],
    ratios: Mapping[str, float],
    seed: int,
    source: str,
    rows: str = "images",
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
    random = np.random.RandomState(seed)
    parts: dict[str, list] = {name: [] for name in ("train", *missing)}
    for label in range(len(class_names)):
        of_class = train[labels[train] == label]
        for name, rows in _cut(of_class, missing, ratios, random).items():
            parts[name].append(rows)
    cut = {name: np.sort(np.concatenate(rows)) for name, rows in parts.items()}
    both = {**given, **cut} if missing else given
    return {name: both[name] for name in SPLITS}


def note_unused_ratios(
    given: Mapping[str, np.ndarray], ratios: Mapping[str, float]
) -> list[str]:
    """Notes ratios that were asked for, and are not used.

    Args:
        given: the rows of each split that the source brings.
        ratios: as of `complete_splits`.
    """
    unused = [
        name
        for name in ratios
        if name in given and ratios[name] != _USUAL_RATIO
    ]
    return [
        f"`{name}_ratio` (`--{name}-ratio`) is not used: the data has its own "
        f"rows for {name}."
        for name in unused
    ]


def _cut(rows, missing, ratios, random):
    with needing("training"):
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
            f"{source}: there must be at least two classes. "
            f"Received: one class, `{class_names[0]}`. Add {rows} of another "
            "class."
        )
    least = 1 + len(missing)  # see `_least`
    counts = np.bincount(labels, minlength=len(class_names))
    small = np.flatnonzero(counts < least)
    if not len(small):
        return
    shown = _with_counts([class_names[c] for c in small], counts[small])
    needed_by = ", ".join(["train", *reversed(missing)])
    raise DataError(
        f"{source}: each class must have at least {least} {rows} in train, "
        f"because each split cut from it ({needed_by}) needs one. Received: "
        f"{shown}, of {len(labels)} {rows}. Add {rows} to the class, or leave "
        "the class out."
    )


def split_columns(
    inputs: dict[str, np.ndarray],
    labels: np.ndarray,
    numbers: np.ndarray,
    parts: Mapping[str, np.ndarray],
) -> dict[str, Split]:
    """Returns the splits of a table by name.

    Args:
        inputs: dict of column to array, `(rows, ...)`. Emptied, so that no
            more than one column is there twice.
        labels: array `(rows,)`.
        numbers: int array `(rows,)`. Of each row in its file, from 0 on.
        parts: which rows each split has.
    """
    cut: dict[str, dict[str, np.ndarray]] = {split: {} for split in parts}
    for name in [*inputs]:
        cells = inputs.pop(name)
        for split, rows in parts.items():
            cut[split][name] = cells[rows]
    return {
        split: Split(
            inputs=cut[split],
            labels=labels[rows],
            names=tuple(f"row {number + 1}" for number in numbers[rows]),
        )
        for split, rows in parts.items()
    }


def shared_notes(splits: Mapping[str, Split]) -> Sequence[str]:
    """Notes how many rows of validation and test are in train, too."""
    count, seen = 0, np.zeros(0, "S16")
    for split in splits.values():
        sums = _sums(split)
        if len(seen):
            places = np.searchsorted(seen, sums).clip(max=len(seen) - 1)
            count += int((seen[places] == sums).sum())
        seen = np.concatenate([seen, sums])
        seen.sort()
    if not count:
        return []
    of = "to validate or test on"
    rows = counted(count, f"row {of} stands", f"rows {of} stand")
    them = "it" if count == 1 else "them"
    return [
        f"{rows}, cell for cell, in an earlier split, too: figures on {them} "
        "flatter the model."
    ]


_BLOCK_ROWS = 4096


def _sums(split):
    """Returns a sum of each row; the bytes of all rows at once are many."""
    columns, sums = [*split.inputs.values(), split.labels], []
    for start in range(0, split.count, _BLOCK_ROWS):
        block = [_bytes_of(c[start : start + _BLOCK_ROWS]) for c in columns]
        rows = np.concatenate(block, axis=1)
        raw, width = rows.tobytes(), rows.shape[1]
        places = range(0, len(raw), width)
        each = (xxhash.xxh3_128_digest(raw[i : i + width]) for i in places)
        sums.append(np.fromiter(each, "S16", len(rows)))
    return np.concatenate([np.zeros(0, "S16"), *sums])


def _bytes_of(cells):
    """Returns the same bytes `(rows, bytes)` where cells are the same."""
    if cells.dtype == object:
        pandas: Any = optional("pandas", extra="training")
        codes, distinct = pandas.factorize(cells)
        raw = (xxhash.xxh3_128_digest(repr(e).encode()) for e in distinct)
        return np.frombuffer(b"".join(raw), "uint8").reshape(-1, 16)[codes]
    cells = np.ascontiguousarray(cells.reshape(len(cells), -1))
    if cells.dtype.kind == "f":
        # Several bits mean NaN, and -0 is 0.
        cells = np.where(np.isnan(cells), cells.dtype.type("nan"), cells + 0)
    return cells.view("uint8")


def shared_rows(splits: Mapping[str, Sequence[Hashable]]) -> int:
    """Counts the rows of later splits that are in an earlier one, too.

    Args:
        splits: the rows of each split, in the order train, validation, test.

    Returns:
        int. How many rows a model has seen before it is tested on them.

    Example:

    >>> from aet_keras.data.splits import shared_rows
    >>> shared_rows({"train": ["a", "b"], "test": ["b", "b"]})
    2
    """
    seen: set[Hashable] = set()
    count = 0
    for rows in splits.values():
        count += sum(row in seen for row in rows)
        seen.update(rows)
    return count
