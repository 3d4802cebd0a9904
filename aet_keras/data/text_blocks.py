"""Reads a text in blocks, so that a file may be larger than memory."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from aet_keras import _check as check
from aet_keras.data.text_encoding import (
    AUTO,
    decode,
    is_another_kind,
    read_file,
)
from aet_keras.errors import DataError

_BLOCK = 2**20  # bytes or characters that are read at once
_HEAD = 2**17  # characters; what stands above the names is mostly shorter
_ENDS = re.compile(r"[\r\n]")
_UNREADABLE = EOFError, OSError, UnicodeDecodeError, zlib.error


class TextBlocks:
    """Holds a text that is read in blocks, anew for each pass over it.

    Args:
        pieces: function without arguments that yields the text, piece by
            piece, from its beginning.
        begin: int >= 0. How many characters are left out at the beginning.
    """

    def __init__(self, pieces: Callable[[], Iterator[str]], begin: int = 0):
        self._pieces, self._begin = pieces, begin

    @classmethod
    def of(cls, text: str) -> "TextBlocks":
        """Returns blocks of a text that is in memory."""
        return cls(
            lambda: (
                text[place : place + _BLOCK]
                for place in range(0, len(text), _BLOCK)
            )
        )

    def behind(self, count: int) -> "TextBlocks":
        """Returns the text without some more characters at its beginning."""
        return TextBlocks(self._pieces, self._begin + count)

    def blocks(self) -> Iterator[str]:
        """Yields the text in pieces, none of them empty."""
        skip = self._begin
        for piece in self._pieces():
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:]
            skip = 0

    def lines(self) -> Iterator[str]:
        """Yields lines with their ends: `\\r\\n`, `\\r` or `\\n`."""
        waiting: list[str] = []
        for block in self.blocks():
            if waiting and waiting[-1].endswith("\r"):
                block = waiting.pop() + block
            # A `\r` at the end may be half of a line end.
            end = max(block.rfind("\n"), block.rfind("\r", 0, len(block) - 1))
            if end < 0:
                waiting.append(block)
                continue
            whole = "".join([*waiting, block[: end + 1]])
            yield from io.StringIO(whole, newline="")
            waiting = [block[end + 1 :]] if end + 1 < len(block) else []
        yield from io.StringIO("".join(waiting), newline="")

    def head(self, count: int, strip: str = "") -> str:
        """Returns the first characters.

        Args:
            count: int. How many, or all if there are fewer.
            strip: str. Characters that are left out before the first one.
        """
        found = ""
        for block in self.blocks():
            found += block
            if strip:
                found = found.lstrip(strip)
            if len(found) >= count:
                break
        return found[:count]

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Matches a pattern of whole lines with the beginning of the text.

        Args:
            pattern: compiled; must end at the end of a line, and be greedy if
                it matches several lines.

        Returns:
            `re.Match`, or None if the text does not begin so.
        """
        count = _HEAD
        while True:
            head = self.head(count)
            found = pattern.match(head)
            rest = head[found.end() :] if found else head
            # A whole line behind the match is known, and is no part of it: with
            # more of the text the match would be the same.
            if len(head) < count or _ENDS.search(rest, 0, len(rest) - 1):
                return found
            count *= 2

    def holds(self, what: str) -> bool:
        """Says whether a string stands anywhere in the text."""
        last = ""
        for block in self.blocks():
            if what in block or what in last + block[: len(what) - 1]:
                return True
            last = (last + block)[1 - len(what) :] if len(what) > 1 else ""
        return False


def open_text(
    owner: str, path: Path, encoding: str
) -> tuple[TextBlocks, list[str]]:
    """Returns the text of a file, and notes, as `decode` does.

    UTF-8 is read from the file whenever it is needed. It is proved by reading
    all of it once; what is not proved is read in one piece.

    Raises:
        DataError: if the file cannot be read, or is no text; from the blocks,
            if it is another file by then.
        ValueError: if there is no such encoding.
    """
    encoding = check.encoding(owner, encoding=encoding)
    if _is_utf_8(encoding) and _is_plain(path, encoding):
        return TextBlocks(lambda: _pieces_again(owner, path)), []
    text, notes = decode(owner, path, read_file(owner, path), encoding)
    return TextBlocks.of(text), notes


def _is_utf_8(encoding):
    return encoding == AUTO or codecs.lookup(encoding).name == "utf-8"


def _is_plain(path, encoding):
    """Proves that a file is UTF-8 without zero bytes, and no other kind.

    Without zeros it can be no UTF-16 whose mark is lacking.
    """
    try:
        with _opened(path) as file:
            if encoding == AUTO and is_another_kind(file.read(64)):
                return False
        return not any("\0" in piece for piece in _pieces(path))
    except _UNREADABLE:
        return False


def _pieces_again(owner, path):
    """Yields a file that was read to its end before."""
    try:
        yield from _pieces(path)
    except _UNREADABLE as error:
        raise DataError(
            f"{owner}: the file must stay as it is while it is read. Received: "
            f"{path}, {error}. Read a copy of it."
        ) from error


def _opened(path):
    is_packed = path.suffix.lower() == ".gz"
    return gzip.open(path) if is_packed else path.open("rb")


def _pieces(path):
    """Yields a file in UTF-8, its mark left out."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with _opened(path) as file:
        while block := file.read(_BLOCK):
            if piece := decoder.decode(block):
                yield piece
    if piece := decoder.decode(b"", final=True):
        yield piece
