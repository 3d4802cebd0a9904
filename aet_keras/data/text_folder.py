"""How does a folder of texts become a `Dataset`?"""

from os import PathLike
from pathlib import Path

import numpy as np

from aet_keras.data._encodings import read_text_file
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import TEXT, read_layout
from aet_keras.data.splits import check_ratios
from aet_keras.data.text_assembly import assemble_texts


def read_text_folder(
    folder: str | PathLike,
    *,
    encoding: str = "auto",
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads `.txt` files that lie in one folder a class.

    Those folders lie in `folder`, or in `train`, `validation` (or `val`, or
    `valid`) and `test` inside it; what is missing is split off train, each
    class by its share. Hidden files are passed over, other ones and empty
    ones left out with a note.

    Args:
        folder: str or path.
        encoding: str. Of every file, as of `read_csv`. Defaults to
            `"auto"`.
        seed: int >= 0. Which rows are split off. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of train that becomes
            validation where there is none. Defaults to `0.15`.
        test_ratio: float in (0, 1). The same for test. Defaults to `0.15`.

    Returns:
        A `Dataset`; inputs are object arrays of str.

    Raises:
        DataError: if the folder is missing or holds no texts, a file is
            written in another encoding, there is one class only, or a class
            is too small.
        ValueError: if a ratio is out of its range, or there is no such
            encoding.

    Example:

    >>> import pathlib, tempfile
    >>> reviews = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("bad", "good"):
    ...     (reviews / name).mkdir()
    ...     for number in range(5):
    ...         path = reviews / name / f"{number}.txt"
    ...         _ = path.write_text(f"film {number} was {name}")
    >>> dataset = aet_keras.data.read_text_folder(reviews)
    >>> dataset.train.count, dataset.specification.class_names
    (6, ('bad', 'good'))
    """
    owner = "read_text_folder"
    ratios = check_ratios(owner, validation_ratio, test_ratio)
    layout = read_layout(Path(folder), TEXT)
    splits = np.array([split for split, _, _ in layout.files])
    number = {name: label for label, name in enumerate(layout.class_names)}
    paths = [path for _, _, path in layout.files]
    texts, guessed = _read(owner, paths, encoding)
    return assemble_texts(
        texts,
        np.array([number[name] for _, name, _ in layout.files]),
        [str(path) for path in paths],
        {s: np.flatnonzero(splits == s) for s in layout.splits},
        specification=Specification(
            "text", layout.class_names, None, str(folder)
        ),
        ratios=ratios,
        seed=seed,
        notes=[*layout.notes, *_others(layout.others), *guessed],
    )


def _read(owner, paths, encoding):
    """Returns the texts, and a note if encodings had to be guessed."""
    texts, guessed = [], []
    for path in paths:
        text, notes = read_text_file(owner, path, encoding=encoding)
        texts.append(text)
        guessed += notes
    if len(guessed) < 2:
        return texts, guessed
    return texts, [f"{guessed[0]} {len(guessed) - 1} more files are no UTF-8."]


def _others(others):
    if not others:
        return []
    shown = ", ".join(f"{path} ({what})" for path, what in others.items())
    count = len(others)
    if count > 3:
        first = list(others.items())[:3]
        shown = ", ".join(f"{path} ({what})" for path, what in first)
        shown += f" and {count - 3} more"
    were = "file was" if count == 1 else "files were"
    return [f"{count} {were} left out: {shown}."]
