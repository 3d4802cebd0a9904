"""Finds which file of a folder belongs to which class and split."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aet_keras import _regular_file
from aet_keras._wording import counted, listed, quoted
from aet_keras.data.splits import SPLIT_OF, SPLITS
from aet_keras.errors import DataError


@dataclasses.dataclass(frozen=True)
class Kind:
    """Describes the files that a folder is read for.

    Args:
        noun: str. What one is called.
        endings: tuple of str, of their names.
    """

    noun: str
    endings: tuple[str, ...]

    def has(self, path: Path) -> bool:
        """Whether a file is of this kind, by its name; a pipe is no file."""
        return self.names(path) and not _regular_file.why_not(path)

    def names(self, path: Path) -> bool:
        """Whether the name alone is one of this kind."""
        return path.suffix.lower() in self.endings


IMAGE = Kind(
    "image", (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
)
TEXT = Kind("text", (".txt",))

# Left behind by file managers, whatever the folder is about.
_LITTER = ("__macosx", "desktop.ini", "thumbs.db")


@dataclasses.dataclass
class Layout:
    """Lists the files of a folder by split and class, and the others.

    Args:
        kind: `Kind` of the files.
        files: list of `(split, class name, path)`, sorted.
        others: dict of path to what it is, where such files belong.
        class_names: tuple of str, sorted: the classes of train.
        splits: tuple of str. The splits that the folder brings.
        notes: list of sentences.
    """

    kind: Kind
    files: list[tuple[str, str, Path]]
    others: dict[str, str]
    class_names: tuple[str, ...]
    splits: tuple[str, ...]
    notes: list[str]

    @property
    def paths(self) -> list[str]:
        """The path of each file."""
        return [str(path) for _, _, path in self.files]

    @property
    def labels(self) -> np.ndarray:
        """The class of each file, `(files,)`."""
        number = {name: label for label, name in enumerate(self.class_names)}
        return np.array([number[name] for _, name, _ in self.files])

    def rows(self, is_good: np.ndarray | bool = True) -> dict[str, np.ndarray]:
        """Returns which files each split has, bad ones left out."""
        splits = np.array([split for split, _, _ in self.files])
        return {
            each: np.flatnonzero((splits == each) & is_good)
            for each in self.splits
        }


def read_layout(folder: Path, kind: Kind = IMAGE) -> Layout:
    """Walks a folder that holds one folder a class, or splits with those.

    A folder called `train` is a split if it holds folders, and a class like
    any other if it holds files of the kind.

    Raises:
        DataError: if the folder is missing, holds no classes, names a split
            twice, or tests a class that it does not train.
    """
    if not _regular_file.is_folder(folder):
        what = _regular_file.why_not(folder) or "a file"
        raise DataError(
            f"{folder}: there must be a folder of {kind.noun}s here. Received: "
            f"{what}. Check the path; it is relative to {Path.cwd()}."
        )
    roots = _split_roots(folder)
    notes: list[str] = []
    layout = Layout(kind, [], {}, (), tuple(roots), notes)
    classes = {}
    for split, root in roots.items():
        classes[split] = [path.name for path in _folders(root)]
        for path in _folders(root):
            _walk_class(path, split, layout)
        loose = [path for path in _visible(root) if kind.has(path)]
        if loose and classes[split]:
            notes.append(_loose_note(loose, kind.noun))
    notes += _beside_note(folder, roots)
    notes += _hidden_note({folder, *roots.values()}, "no class")
    inside = {path for root in roots.values() for path in _folders(root)}
    notes += _hidden_note(inside, f"no {kind.noun}")
    _check_classes(folder, classes, layout)
    layout.class_names = tuple(classes["train"])
    return layout


def _visible(folder) -> Iterator[Path]:
    """Yields what is in a folder by name: the order no file system keeps."""
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(
            f"{folder}: the folder must be readable. Received: "
            f"{error.strerror}. Check its permissions."
        ) from error
    for path in paths:
        if not is_litter(path):
            yield path


def is_seen(path: Path, folder: Path) -> bool:
    """Whether neither a path below a folder nor a folder above it is litter."""
    below = path.relative_to(folder)
    return not any(map(is_litter, (below, *below.parents)))


def is_litter(path: Path) -> bool:
    """Whether a path is hidden, or was left behind by a file manager."""
    name = path.name.lower()
    return name.startswith(".") or name in _LITTER


def _beside_note(folder, roots):
    """Notes folders that are no split, where others are."""
    if folder in roots.values():
        return []
    beside = [p for p in _folders(folder) if p not in roots.values()]
    if not beside:
        return []
    folders = counted(len(beside), "folder is", "folders are")
    where = quoted(path.name for path in roots.values())
    return [
        f"{folders} no split and left out, beside {where}: "
        f"{listed(map(str, beside))}. A split has one folder a class, and is "
        "called `train`, `validation` (`val`, `valid`) or `test`."
    ]


def _hidden_note(folders, what):
    """Notes hidden folders where classes or files lie, such as `.git`."""
    hidden = sorted(
        str(path)
        for folder in folders
        for path in folder.glob(".*")
        if path.is_dir()
    )
    if not hidden:
        return []
    were = counted(len(hidden), "hidden folder is", "hidden folders are")
    return [f"{were} {what} and left out: {listed(hidden)}."]


def _folders(folder) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _split_roots(folder) -> dict[str, Path]:
    named = [p for p in _folders(folder) if p.name.lower() in SPLIT_OF]
    roots: dict[str, Path] = {}
    for path in named:
        split = SPLIT_OF[path.name.lower()]
        if split in roots and _folders(path):
            raise DataError(
                f"{folder}: there must be one folder for {split}. Received: "
                f"`{roots[split].name}` and `{path.name}`. Merge them."
            )
        if _folders(path):
            roots[split] = path
    if not roots:
        return {"train": folder}
    if "train" not in roots:
        raise DataError(
            f"{folder}: beside {', '.join(p.name for p in roots.values())} "
            "there must be a folder `train` with one folder a class. "
            "Received: none. Add it, or give one folder a class and no splits."
        )
    return {split: roots[split] for split in SPLITS if split in roots}


def _walk_class(folder, split, layout):
    for path in _visible(folder):
        if path.is_dir():
            layout.others[str(path)] = "a folder inside a class"
        elif layout.kind.has(path):
            layout.files.append((split, folder.name, path))
        elif layout.kind.names(path):
            layout.others[str(path)] = _regular_file.why_not(path)
        else:
            layout.others[str(path)] = f"no {layout.kind.noun} by its name"


def _loose_note(loose, noun):
    where = "outside a class folder"
    files = counted(len(loose), f"{noun} {where} was", f"{noun}s {where} were")
    return f"{files} left out: {listed(map(str, loose))}."


def _check_classes(folder, classes, layout):
    noun = layout.kind.noun
    if not classes["train"] or not layout.files:
        raise DataError(
            f"{folder}: there must be one folder a class with {noun}s in it. "
            f"Received: {len(classes['train'])} folders, "
            f"{len(layout.files)} {noun}s. Put each {noun} into a folder "
            f"named after its class; read are {', '.join(layout.kind.endings)}."
        )
    for split in layout.splits[1:]:
        unknown = [n for n in classes[split] if n not in classes["train"]]
        if unknown:
            raise DataError(
                f"{folder}: {split} must hold classes of train only, because "
                f"no other can be learned. Received: {quoted(unknown)}, "
                f"{len(unknown)} in all. Add them to train, or remove them "
                f"from {split}."
            )
        seen = {name for part, name, _ in layout.files if part == split}
        layout.notes += [
            f"{split} has no {noun}s of `{name}`."
            for name in classes["train"]
            if name not in seen
        ]
