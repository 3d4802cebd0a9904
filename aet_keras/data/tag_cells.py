"""Finds the tags in a cell, and what separates them."""

import ast
import io
import json
import tokenize
import warnings
from collections.abc import Iterable, Mapping

SEPARATORS = (";", "|", ",")
_LEAST_SHARE = 0.1  # of cells with a separator, or it belongs to a name


def separators_of(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Returns what separates the tags in the cells of a column.

    Cells hold tags if one in ten or more has a separator, and what it
    separates is met again and again: there are fewer parts than cells that
    differ. `Paris, France` and `Rome, Italy` are two names. So are `Doe, Ann`
    and `Doe, Eve`: where each cell has as many parts, they make up one name.
    Lists such as `["red", "wool"]` hold tags, whatever is in them.

    Args:
        counts: how often each cell is met.

    Returns:
        tuple of `;`, `|` and `,`; empty if cells hold no tags, or one each.

    Example:

    >>> from aet_keras.data.tag_cells import separators_of
    >>> separators_of({"red;wool": 3, "red": 4, "wool": 2, "": 1})
    (';',)
    """
    if are_lists(counts):
        return (",",)
    found = separators_in(counts)
    several = [cell for cell in counts if tags_in(cell, found)[1:]]
    count = sum(counts[cell] for cell in several)
    if not several or count < _LEAST_SHARE * sum(counts.values()):
        return ()
    made = [tags_in(cell, found) for cell in counts]
    is_one_name = len({len(parts) for parts in made if parts}) == 1
    names = {name for parts in made for name in parts}
    return () if is_one_name or len(names) >= len(counts) else found


def are_lists(cells: Iterable[str]) -> bool:
    """Says whether each cell that is not empty is a list of tags."""
    known = [cell for cell in cells if cell]
    return bool(known) and all(_listed(cell) is not None for cell in known)


def separators_in(
    cells: Iterable[str], known: Iterable[str] = ()
) -> tuple[str, ...]:
    """Returns the separators in cells that are no lists.

    Args:
        cells: strings.
        known: names of tags. What stands in one of them separates none.
    """
    names = [*known]
    written = [cell for cell in cells if _listed(cell) is None]
    possible = [s for s in SEPARATORS if not any(s in name for name in names)]
    return tuple(s for s in possible if any(s in cell for cell in written))


def _listed(cell):
    """Returns what a list holds, as JSON or as Python writes it, or None."""
    if not (cell.startswith("[") and cell.endswith("]")):
        return None
    try:
        found = json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        found = _as_python(cell)
    if found is None or not all(
        isinstance(each, str | int | float | None) for each in found
    ):
        return None
    return [str(each) for each in found if each is not None]


def _as_python(cell):
    """Returns what Python or NumPy writes as a list; None if it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash in a word
            found = ast.literal_eval(cell)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    # NumPy writes `['red' 'wool']`, which Python reads as one word.
    tokens = tokenize.generate_tokens(io.StringIO(cell).readline)
    words = [x.string for x in tokens if x.type == tokenize.STRING]
    are_apart = len(words) <= len(found)
    return found if are_apart else [ast.literal_eval(word) for word in words]


def tags_in(cell: str, separators: tuple[str, ...]) -> list[str]:
    """Returns the tags of a cell, each once."""
    listed = _listed(cell)
    if listed is not None:
        return list(dict.fromkeys(filter(None, map(str.strip, listed))))
    for separator in separators[1:]:
        cell = cell.replace(separator, separators[0])
    pieces = cell.split(separators[0]) if separators else [cell]
    return list(dict.fromkeys(filter(None, map(str.strip, pieces))))
