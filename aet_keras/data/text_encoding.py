"""Decodes the bytes of a file into text."""

import codecs
import gzip
import os
import re
import unicodedata
import zlib
from pathlib import Path
from typing import Any

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._wording import short
from aet_keras.errors import DataError

AUTO = "auto"

_MARKS = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = "`latin-1`, `cp1252`, `cp1250`, `cp1251` and `utf-16`"
# Signs that Western texts put between two letters.
_JOINING = "’‘´`·\xad–—ªº"
# Letters of Western languages and quotation marks, as UTF-8 has them.
_IN_UTF_8 = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x90-\xa6]")
_FOREIGN_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f]\S*")


def read_file(owner: str, path: Path) -> bytes:
    """Returns the bytes of a file, unpacked if its name ends in `.gz`.

    Raises:
        DataError: if there is no regular file, or it cannot be read.
    """
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix.lower() == ".gz" else raw
    except (EOFError, OSError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error).strip()
        raise DataError(
            f"{owner}: the file must be readable to its end. Received: {path}, "
            f"{reason}. Copy or pack it anew."
        ) from error


def read_text_file(
    owner: str, path: str | os.PathLike, *, encoding: str = AUTO
) -> tuple[str, list[str]]:
    """Reads one text, and says it if its encoding had to be guessed.

    Args:
        owner: str. Who asks.
        path: str or path.
        encoding: str. As of `read_csv`. Defaults to `"auto"`.

    Returns:
        The text, its lines ended by `\\n`, and a list of sentences.

    Raises:
        DataError: if there is no regular file, or it is written in another
            encoding.
        ValueError: if there is no such encoding.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "film.txt"
    >>> _ = path.write_text("a film\\n")
    >>> aet_keras.data.text_encoding.read_text_file("reviews", path)
    ('a film\\n', [])
    """
    path = Path(path)
    must = f"{owner}: there must be a file of text"
    _regular_file.require(must, path, error=DataError)
    text, notes = decode(owner, path, read_file(owner, path), encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def decode(
    owner: str, path: Any, raw: bytes, encoding: str
) -> tuple[str, list[str]]:
    """Returns the text of a file, and a note if its encoding may be another.

    `"auto"` is what a mark at the start says, else UTF-8, else UTF-16 if
    every other byte is zero, else cp1252 if the letters that come out of it
    stand where Western texts have them. Nothing else can be told with
    certainty, and is refused.

    Where another encoding is said than that of the bytes, which are UTF-8,
    there is a note, too: new rows are read as the training data were.

    Raises:
        DataError: if the bytes are no text in that encoding.
        ValueError: if there is no such encoding.
    """
    encoding = check.encoding(owner, encoding=encoding)
    if encoding == AUTO:
        return _guessed(owner, path, raw)
    if encoding in ("utf-16", "utf-32") and not _has_mark(raw):
        # Without its mark nearly any bytes would pass for text.
        if raw and _bare_utf_16(raw) is None:
            raise DataError(_no_mark(owner, path, encoding))
    expected = f"written in the encoding `{encoding}`"
    text = _decoded(owner, path, raw, encoding, expected)
    return text.removeprefix("\ufeff"), [*_utf_8_after_all(path, raw, text)]


def _utf_8_after_all(path, raw, text):
    """Notes if what is read in another encoding is UTF-8, too.

    By chance that is next to impossible, if there are letters beyond ASCII.
    """
    try:
        other = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    if other != text:
        word = _FOREIGN_WORD.search(text)
        such = (
            f", with words such as `{short(word.group(), 40)}`" if word else ""
        )
        yield (
            f"{path} is read as was said{such}, but its bytes are UTF-8, too. "
            "If the words are wrong, say `--encoding utf-8`."
        )


_MAGIC = (  # first bytes, what they begin, and what to do
    (b"PK\x03\x04", "a spreadsheet or a .zip", "Save it as CSV, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet (.xls)", "Save it as CSV"),
    (b"\x1f\x8b", "packed by gzip", "Let its name end in `.csv.gz`"),
    (b"BZh", "packed by bzip2", "Unpack it"),
    (b"\xfd7zXZ", "packed by xz", "Unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "Unpack it"),
    (b"PAR1", "a Parquet file", "Let its name end in `.parquet`"),
    (b"SQLite format 3", "a database", "Save its table as CSV"),
    (b"%PDF-", "a PDF", "Save its table as CSV"),
)


def is_another_kind(raw: bytes) -> bool:
    """Says whether bytes begin as those of a file that is no text."""
    return any(raw.startswith(magic) for magic, _, _ in _MAGIC)


def _check_text(owner, path, raw):
    """Refuses files of other kinds that their first bytes give away."""
    for magic, what, advice in _MAGIC:
        if raw.startswith(magic) and not raw.isascii():
            raise DataError(
                f"{owner}: the file must be a text. Received: {path}, which "
                f"is {what} by its first bytes. {advice}."
            )


def _guessed(owner, path, raw):
    _check_text(owner, path, raw)
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _marked(owner, path, raw, encoding)
    bare = _bare_utf_16(raw)
    if bare is not None:
        return bare, [f"{path} is read as `utf-16`, by its zero bytes."]
    try:
        return _checked(owner, path, raw.decode("utf-8")), []
    except UnicodeDecodeError as error:
        text = _western(raw)
        if text is None:
            expected = "written in UTF-8, or its `encoding` said"
            raise _refused(owner, path, error, expected, "utf-8") from error
    word = _FOREIGN_WORD.search(text)
    return _checked(owner, path, text), [
        f"{path} is not UTF-8: it is read as `cp1252` (`latin-1`), with words "
        f"such as `{short(word.group(), 40)}`. If they are wrong, say its "
        "`encoding` (`--encoding`)."
    ]


def _decoded(owner, path, raw, encoding, expected):
    try:
        return _checked(owner, path, raw.decode(encoding))
    except UnicodeError as error:
        raise _refused(owner, path, error, expected, encoding) from error


def _marked(owner, path, raw, encoding):
    expected = f"in the encoding `{encoding}`, as its first bytes say"
    text = _decoded(owner, path, raw, encoding, expected)
    if encoding == "utf-8-sig":
        return text, []
    return text, [f"{path} is read as `{encoding}`, as its first bytes say."]


def _has_mark(raw):
    return any(raw.startswith(mark) for mark, _ in _MARKS[1:])


def _bare_utf_16(raw):
    """Returns UTF-16 without a mark, if its zeros show that it is that."""
    if not raw or len(raw) % 2:
        return None
    for encoding, high in (("utf-16-le", raw[1::2]), ("utf-16-be", raw[::2])):
        if high.count(0) * 2 <= len(high):
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    return None


def _western(raw):
    """Returns the bytes as cp1252, if that makes words of Western languages.

    There no word is mostly foreign letters, and no sign such as a quotation
    mark stands between two letters.
    """
    if _IN_UTF_8.search(raw):  # most of it is UTF-8: something is damaged
        return None
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return None
    plain = foreign = 0
    for word in re.findall(r"\S*[^\x00-\x7f]\S*", text):
        for place, sign in enumerate(word):
            if sign.isascii():
                plain += sign.isalpha()
                continue
            if unicodedata.category(sign)[0] == "L":
                foreign += 1
            elif sign not in _JOINING and _is_inside(word, place):
                return None
    return text if foreign <= max(plain, 1) else None


def _is_inside(word, place):
    around = word[place - 1 : place] + word[place + 1 : place + 2]
    return len(around) == 2 and around.isalpha()


def _checked(owner, path, text):
    if "\0" not in text:
        return text
    raise DataError(
        f"{owner}: the file must be a text without zero bytes. Received: "
        f"{path}, with one behind {text.index(chr(0))} characters. It may be "
        "no text at all, or one in `utf-16` (`encoding=`, `--encoding`)."
    )


def _refused(owner, path, error, expected, encoding):
    place = getattr(error, "start", 0)
    return DataError(
        f"{owner}: the file must be {expected}. Received: {path}, whose byte "
        f"{place} is not valid `{encoding}`. Say which encoding it is in "
        f"(`encoding=`, `--encoding`): {_USUAL} are the usual ones."
    )


def _no_mark(owner, path, encoding):
    return (
        f"{owner}: the file must be written in the encoding `{encoding}`. "
        f"Received: {path}, which does not begin with its mark. Say which "
        f"encoding it is in (`encoding=`, `--encoding`), such as `utf-8` or "
        f"`{encoding}-le`."
    )
