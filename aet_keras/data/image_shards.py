"""Reads images from shards: TFRecord files and tars of WebDataset."""

import collections
import glob
import re
import sys
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _regular_file
from aet_keras._wording import counted, listed, quoted
from aet_keras.data.assembly import ImageOptions
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import IMAGE
from aet_keras.data.image_pixels import read_pixels
from aet_keras.data.names import by_number
from aet_keras.data.shard_files import (
    CutShort,
    ShardedImages,
    plain_file,
    read_records,
    read_tar,
)
from aet_keras.data.splits import SPLIT_OF, SPLITS
from aet_keras.errors import DataError

_TAR = re.compile(r"\.(tar|tar\.gz|tgz)$", re.I)
_NUMBERED = re.compile(r"(.*)-(\d{5,})-of-(\d{5,})(.*)")
_RECORDS = re.compile(r"\.tfrecords?($|[.-])|-\d{5,}-of-\d{5,}", re.I)
_WORDS = re.compile(r"[A-Za-z]+")
# Names of classes, a line each: as TFDS and TF-Slim write them.
_NAME_FILES = ("label.labels.txt", "labels.txt")


def find_shards(source: str | PathLike) -> list[Path]:
    """Returns the shards that a source names; none if it names other things.

    Args:
        source: a file, a pattern such as `"shards/*.tar"`, or a folder that
            holds shards, or folders `train`, `validation` and `test` of them,
            and no images.
    """
    path = Path(source)
    if _regular_file.is_folder(path):
        return _of_folder(path)
    if not _regular_file.why_not(path):
        return [path] if _is_shard(path) else []
    if not glob.has_magic(str(source)):
        return []
    return [p for p in map(Path, sorted(glob.glob(str(source)))) if _is_file(p)]


def _of_folder(folder):
    try:
        parts = [folder, *_split_folders(folder)]
        found = [p for part in parts for p in sorted(part.iterdir())]
    except OSError:  # `read_layout` says why
        return []
    shards = [p for p in found if _is_shard(p) and _is_file(p)]
    # An archive lies beside the folders that were unpacked from it.
    if not shards or any(
        IMAGE.names(p) for depth in ("*/*", "*/*/*") for p in folder.glob(depth)
    ):
        return []
    return shards


def _split_folders(folder):
    inside = [p for p in sorted(folder.iterdir()) if p.is_dir()]
    return [p for p in inside if p.name.lower() in SPLIT_OF]


def _is_shard(path):
    return bool(_TAR.search(path.name) or _RECORDS.search(path.name))


def _is_file(path):
    return not _regular_file.why_not(path)


def read_image_shards(
    source: str | PathLike, **options: Any
) -> Dataset[Specification]:
    """Reads images from shards: TFRecord files, or tars of WebDataset.

    A TFRecord holds `tf.train.Example`s with an encoded image in
    `image/encoded` (or `image`) and the number of its class in
    `image/class/label` (or `label`); its name may be in `image/class/text`,
    or in a file `label.labels.txt` or `labels.txt` beside the shards, a line
    each. In a tar `1.jpg` lies beside `1.cls`, which holds the number or name
    of its class, or beside `1.json` with a `label`. Shards may be packed with
    gzip; they are unpacked into temporary files. A shard belongs to the split
    that its name or folder says (`val-00000-of-00008`); if none says one, all
    are train. Images are read where they lie, none is unpacked, and resized
    as `read_image_folder` does it.

    Args:
        source: str or path. A file, a folder, or a pattern such as
            `"shards/*.tar"`.
        options: `image_size` and the others, as of `read_images`. With
            `skip_bad`, missing shards and the ends of those that are cut
            short are left out, too, which the notes say.

    Returns:
        A `Dataset`.

    Raises:
        DataError: if there is no shard, one is missing (`-of-00008`), cut
            short or of another kind, or a class is too small.
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> from aet_keras.data.image_shards import read_image_shards
    >>> try:
    ...     read_image_shards("nowhere/*.tar", image_size=(8, 8))
    ... except aet_keras.errors.DataError as error:
    ...     "there must be a shard" in str(error)
    True
    """
    asked = ImageOptions(owner="read_image_shards", **options)
    shards = find_shards(source)
    if not shards:
        raise DataError(
            f"{source}: there must be a shard here: a TFRecord file or a "
            "`.tar`. Received: none. Check the path, and put a pattern into "
            f"quotes; it is relative to {Path.cwd()}."
        )
    notes = _missing_notes(str(source), shards, asked.skip_bad)
    by_split, left_out = _by_split(str(source), shards)
    index = _Index(asked.skip_bad)
    for split, paths in by_split.items():
        for path in paths:
            index.read(path, split)
    labels, class_names = index.classes(_named_classes(shards))
    names = index.names
    pixels = read_pixels(
        index.images,
        asked,
        names=names,
        source=str(source),
        is_streamed=asked.streams(len(names)),
        known_bad=index.bad,
    )
    return pixels.assemble(
        asked,
        labels,
        names,
        index.rows(by_split, pixels.is_good),
        class_names=class_names,
        source=str(source),
        notes=(*notes, *left_out, *index.notes),
    )


class _Index:
    """What is in some shards: where, of which class, in which split."""

    def __init__(self, skip_bad):
        self._skip_bad = skip_bad
        self._labels: list[str] = []
        self._splits: list[int] = []
        self._texts: dict[str, str] = {}
        self.images = ShardedImages()
        self.names: list[str] = []
        self.bad: dict[str, str] = {}
        self.notes: list[str] = []

    def read(self, path, split):
        """Adds the images of a shard."""
        count = len(self.names)
        number = SPLITS.index(split)
        try:
            file = plain_file(path)
            self.images.add_file(file)
            reader = read_tar if _TAR.search(path.name) else read_records
            for found in reader(path, file):
                name = f"{path}:{found.name}"
                if found.label in (None, "-1"):  # what TFDS calls none
                    self.bad[name] = found.problem or "its label is -1"
                    continue
                self.images.add(found)
                self.names.append(name)
                self._labels.append(sys.intern(found.label))
                self._splits.append(number)
                if found.text:
                    self._texts.setdefault(found.label, found.text)
        except CutShort as error:
            self._note_cut(path, len(self.names) - count, error)

    def _note_cut(self, path, count, error):
        images = counted(count, "image")
        if not self._skip_bad:
            raise DataError(
                f"{path}: a shard must be whole. Received: one that is cut "
                f"short or damaged after {images} ({error}). Copy it again, "
                "or go on without its end: `skip_bad=True` (`--skip-bad`)."
            )
        self.notes.append(
            f"{path} is cut short or damaged after {images}: what follows was "
            "left out."
        )

    def classes(self, named: Mapping[str, str]):
        """Returns labels from 0 on, and the name of each."""
        kinds = sorted(set(self._labels), key=by_number)
        numbers = {label: number for number, label in enumerate(kinds)}
        texts = self._texts if len(self._texts) == len(kinds) else {}
        named = named or texts
        names = [named.get(label, label) for label in kinds]
        if len(set(names)) < len(names):  # two numbers that mean the same
            names = kinds
        labels = np.array([numbers[label] for label in self._labels], "int64")
        return labels, tuple(names)

    def rows(self, splits, is_good):
        """Returns the rows of each split, bad ones left out."""
        numbers = np.array(self._splits)
        return {
            split: np.flatnonzero((numbers == SPLITS.index(split)) & is_good)
            for split in splits
        }


def _named_classes(shards: Sequence[Path]) -> dict[str, str]:
    """Returns the names of class numbers, of a file beside the shards."""
    for name in _NAME_FILES:
        path = shards[0].parent / name
        if not _is_file(path):
            continue
        lines = path.read_text("utf-8", "replace").splitlines()
        pairs = [re.fullmatch(r"(\d+):(.+)", line) for line in lines]
        if all(pairs):  # "0:daisy"
            return {p[1]: p[2].strip() for p in pairs if p}
        return {str(number): line for number, line in enumerate(lines)}
    return {}


def _missing_notes(source, shards, skip_bad):
    """Returns a note on shards that are missing, or raises."""
    seen: dict[tuple, set[int]] = collections.defaultdict(set)
    for path in shards:
        if found := _NUMBERED.fullmatch(path.name):
            stem, number, total, rest = found.groups()
            seen[path.parent, stem, total, rest].add(int(number))
    missing = [
        f"{stem}-{number:0{len(total)}}-of-{total}{rest}"
        for (_, stem, total, rest), numbers in seen.items()
        for number in range(int(total))
        if number not in numbers
    ]
    if not missing:
        return []
    shown = f"{counted(len(missing), 'shard')} of {len(missing) + len(shards)}"
    if skip_bad:
        return [f"{shown} missing: {quoted(missing)}."]
    raise DataError(
        f"{source}: all shards must be there that `-of-` counts, because rows "
        f"would be missing unseen. Received: {shown} missing: "
        f"{quoted(missing)}. Fetch them, or go on without: `skip_bad=True` "
        "(`--skip-bad`)."
    )


def _by_split(source, shards):
    """Returns the shards of each split, and a note on those of none."""
    found: dict[str | None, list[Path]] = collections.defaultdict(list)
    are_in_folders = len({path.parent for path in shards}) > 1
    for path in shards:
        found[_split_of(path, are_in_folders)].append(path)
    if set(found) == {None}:
        return {"train": shards}, []
    rest = found.pop(None, [])
    if "train" not in found:
        raise DataError(
            f"{source}: there must be shards of train. Received: those of "
            f"{', '.join(s for s in SPLITS if s in found)} only. Name all "
            "shards, or rename them so that no name says a split."
        )
    notes = []
    if rest:
        were = counted(len(rest), "shard was", "shards were")
        notes = [
            f"{were} left out, whose names say no split, unlike the others': "
            f"{listed(map(str, rest))}."
        ]
    return {split: found[split] for split in SPLITS if split in found}, notes


def _split_of(path, are_in_folders):
    """Returns the split that a name or else the folder says, or None."""
    words = [word.lower() for word in _WORDS.findall(path.name)]
    if are_in_folders:
        words.append(path.parent.name.lower())
    return next((SPLIT_OF[word] for word in words if word in SPLIT_OF), None)
