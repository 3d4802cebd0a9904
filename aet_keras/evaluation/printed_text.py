"""Cuts and wraps text by its printed width."""

import textwrap
import unicodedata
from collections.abc import Sequence

COLUMNS = 80
# They join characters, or choose how one looks, and take no column.
_UNSEEN = {"\u200d", "\ufe0e", "\ufe0f"}


def width(text: str) -> int:
    """Returns how many terminal columns a text takes."""
    return sum(_columns(character) for character in text)


def _columns(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def readable(text: str) -> str:
    """Returns a text without what only steers how others are drawn."""
    seen = (c for c in text if c not in _UNSEEN)
    return "".join(c if c.isprintable() else "?" for c in seen)


def cut(text: str, columns: int) -> str:
    """Returns the text, its end replaced by `…` where it is too wide."""
    text = readable(text)
    if width(text) <= columns:
        return text
    while width(text) > columns - 1:
        text = text[:-1]
    return text + "…"


def fit(text: str, columns: int) -> str:
    """Returns the text cut or padded to exactly so many columns."""
    text = cut(text, columns)
    return text + " " * (columns - width(text))


def widest(texts: Sequence[str], *, most: int) -> int:
    """Returns the width of the widest text, `most` at the most."""
    return min(most, max(map(width, texts), default=0))


def cut_middle(text: str, columns: int) -> str:
    """Returns the text, its middle replaced by `…` where it is too wide.

    Names of classes often begin alike; both ends tell them apart.
    """
    text = readable(text)
    if width(text) <= columns:
        return text
    start, end = text, text
    while width(start) > columns // 2:
        start = start[:-1]
    while width(end) > columns - 1 - width(start):
        end = end[1:]
    return f"{start}…{end}"


def last_part(path: str) -> str:
    """Returns the name of a file without the folders above it.

    It says more than they do. What is no path is left as it is.
    """
    return path.replace("\\", "/").rpartition("/")[2]


def wrapped(text: str, columns: int, *, lines: int) -> str:
    """Returns the text in a few lines of so many columns, its middle cut.

    Lines end behind a space, a `_`, a `-` or a `/` where there is one in
    their second half, else anywhere.
    """
    text = cut_middle(text, columns * lines - (lines - 1))
    lines_so_far: list[str] = []
    while width(text) > columns and len(lines_so_far) < lines - 1:
        head = text
        while width(head) > columns:
            head = head[:-1]
        ends = [i + 1 for i, c in enumerate(head) if c in " _-/."]
        if ends and ends[-1] > len(head) // 2:
            head = head[: ends[-1]]
        lines_so_far.append(head.rstrip())
        text = text[len(head) :].lstrip()
    return "\n".join([*lines_so_far, cut_middle(text, columns)])


def filled(text: str) -> str:
    """Returns a paragraph in lines that a terminal holds."""
    return textwrap.fill(text, COLUMNS)
