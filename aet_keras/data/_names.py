"""What may classes and ids be called, and in which order do they stand?"""

import re
from collections.abc import Iterable
from typing import Any

from aet_keras import _check as check
from aet_keras.errors import DataError

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_DIGITS = re.compile(r"[-+]?[0-9]+")
_WHOLE = re.compile(r"([-+]?\d+)\.0*")


def by_number(name: str) -> tuple[int, float, str]:
    """Orders names that are numbers by value, the others by alphabet."""
    try:
        return (0, float(name), name)
    except ValueError:
        return (1, 0.0, name)


def read_names(cells: Any) -> tuple[Any, list[str]]:
    """Returns names as they are, `17.0` as `17`, and a note if there were any.

    A column of whole numbers with a missing cell is written down as floats by
    those who read it as numbers.

    Args:
        cells: `pandas.Series` of str without missing ones.
    """
    if not has_floats(cells):
        return cells, []
    is_float = cells.str.contains(".", regex=False)
    if not cells[is_float].map(lambda c: bool(_WHOLE.fullmatch(c))).all():
        return cells, []
    whole = cells.str.replace(_WHOLE, r"\1", regex=True)
    return whole, [
        f"`{cells[is_float].iloc[0]}` is read as `{whole[is_float].iloc[0]}`"
    ]


def has_floats(cells: Any) -> bool:
    """Says whether cells are numbers, some of them written as floats."""
    if not len(cells):
        return False
    is_number = cells.map(lambda c: bool(_NUMBER.fullmatch(c)))
    return bool(is_number.all() and cells.str.contains(".", regex=False).any())


def are_whole_numbers(names: Iterable[str]) -> bool:
    """Says whether all names are whole numbers, so that `17.0` is `17`."""
    return all(_DIGITS.fullmatch(name) for name in names)


def check_one_line(owner: str, what: str, names: Iterable[str]) -> None:
    """Raises unless names can stand one a line in the files of a model.

    Args:
        owner: str. Who asks.
        what: str. What they are of, for the sentence.
        names: of classes, users or items.
    """
    for name in names:
        if not check.is_one_line(name):
            raise DataError(
                f"{owner}: a name must be one line of text, because the files "
                f"of a model hold one a line. Received: {what} with {name!r}. "
                "Take the line break out."
            )
