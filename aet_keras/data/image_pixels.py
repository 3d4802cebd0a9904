"""Reads all images of a source: into an array, or to be decoded later."""

import collections
import concurrent.futures
import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._progress import report
from aet_keras._wording import counted, listed
from aet_keras.data.assembly import ImageOptions, assemble_images
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.image_decoding import (
    Encoded,
    bombs_refused,
    conversion_notes,
    decode,
)
from aet_keras.data.image_storage import allocate, decoded_bytes
from aet_keras.data.streamed_images import (
    SUM_BYTES,
    StreamedImages,
    reason_of,
    sum_of_pixels,
)
from aet_keras.errors import DataError

# Enough to keep every core busy, few enough that encoded images which
# arrive one by one never all wait in memory.
_CHUNK = 512


@dataclasses.dataclass(frozen=True, eq=False)
class Pixels:
    """Holds the images of a source.

    Args:
        rows: uint8 array `(count, height, width, 3)`, or `StreamedImages`.
        sums: uint8 array `(count, 16)`. Of the pixels of each image.
        is_good: bool array `(count,)`. Which could be decoded.
        notes: tuple of str. What was converted and left out.
    """

    rows: np.ndarray | StreamedImages
    sums: np.ndarray
    is_good: np.ndarray
    notes: tuple[str, ...]

    def assemble(
        self,
        asked: ImageOptions,
        labels: np.ndarray,
        names: Sequence[str],
        given: Mapping[str, np.ndarray],
        *,
        notes: Sequence[str] = (),
        **settings: Any,
    ) -> Dataset[Specification]:
        """Sorts them into splits; arguments are those of `assemble_images`."""
        return assemble_images(
            asked,
            self.rows,
            self.sums,
            labels,
            names,
            given,
            notes=(*notes, *self.notes),
            **settings,
        )


def read_pixels(
    images: Iterable[Encoded],
    asked: ImageOptions,
    *,
    names: Sequence[str],
    source: str,
    is_streamed: bool = False,
    known_bad: Mapping[str, str] | None = None,
) -> Pixels:
    """Decodes each image once, in threads.

    Images that are streamed are decoded too, and forgotten: so that a bad one
    is named now, and equal ones are known by their sums.

    Args:
        images: iterable of what `decode` takes; if they are streamed, a
            sequence that gives an image as often as it is asked.
        asked: `ImageOptions`.
        names: sequence of str. What each is called in a sentence.
        source: str. What an error sentence starts with.
        is_streamed: bool. Keep no pixels. Defaults to `False`.
        known_bad: dict of name to reason, of files known to be no images.

    Returns:
        `Pixels`.

    Raises:
        DataError: naming up to three bad images and their count.
    """
    count, size = len(names), asked.image_size
    rows = None if is_streamed else allocate((count, *size, 3))
    sums = np.zeros((count, SUM_BYTES), "uint8")
    is_good = np.ones(count, bool)
    bad = dict(known_bad or {})
    conversions: collections.Counter[str] = collections.Counter()

    def place(numbered):
        row, image = numbered
        # Damage surfaces as nearly every kind of exception, depending on the
        # format: whichever it is, the answer is to name the image.
        try:
            pixels, converted = decode(image, size)
        except Exception as error:
            return row, (), reason_of(error)
        sums[row] = sum_of_pixels(pixels)
        if rows is not None:
            rows[row] = pixels
        return row, converted, None

    with bombs_refused(), concurrent.futures.ThreadPoolExecutor() as pool:
        numbered = iter(enumerate(images))
        while chunk := list(itertools.islice(numbered, _CHUNK)):
            report("reading images", chunk[0][0], total=count)
            for row, converted, reason in pool.map(place, chunk):
                conversions.update(converted)
                if reason:
                    bad[names[row]] = reason
                    is_good[row] = False
    left_out = _bad_notes(bad, source, asked.skip_bad)
    notes = (*conversion_notes(conversions), *left_out)
    if rows is not None:
        return Pixels(rows, sums, is_good, notes)
    encoded: Any = images
    streamed = StreamedImages(encoded, names, image_size=size, sums=sums)
    return Pixels(
        streamed, sums, is_good, (*notes, *_stream_notes(asked, count))
    )


def _stream_notes(asked, count):
    if asked.stream is not None:  # it was asked for
        return
    size = decoded_bytes(count, asked.image_size) / 1e9
    yield (
        f"The images are streamed, because they take {size:.2g} GB decoded, "
        "more than a quarter of the free memory: each is decoded when it is "
        "needed. `--no-stream` decodes each once, into a temporary file."
    )


def _bad_notes(bad, source, skip_bad):
    if not bad:
        return ()
    images = counted(len(bad), "unreadable image")
    shown = listed(f"{name} ({why})" for name, why in bad.items())
    if skip_bad:
        were = "was" if len(bad) == 1 else "were"
        return (f"{images} {were} left out: {shown}.",)
    raise DataError(
        f"{source}: every file must be an image that can be read. Received: "
        f"{images}: {shown}. Mend or remove them, or leave them out with "
        "`skip_bad=True` (`--skip-bad`)."
    )
