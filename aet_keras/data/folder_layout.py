"""Which file of a folder belongs to which class and split?"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from aet_keras.errors import DataError

ENDINGS = (
    ".bmp",
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)

_SPLIT_FOLDERS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}
# Left behind by file managers, whatever the folder is about.
_LITTER = ("__macosx", "desktop.ini", "thumbs.db")


@dataclasses.dataclass
class Layout:
    """Lists what was found: pictures by split and class, and the rest.

    Args:
        pictures: list of `(split, class name, path)`, sorted.
        not_pictures: dict of path to what it is, where pictures belong.
        class_names: tuple of str, sorted: the classes of train.
        splits: tuple of str. The splits that the folder brings.
        notes: list of sentences.
    """

    pictures: list[tuple[str, str, Path]]
    not_pictures: dict[str, str]
    class_names: tuple[str, ...]
    splits: tuple[str, ...]
    notes: list[str]


def read_layout(folder: Path) -> Layout:
    """Walks a folder that holds one folder a class, or splits with those.

    A folder called `train` is a split if it holds folders, and a class like
    any other if it holds pictures.

    Raises:
        DataError: if the folder is missing, holds no classes, names a split
            twice, or tests a class that it does not train.
    """
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise DataError(
            f"{folder}: there must be a folder of pictures here. Received: "
            f"{what}. Check the path; it is relative to {Path.cwd()}."
        )
    roots, notes = _split_roots(folder), []
    layout = Layout([], {}, (), tuple(roots), notes)
    classes = {}
    for split, root in roots.items():
        classes[split] = [path.name for path in _folders(root)]
        for path in _folders(root):
            _walk_class(path, split, layout)
        loose = [p for p in _visible(root) if _is_picture(p)]
        if loose and classes[split]:
            notes.append(_loose_note(loose))
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
        name = path.name.lower()
        if not name.startswith(".") and name not in _LITTER:
            yield path


def _folders(folder) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]


def _is_picture(path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.is_dir()


def _split_roots(folder) -> dict[str, Path]:
    named = [p for p in _folders(folder) if p.name.lower() in _SPLIT_FOLDERS]
    roots = {}
    for path in named:
        split = _SPLIT_FOLDERS[path.name.lower()]
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
    return {s: roots[s] for s in ("train", "validation", "test") if s in roots}


def _walk_class(folder, split, layout):
    for path in _visible(folder):
        if path.is_dir():
            layout.not_pictures[str(path)] = "a folder inside a class"
        elif _is_picture(path):
            layout.pictures.append((split, folder.name, path))
        else:
            layout.not_pictures[str(path)] = "not a picture by its name"


def _loose_note(loose):
    names = ", ".join(str(path) for path in loose[:3])
    more = f" and {len(loose) - 3} more" if len(loose) > 3 else ""
    were = "picture outside a class folder was"
    if len(loose) > 1:
        were = "pictures outside a class folder were"
    return f"{len(loose)} {were} left out: {names}{more}."


def _check_classes(folder, classes, layout):
    if not classes["train"] or not layout.pictures:
        raise DataError(
            f"{folder}: there must be one folder a class with pictures in it. "
            f"Received: {len(classes['train'])} folders, "
            f"{len(layout.pictures)} pictures. Put each picture into a folder "
            f"named after its class; read are {', '.join(ENDINGS)}."
        )
    for split in layout.splits[1:]:
        unknown = [n for n in classes[split] if n not in classes["train"]]
        if unknown:
            names = ", ".join(f"`{name}`" for name in unknown[:3])
            raise DataError(
                f"{folder}: {split} must hold classes of train only, because "
                f"no other can be learned. Received: {names}, "
                f"{len(unknown)} in all. Add them to train, or remove them "
                f"from {split}."
            )
        seen = {name for part, name, _ in layout.pictures if part == split}
        layout.notes += [
            f"{split} has no pictures of `{name}`."
            for name in classes["train"]
            if name not in seen
        ]
