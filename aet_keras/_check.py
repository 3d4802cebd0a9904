"""Checks arguments, and says what is wrong with one in one sentence.

`{Owner}: {what must hold}. Received: {name}={value!r}. {What to do}.`
Each check takes the owner (an object or a name) and one keyword, and returns
the value, so that a constructor reads `self.ratio = positive_int(self, ...)`.
"""

import codecs
import copy
import dataclasses
import difflib
import math
import numbers
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, TypeVar

_Record = TypeVar("_Record")


def owner_name(owner: Any) -> str:
    """Returns the name an error sentence starts with."""
    return owner if isinstance(owner, str) else type(owner).__name__


def _one(named: dict[str, Any]) -> tuple[str, Any]:
    ((name, value),) = named.items()
    return name, value


def _refuse(owner, name, value, must, error=ValueError, advice=""):
    advice = f" {advice}" if advice else ""
    raise error(
        f"{owner_name(owner)}: `{name}` must be {must}. "
        f"Received: {name}={shown(value)}.{advice}"
    )


def shown(value: Any, most: int = 120) -> str:
    """Returns the `repr` of a value, cut where a sentence would get long."""
    if isinstance(value, str) and len(value) > most:
        value = value[:most]  # before `repr` makes four signs of one
        return f"{value!r}..."
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep, or a huge int
        return f"a `{type(value).__name__}`"
    return text if len(text) <= most else f"{text[:most]}..."


def is_one_line(text: str) -> bool:
    """Says whether a file that holds one name a line can hold this one."""
    try:
        text.encode("utf-8")  # a folder's name may be bytes that are no text
    except UnicodeEncodeError:
        return False
    return not {"\n", "\r", "\0"} & set(text)


def first_line(error: BaseException) -> str:
    """Returns the first line of an exception's message, or its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def kind_and_line(error: BaseException) -> str:
    """Returns an exception's kind, and the first line of its message."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}".rstrip(": ")


def _is_int(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_number(value):
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        return is_real and math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def whole(
    owner: Any, *, least: int = 0, up_to: int = 2**63 - 1, **named: Any
) -> int:
    """Returns the keyword's value if it is an int from `least` to `up_to`."""
    name, value = _one(named)
    must = f"an int of at least {least}"
    if not _is_int(value):
        _refuse(owner, name, value, must, TypeError)
    if value > up_to:
        must = f"{must} and at most {up_to}"
    if not least <= value <= up_to:
        _refuse(owner, name, value, must)
    return int(value)


def positive_int(owner: Any, *, up_to: int = 2**63 - 1, **named: Any) -> int:
    """Returns the keyword's value if it is an int from 1 to `up_to`."""
    return whole(owner, least=1, up_to=up_to, **named)


def text(owner: Any, **named: Any) -> str:
    """Returns the keyword's value if it is a str that a file can hold.

    A name of a file or a column is never as long as 4096 signs, has no zero
    byte, and can be written as UTF-8.
    """
    name, value = _one(named)
    instance(owner, of=str, **named)
    try:
        value.encode("utf-8")
        is_writable = "\0" not in value and 0 < len(value) <= 4096
    except UnicodeEncodeError:
        is_writable = False
    if not is_writable:
        must = "a text of 1 to 4096 signs, each of them valid in UTF-8"
        _refuse(owner, name, value, must)
    return value


def number(
    owner: Any,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float | None = None,
    **named: Any,
) -> float:
    """Returns the keyword's value if it is a finite number in the range."""
    name, value = _one(named)
    low = f"above {above}" if above is not None else f"at least {least}"
    parts = [low] if above is not None or least > -math.inf else []
    parts += [f"at most {most}"] if most < math.inf else []
    must = " ".join(["a finite number", " and ".join(parts)]).strip()
    if not _is_number(value):
        wrong_kind = not isinstance(value, numbers.Real)
        kind = TypeError if wrong_kind else ValueError
        _refuse(owner, name, value, must, kind)
    if not least <= value <= most or (above is not None and value <= above):
        _refuse(owner, name, value, must)
    return float(value)


def positive(owner: Any, **named: Any) -> float:
    """Returns the keyword's value if it is a finite number above 0."""
    return number(owner, above=0, **named)


def ratio(owner: Any, **named: Any) -> float:
    """Returns the keyword's value if it is a number from 0 to 1."""
    return number(owner, least=0, most=1, **named)


def positive_ratio(owner: Any, **named: Any) -> float:
    """Returns the keyword's value if it is above 0 and at most 1."""
    return number(owner, above=0, most=1, **named)


def boolean(owner: Any, **named: Any) -> bool:
    """Returns the keyword's value if it is True or False."""
    name, value = _one(named)
    if not isinstance(value, bool):
        _refuse(owner, name, value, "True or False", TypeError)
    return value


def one_of(owner: Any, *, among: Collection[str], **named: Any) -> str:
    """Returns the keyword's value if it is one of a few words."""
    name, value = _one(named)
    if not _is_among(value, among):
        words = ", ".join(repr(word) for word in among)
        _refuse(owner, name, value, f"one of {words}")
    return value


def encoding(owner: Any, **named: Any) -> str:
    """Returns the name of an encoding of texts that Python knows, or `"auto"`.

    Raises:
        ValueError: if there is none of that name.
    """
    name, value = _one(named)
    text(owner, **named)
    if value == "auto":
        return value
    try:
        codec = codecs.lookup(value).name
        "".encode(codec)  # `base64` and its like are no texts
        return codec
    except (LookupError, ValueError, TypeError) as error:
        raise ValueError(
            f"{owner_name(owner)}: `{name}` must be one that Python knows. "
            f"Received: {name}={shown(value)}. Try `auto`, `utf-8`, `latin-1` "
            "or `utf-16`."
        ) from error


def _is_among(value, among):
    try:
        return value in among
    except TypeError:  # a list has no hash
        return False


def _cut(word, most=99):
    return word if len(word) <= most else f"{word[:most]}..."


def instance(owner: Any, *, of: Any, **named: Any) -> Any:
    """Returns the keyword's value if it is an instance of a class, or union."""
    name, value = _one(named)
    if not isinstance(value, of):
        kind = getattr(of, "__name__", None) or str(of)
        _refuse(owner, name, value, f"a `{kind}`", TypeError)
    return value


def known(
    owner: Any, *, among: Collection[str], kind: str, **named: Any
) -> str:
    """Returns the keyword's value if it is a name that is known.

    Args:
        owner: object or str. Who asks.
        among: the names there are, many.
        kind: str. What they name, in the singular: `"layer"`.
        **named: the one keyword to look at.

    Raises:
        ValueError: with the three nearest names and the count.
    """
    _, value = _one(named)
    if _is_among(value, among):
        return value
    if not isinstance(value, str):
        value = shown(value)
    lowered = {name.lower(): name for name in among}
    close = difflib.get_close_matches(value[:99].lower(), lowered, 3, 0.3)
    nearest = ", ".join(f"`{lowered[name]}`" for name in close)
    nearest = f" Nearest: {nearest}." if nearest else ""
    raise ValueError(
        f"{owner_name(owner)}: no {kind} `{_cut(value)}`.{nearest} "
        f"{len(among)} {_several(kind)} in all."
    )


def left_out(
    owner: Any,
    *,
    why: str,
    called: str | None = None,
    error: type[Exception] = ValueError,
    **named: Any,
) -> NoReturn:
    """Raises, because the keyword is given and would change nothing.

    Args:
        owner: object or str. Who asks.
        why: str. Why not, as the end of a sentence.
        called: optional str. What the user calls it. Defaults to the keyword.
        error: what is raised.
        **named: the one keyword.
    """
    name, value = _one(named)
    raise error(
        f"{owner_name(owner)}: {called or f'`{name}`'} must be left out here, "
        f"because {why}. Received: {name}={shown(value)}. Leave it out."
    )


def _several(kind):
    """Returns the plural of `layer`, `entry` or `class`."""
    if kind.endswith("y"):
        return f"{kind.removesuffix('y')}ies"
    return f"{kind}es" if kind.endswith("s") else f"{kind}s"


def entries(
    owner: Any,
    state: Collection[str],
    names: Collection[str],
    *,
    advice: str = "Resume with the version of aet-keras that saved it, or "
    "start anew.",
) -> None:
    """Raises a `ValueError` unless a state has some entries and no other.

    Args:
        owner: object or str. What goes on from the state.
        state: what `get_state` returned.
        names: the entries that it must have.
        advice: str. What to do about another state.
    """
    missing = sorted(set(names) - set(state))
    unknown = sorted(set(state) - set(names), key=str)
    if missing or unknown:
        raise ValueError(
            f"{owner_name(owner)}: a state must have the entries that "
            "`get_state` returns, because training goes on from them. "
            f"Received: one without {missing} and with {unknown}. {advice}"
        )


def _empty_state(owner: Any) -> dict[str, Any]:
    """Returns {}: training teaches it nothing."""
    return {}


def _set_empty_state(owner: Any, state: Mapping[str, Any]) -> None:
    """Takes the empty state back."""
    entries(owner, state, ())


# What a callback without a state says: `get_state, set_state = NO_STATE`.
NO_STATE = (_empty_state, _set_empty_state)


def record(of: type[_Record], *, state: Mapping[str, Any]) -> _Record:
    """Makes the record that `dataclasses.asdict` made a dict of."""
    names = [each.name for each in dataclasses.fields(of)]  # type: ignore
    entries(of.__name__, state, names)
    return of(**copy.deepcopy(dict(state)))
