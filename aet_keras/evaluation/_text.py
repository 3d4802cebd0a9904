"""How does a table stay straight on a terminal of 80 columns?"""

import unicodedata
from collections.abc import Sequence

COLUMNS = 80


def width(text: str) -> int:
    """Returns how many terminal columns a text takes."""
    return sum(_columns(character) for character in text)


def _columns(character):
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """Returns the text, its end replaced by `…` where it is too wide."""
    text = "".join(c if c.isprintable() else "?" for c in text)
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
