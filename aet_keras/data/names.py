"""Checks, orders and compares the names of classes and ids."""

import decimal
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from aet_keras import _check as check
from aet_keras._wording import repeated, short
from aet_keras.data.table_cells import MARKERS
from aet_keras.data.table_column_kinds import BOOLEANS
from aet_keras.errors import DataError

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
_DIGITS = re.compile(r"[-+]?[0-9]+")
_WHOLE = re.compile(r"([-+]?\d+)\.0*")
_TRUTHS = {
    word: word == yes
    for no, yes in (("0", "1"), *BOOLEANS)
    for word in (no, yes)
}


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


def known_classes(
    cells: Iterable[str], known: Collection[str], missing: Collection[str]
) -> list[str]:
    """Returns classes as they were read where a model has learned them.

    Args:
        cells: stripped words, one a row.
        known: the classes of the model; what is one of them stays.
        missing: words that mean that there is none, which becomes `""`.

    Example:

    >>> from aet_keras.data.names import known_classes
    >>> known_classes(["1.0", "N/A", "3"], ("1", "2"), ("N/A",))
    ['1', '', '3']
    """
    are_whole = bool(known) and are_whole_numbers(known)

    def read(cell):
        if cell in known:
            return cell
        if cell in missing or (are_whole and cell.lower() in MARKERS):
            return ""
        whole = _WHOLE.fullmatch(cell) if are_whole else None
        return whole[1] if whole else cell

    return [read(cell) for cell in cells]


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
                f"of a model hold one a line. Received: {what} with "
                f"{check.shown(name, 60)}. Rename it: without line breaks, "
                "zero bytes or bytes that are no UTF-8."
            )


def check_class_names(owner: str, names: Iterable[str]) -> None:
    """Raises unless a model of these classes can be exported.

    Args:
        owner: str. Who asks, or the source of the classes.
        names: str, of the classes.

    Raises:
        DataError: if a name is empty, is not one line of text, or is there
            twice.
    """
    names = list(names)
    check_one_line(owner, "a class", names)
    twice = repeated(names)
    if twice or "" in names:
        name = check.shown(twice[0], 60) if twice else ""
        what = f"{name} twice" if twice else "an empty one"
        raise DataError(
            f"{owner}: each class must have a name of its own, because a "
            f"client knows it by that. Received: {what}. Rename the class."
        )


def served_names(titles: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Returns a name for each title that the signature of a model can have.

    Args:
        titles: what users call the inputs.
        taken: names that other inputs have.
    """
    known, names = set(taken), []
    for title in titles:
        name = re.sub(r"\W+", "_", title, flags=re.ASCII).strip("_")
        if not name[:1].isalpha() or name == "self" or keyword.iskeyword(name):
            # TensorFlow makes a signature a Python function of its inputs.
            name = f"column_{name}".rstrip("_")
        while name.lower() in known:
            name = f"{name}_2"
        known.add(name.lower())
        names.append(name)
    return names


def note_alike(
    what: str, names: Iterable[str], known: Collection[str] = ()
) -> Iterator[str]:
    """Yields notes if names differ by case only, or in what nobody sees.

    So do `01` and `1`, and `true` and `yes`, where all names mean yes or no.

    Args:
        what: str. What is named, in the plural.
        names: in their order.
        known: names of an earlier model, which are compared with `names`, but
            not with each other.
    """
    names = list(names)
    for key, how, show in (
        (str.casefold, "by case", str),
        (_as_seen, "in Unicode or spaces", _as_written),
        (_as_number, "in how a number is written", str),
    ):
        groups: dict[str, list[str]] = {key(name): [] for name in names}
        for name in dict.fromkeys([*known, *names]):
            groups.get(key(name), []).append(name)
        alike = [group for group in groups.values() if len(group) > 1]
        if alike:
            shown = "; ".join(
                " and ".join(f"`{short(show(name), 60)}`" for name in group[:4])
                for group in alike[:3]
            )
            more = f"; and {len(alike) - 3} more" if len(alike) > 3 else ""
            yield (
                f"These {what} differ {how} only, and stay separate: "
                f"{shown}{more}."
            )
    yield from _note_truths(what, names, known)


def _as_number(name):
    """Returns the value of a name that is a number, or the name itself."""
    if not _NUMBER.fullmatch(name):
        return name
    # By its own rules Python would round long ids, and refuse `1e9999999`.
    exact = decimal.Context(
        prec=len(name), Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX
    )
    try:
        return exact.normalize(decimal.Decimal(name))
    except decimal.DecimalException:  # its power has 18 digits or more
        return name


def _note_truths(what, names, known):
    """Notes several words for yes, or for no, where there are no others."""
    words = dict.fromkeys(name.casefold() for name in (*known, *names))
    if not words.keys() <= _TRUTHS.keys():
        return
    new = {name.casefold() for name in names}
    for truth in (True, False):
        same = [word for word in words if _TRUTHS[word] is truth]
        if len(same) > 1 and not new.isdisjoint(same):
            yield (
                f"These {what} may mean the same, and stay separate: "
                f"{' and '.join(f'`{word}`' for word in same)}."
            )


def _as_seen(name):
    """Returns what a person sees of a name: spaces are one space.

    Accents are one sign with their letters, and signs that only steer how
    text is laid out, such as a soft hyphen, are left out.
    """
    plain = unicodedata.normalize("NFKC", name)
    seen = (each for each in plain if unicodedata.category(each) != "Cf")
    return " ".join("".join(seen).split())


def _as_written(name):
    """Returns a name in ASCII, so that what nobody sees is seen."""
    return name.encode("ascii", "backslashreplace").decode()
