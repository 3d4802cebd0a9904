"""Refuses images that would be too large once they are decoded.

A file of 100 kB can hold a gigabyte of one colour. Its header says so.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from aet_keras.serving._refusals import bad_request

_PNG, _JPEG, _GIF, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"
_KINDS = (_PNG, _JPEG, _GIF, _BMP)  # what TensorFlow decodes
_EXAMPLE = b"\n"  # how a serialised `tf.train.Example` starts
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # they hold the size
_ALONE = {0x00, 0x01, *range(0xD0, 0xDA)}  # markers without a length
_DATA = 0xDA
_MOST_SEGMENTS = 1000


def check_images(arrays: Mapping[str, np.ndarray], *, most_pixels: int) -> None:
    """Checks that no image among the strings is too large to decode.

    Raises:
        Refusal: 400, if one is.
    """
    for name, array in arrays.items():
        values = array.flat if array.dtype == object else ()
        for place, value in enumerate(values):
            for image in _images(value):
                _check(image, most_pixels, f"`{name}`, at {place}")


def _images(value: bytes) -> Iterator[bytes]:
    if value.startswith(_KINDS):
        yield value
    elif value.startswith(_EXAMPLE):
        try:
            example = tf.train.Example.FromString(value)
        except DecodeError:  # the graph says so, or it is a text
            return
        for feature in example.features.feature.values():
            for each in feature.bytes_list.value:
                if each.startswith(_KINDS):
                    yield each


def _check(image, most, where):
    width, height = _size(image, where)
    if width * height <= most:
        return
    raise bad_request(
        f"An image must have at most {most:,} pixels. Received: "
        f"{width} x {height}, in {where}. Send it smaller."
    )


def _size(image, where):
    """Returns width and height; zeros where the graph will find no image."""
    if image.startswith(_PNG):
        return _number(image[16:20]), _number(image[20:24])
    if image.startswith(_GIF):
        return _number(image[6:8], "little"), _number(image[8:10], "little")
    if image.startswith(_BMP):
        # The height of one that is stored from the top is negative.
        height = int.from_bytes(image[22:26], "little", signed=True)
        return _number(image[18:22], "little"), abs(height)
    return _jpeg_size(image, where)


def _jpeg_size(image, where):
    at = 2
    for _ in range(_MOST_SEGMENTS):
        at = image.find(b"\xff", at)
        if at < 0 or len(image) < at + 9:
            return 0, 0
        marker = image[at + 1]
        if marker in _FRAMES:
            height, width = image[at + 5 : at + 7], image[at + 7 : at + 9]
            return _number(width), _number(height)
        if marker == _DATA:
            return 0, 0
        if marker == 0xFF:  # a byte to fill up
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + _number(image[at + 2 : at + 4])
    raise bad_request(
        f"A JPEG must say its size in its first {_MOST_SEGMENTS} segments. "
        f"Received: one that does not, in {where}. Write it again."
    )


def _number(part, order="big"):
    return int.from_bytes(part, order)
