"""Reports how far slow work is, to whoever asked to be told.

The rooms print nothing. Slow work reports its steps; they reach the function
that `run_recipe` or `search_recipes` was given, and no other.
"""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Step:
    """Says how far a piece of slow work is.

    Args:
        what: str. What is being done: `"reading images"`.
        done: optional int. How many parts are done.
        total: optional int. Of how many.
        unit: str. What a part is called: `"epoch"`.
        note: str. What else a person wants to see.
        ratio: optional float from 0 to 1. How much of the whole is done at
            least, where that is more than this piece.
    """

    what: str
    done: int | None = None
    total: int | None = None
    unit: str = ""
    note: str = ""
    ratio: float | None = None


_LISTENER: contextvars.ContextVar[Callable[[Step], Any] | None] = (
    contextvars.ContextVar("listener", default=None)
)


@contextlib.contextmanager
def listening(listener: Callable[[Step], Any] | None) -> Iterator[None]:
    """Sends the steps of what runs inside to a function."""
    if listener is None:
        yield
        return
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def is_listened_to() -> bool:
    """Says whether anybody wants to know."""
    return _LISTENER.get() is not None


def report(what: str, done: int | None = None, **more: Any) -> None:
    """Says how far something is; the arguments are those of `Step`."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(Step(what, done, **more))


def counted(
    parts: Iterable[Any], what: str, *, total: int, every: int = 1
) -> Iterator[Any]:
    """Yields the parts, and says how many were worked on."""
    for done, part in enumerate(parts):
        if done % every == 0:
            report(what, done, total=total)
        yield part
    report(what, total, total=total)
