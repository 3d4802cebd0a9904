"""How are many encoded pictures read, and what is said about bad ones?"""

import collections
import concurrent.futures
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from aet_keras._progress import report
from aet_keras.data.decoding import bombs_refused, conversion_notes, decode
from aet_keras.data.storage import allocate
from aet_keras.errors import DataError

# Enough to keep every core busy, few enough that encoded pictures which
# arrive one by one never all wait in memory.
_CHUNK = 512


def decode_pictures(
    pictures: Iterable[str | bytes],
    *,
    names: Sequence[str],
    image_size: tuple[int, int],
    source: str,
    skip_bad: bool,
    known_bad: Mapping[str, str] | None = None,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Decodes each picture once, in threads, into rows of one array.

    Args:
        pictures: iterable of paths or encoded pictures.
        names: sequence of str. What each is called in a sentence.
        image_size: `(height, width)`.
        source: str. What an error sentence starts with.
        skip_bad: bool. Leave bad pictures out instead of raising.
        known_bad: dict of name to reason, of files known to be no pictures.

    Returns:
        The rows, a bool array saying which of them are good, and the notes.

    Raises:
        DataError: naming up to three bad pictures and their count.
    """
    rows = allocate((len(names), *image_size, 3))
    is_good = np.ones(len(names), bool)
    bad = dict(known_bad or {})
    conversions = collections.Counter()

    def place(numbered):
        row, picture = numbered
        # Damage surfaces as nearly every kind of exception, depending on the
        # format: whichever it is, the answer is to name the picture.
        try:
            rows[row], converted = decode(picture, image_size)
        except Exception as error:
            return row, (), _reason(error)
        return row, converted, None

    with bombs_refused(), concurrent.futures.ThreadPoolExecutor() as pool:
        numbered = iter(enumerate(pictures))
        while chunk := list(itertools.islice(numbered, _CHUNK)):
            report("reading pictures", chunk[0][0], total=len(names))
            for row, converted, reason in pool.map(place, chunk):
                conversions.update(converted)
                if reason:
                    bad[names[row]] = reason
                    is_good[row] = False
    said = _bad_notes(bad, source, skip_bad)
    return rows, is_good, (*conversion_notes(conversions), *said)


def _reason(error):
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "not a picture"
    if isinstance(
        error, (Image.DecompressionBombWarning, Image.DecompressionBombError)
    ):
        return f"more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    return str(error).strip() or type(error).__name__


def _bad_notes(bad, source, skip_bad):
    if not bad:
        return ()
    said = "; ".join(f"{name} ({bad[name]})" for name in list(bad)[:3])
    said += f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    pictures = "1 unreadable picture" if len(bad) == 1 else ""
    pictures = pictures or f"{len(bad)} unreadable pictures"
    if skip_bad:
        were = "was" if len(bad) == 1 else "were"
        return (f"{pictures} {were} left out: {said}.",)
    raise DataError(
        f"{source}: every file must be a picture that can be read. Received: "
        f"{pictures}: {said}. Mend or remove them, or leave them out with "
        "`skip_bad=True` (`--skip-bad`)."
    )
