"""Sorts rows that were read into the splits of a `Dataset`."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._wording import counted, legible
from aet_keras.data.class_balance import imbalance_notes
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.image_storage import arrange, is_beyond_memory
from aet_keras.data.names import check_class_names, note_alike
from aet_keras.data.splits import (
    SPLITS,
    check_ratios,
    complete_splits,
    frequent_classes,
    note_unused_ratios,
    shared_rows,
)
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.data.table_target import TableTarget
from aet_keras.data.tag_target import notes_of_tags
from aet_keras.errors import DataError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Holds what a user says of how a source is read, checked.

    Args:
        owner: str. Who reads.
        seed: int >= 0. Which rows are split off.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none.
        test_ratio: float in (0, 1). The same for test.
    """

    owner: str
    seed: int = 0
    validation_ratio: float = 0.15
    test_ratio: float = 0.15
    ratios: dict[str, float] = dataclasses.field(init=False)

    def __post_init__(self):
        ratios = check_ratios(
            self.owner, self.validation_ratio, self.test_ratio
        )
        object.__setattr__(self, "ratios", ratios)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageOptions(ReadOptions):
    """Holds what a user says of how images are read, checked.

    Args:
        image_size: `(height, width)`.
        skip_bad: bool. Leave out images that cannot be read.
        stream: optional bool. Decode images when they are needed; by default
            if all of them would take too much memory.
    """

    image_size: tuple[int, int]
    skip_bad: bool = False
    stream: bool | None = None

    def __post_init__(self):
        size = check_image_size(self.owner, self.image_size)
        object.__setattr__(self, "image_size", size)
        super().__post_init__()
        check.boolean(self.owner, skip_bad=self.skip_bad)
        if self.stream is not None:
            check.boolean(self.owner, stream=self.stream)

    def streams(self, count: int) -> bool:
        """Says whether so many images are to be streamed."""
        if self.stream is None:
            return is_beyond_memory(count, self.image_size)
        return self.stream


def assemble_images(
    options: ImageOptions,
    rows: np.ndarray | StreamedImages,
    sums: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    given: Mapping[str, np.ndarray],
    *,
    class_names: Sequence[str],
    source: str,
    notes: Sequence[str] = (),
    target: TableTarget | None = None,
) -> Dataset[Specification]:
    """Sorts images into splits and wraps them; `rows` is changed and kept.

    Args:
        options: `ImageOptions`.
        rows: uint8 array `(count, height, width, 3)`, or `StreamedImages`.
        sums: uint8 array `(count, 16)`. Equal for images of equal pixels.
        labels: int array `(count,)`.
        names: sequence of str, one a row.
        given: the row numbers of each split that the source brings. Rows in
            none of them are dropped.
        class_names: sequence of str. The name of each label.
        source: str. What was read.
        notes: sequence of str.
        target: optional `TableTarget` that labels are of, where a table says
            what is predicted. Defaults to classes.

    Returns:
        A `Dataset` whose splits are stretches of `rows`. Its notes count
        images that are in more than one split.

    Raises:
        DataError: if there is only one class, or a class is too small.
    """
    specification = Specification(
        "image", tuple(class_names), options.image_size, source
    )
    divided = _divide("images", labels, given, specification, options, target)
    values = {s: _as_bytes(sums[divided.parts[s]]) for s in SPLITS}
    later = [
        *_shared_notes(values, "image"),
        *divided.notes_of_doubles(values, names, "image"),
    ]
    if isinstance(rows, StreamedImages):
        taken = {split: rows.take(divided.parts[split]) for split in SPLITS}
        return divided.wrap(taken, names, notes, later)
    kept = np.concatenate([divided.parts[name] for name in SPLITS])
    dropped = np.setdiff1d(np.arange(len(rows)), kept)
    arrange(rows, np.concatenate([kept, dropped]))
    ends = np.cumsum([len(divided.parts[name]) for name in SPLITS])
    inputs = dict(zip(SPLITS, np.split(rows, ends)[:-1], strict=True))
    return divided.wrap(inputs, names, notes, later)


def _as_bytes(sums):
    """Returns each sum as one value, which can be compared."""
    return np.ascontiguousarray(sums).view("S16")[:, 0].tolist()


def assemble_texts(
    options: ReadOptions,
    texts: Sequence[str],
    labels: np.ndarray,
    names: Sequence[str],
    given: Mapping[str, np.ndarray],
    *,
    class_names: Sequence[str],
    source: str,
    notes: Sequence[str] = (),
    target: TableTarget | None = None,
) -> Dataset[Specification]:
    """Leaves empty texts out, sorts the others into splits and wraps them.

    Args:
        options: `ReadOptions`.
        texts: sequence of str.
        labels: as of `assemble_images`, and the other arguments too.

    Returns:
        A `Dataset`. Its notes count empty texts, and texts that are in more
        than one split.

    Raises:
        DataError: if no text is left, there is only one class, or a class is
            too small.
    """
    is_empty = np.array([not text.strip() for text in texts], bool)
    given = {split: rows[~is_empty[rows]] for split, rows in given.items()}
    empty_count = int(is_empty.sum())
    if not len(given["train"]):
        raise DataError(
            f"{source}: there must be texts to learn from. "
            f"Received: {empty_count}, all empty. Name the column or folder "
            "that holds the texts."
        )
    specification = Specification("text", tuple(class_names), None, source)
    divided = _divide("texts", labels, given, specification, options, target)
    column = np.array(texts, object)
    inputs = {split: column[rows] for split, rows in divided.parts.items()}
    values = {name: each.tolist() for name, each in inputs.items()}
    later = [
        *_text_notes(values, empty_count),
        *divided.notes_of_doubles(values, names, "text"),
    ]
    return divided.wrap(inputs, names, notes, later)


@dataclasses.dataclass(frozen=True, eq=False)
class _Divided:
    """Holds which rows each split gets, and what was left out."""

    specification: Specification
    labels: np.ndarray
    parts: Mapping[str, np.ndarray]
    notes: tuple[str, ...]

    def notes_of_doubles(self, values, names, noun):
        """Yields a note if equal rows have different classes.

        Args:
            values: dict of split to what is equal for equal rows, a row each.
            names: sequence of str, one a row of the source.
            noun: str. What a row is called.
        """
        if self.specification.target_kind != "classes":
            return
        first: dict[Any, int] = {}
        other: dict[Any, int] = {}  # the first row of another class
        for split, found in values.items():
            for row, value in zip(self.parts[split], found, strict=True):
                met = first.setdefault(value, row)
                if self.labels[met] != self.labels[row]:
                    other.setdefault(value, row)
        if other:
            are = counted(len(other), f"{noun} has", f"{noun}s have")
            value = next(each for each in first if each in other)
            yield (
                f"{are} more than one class, such as `{names[first[value]]}` "
                f"and `{names[other[value]]}`: no model can be right of both."
            )

    def wrap(self, inputs, names, notes, later=()):
        """Returns the `Dataset`, the notes of the source first."""
        splits: dict[str, Any] = {
            split: Split(
                inputs=inputs[split],
                labels=self.labels[self.parts[split]],
                names=tuple(legible(names[row]) for row in self.parts[split]),
            )
            for split in SPLITS
        }
        of_splits = _notes_of_splits(splits, self.specification)
        return Dataset(
            **splits,
            specification=self.specification,
            notes=tuple(
                map(legible, (*notes, *self.notes, *later, *of_splits))
            ),
        )


def _notes_of_splits(splits, specification):
    if specification.target_kind == "classes":
        labels = splits["train"].labels
        return imbalance_notes(labels, specification.class_names)
    if specification.target_kind == "tags":
        return notes_of_tags(splits, specification.class_names)
    return ()


def _divide(rows, labels, given, specification, options, target):
    """Leaves rare classes out, and splits off what is not given."""
    source = specification.source
    unused = note_unused_ratios(given, options.ratios)
    if target is not None and target.kind != "classes":
        strata = target.strata
        return _Divided(
            dataclasses.replace(
                specification,
                target_kind=target.kind,
                target_format=target.format,
            ),
            labels,
            complete_splits(
                strata,
                given,
                class_names=tuple(map(str, range(strata.max() + 1))),
                ratios=options.ratios,
                seed=options.seed,
                source=source,
                rows=rows,
            ),
            tuple(unused),
        )
    found = frequent_classes(labels, given, specification.class_names, rows)
    class_names = found.class_names
    check_class_names(source, class_names)
    return _Divided(
        dataclasses.replace(specification, class_names=class_names),
        found.labels.astype("int32"),
        complete_splits(
            found.labels,
            found.given,
            class_names=class_names,
            ratios=options.ratios,
            seed=options.seed,
            source=source,
            rows=rows,
        ),
        (*note_alike("classes", class_names), *found.notes, *unused),
    )


def _text_notes(inputs, empty_count):
    if empty_count == 1:
        yield "1 text was left out: it is empty."
    elif empty_count:
        yield f"{empty_count} texts were left out: they are empty."
    yield from _shared_notes(inputs, "text")


def _shared_notes(rows, noun):
    """Yields a note on rows of later splits that are in an earlier one."""
    shared = shared_rows(rows)
    if shared:
        are = counted(shared, f"{noun} is", f"{noun}s are")
        yield (
            f"{are} in more than one split: figures on validation and test "
            f"are better than on new {noun}s."
        )


def check_image_size(owner: object, image_size: Any) -> tuple[int, int]:
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
