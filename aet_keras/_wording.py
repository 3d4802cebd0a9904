"""Words the parts that many sentences share: counts, lists, near names."""

import difflib
from collections import Counter
from collections.abc import Iterable


def counted(count: int, one: str, many: str = "") -> str:
    """Returns `1 row` or `3 rows`; `many` is the plural if it is irregular."""
    return f"1 {one}" if count == 1 else f"{count} {many or f'{one}s'}"


def listed(words: Iterable[str], most: int = 3) -> str:
    """Returns the first words, and how many more there are."""
    words = list(words)
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def quoted(names: Iterable[str], most: int = 3) -> str:
    """Returns the first names in backticks, and how many more there are."""
    return listed((f"`{name}`" for name in names), most)


def repeated(names: Iterable[str]) -> list[str]:
    """Returns the names that occur more than once, sorted."""
    return sorted(n for n, count in Counter(names).items() if count > 1)


def short(text: object, most: int = 24) -> str:
    """Returns a text, its end cut off where a sentence would get long."""
    text = str(text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def legible(text: str) -> str:
    """Returns a text that UTF-8 can hold, what it cannot hold as `\\udcff`.

    The name of a file may have bytes that are no UTF-8, which no report holds.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def nearest(name: str, among: Iterable[str], count: int = 1) -> str:
    """Returns the sentence ` Nearest: `a`.`, or nothing if none is near."""
    close = difflib.get_close_matches(name, list(among), count)
    return f" Nearest: {quoted(close, count)}." if close else ""
