"""How does a folder of texts become a `Dataset`?"""

from os import PathLike
from pathlib import Path

import numpy as np

from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.folder_layout import TEXT, read_layout
from aet_keras.data.splits import check_ratios
from aet_keras.data.text_assembly import assemble_texts
from aet_keras.errors import DataError


def read_text_folder(
    folder: str | PathLike,
    *,
    encoding: str = "utf-8",
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
        encoding: str. Of every file. Defaults to `"utf-8"`.
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
    return assemble_texts(
        [_read(owner, path, encoding) for path in paths],
        np.array([number[name] for _, name, _ in layout.files]),
        [str(path) for path in paths],
        {s: np.flatnonzero(splits == s) for s in layout.splits},
        specification=Specification(
            "text", layout.class_names, None, str(folder)
        ),
        ratios=ratios,
        seed=seed,
        notes=[*layout.notes, *_others(layout.others)],
    )


def _read(owner, path, encoding):
    try:
        return path.read_text(encoding=encoding)
    except UnicodeError as error:
        raise DataError(
            f"{owner}: each file must be written in the encoding "
            f"`{encoding}`. Received: {path}, whose byte "
            f"{getattr(error, 'start', 0)} is none of it. Say which one it is "
            "(`encoding=`, `--encoding`): `latin-1`, `cp1252` and `utf-16` "
            "are the usual others."
        ) from error
    except LookupError as error:
        raise ValueError(
            f"{owner}: `encoding` must be one that Python knows. Received: "
            f"encoding={encoding!r}. Try `utf-8`, `latin-1` or `utf-16`."
        ) from error
    except OSError as error:
        raise DataError(
            f"{owner}: each file must be readable. Received: {path}: "
            f"{error.strerror}. Check its permissions."
        ) from error


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
