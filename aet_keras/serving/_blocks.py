"""Reads a body that is one block of whole numbers, as images are, with NumPy.

`json.loads` makes an object of each number, and the checks of `_tensors` look
at each again: 2.5 ms for an image of 64 pixels, against 0.3 ms here. Nothing
is guessed: a body that is not proved to be such a block is left to the general
way, which also has the sentences for what is wrong.

The proof. Without its digits, the block is letter for letter what a block of
that shape is, with ", " or "," between two numbers. The digits stand in as many
runs as it has places. Each run comes after "[", "," or the space behind a
comma, and before "," or "]". Only a place of a number lies between two such
signs, and between two signs there is one run at most, so that each place has
its number. No number has a sign, a point or a leading zero.
"""

import functools
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from aet_keras.serving._signature import Signature

_SPACE = rb"[ \t\n\r]*"
_NAME = rb'"signature_name"%b:%b"(\w*)"' % (_SPACE, _SPACE)
_HEAD = re.compile(
    rb'%b\{%b(?:%b%b,%b)?"(instances|inputs)"%b:%b(?:\{%b"(\w+)"%b:%b)?'
    % (_SPACE, _SPACE, _NAME, *[_SPACE] * 7)
)
_TAIL = re.compile(
    rb"%b(\}%b)?(?:,%b%b%b)?\}%b" % (*[_SPACE] * 3, _NAME, *[_SPACE] * 2)
)
_FEWEST_BYTES = 2000  # below that, the general way is as fast
_MOST_DIGITS = 15  # such a number is exact in int64 and in float64
_ZERO = ord("0")
_BEFORE = [ord(sign) for sign in "[, "]
_AFTER = [ord(sign) for sign in ",]"]


@dataclass(frozen=True)
class Asked:
    """Holds what a predict request asks for.

    Args:
        signature: str. The name of the signature.
        arrays: dict of input to array.
        is_rows: bool. Whether they came as `instances`.
    """

    signature: str
    arrays: Mapping[str, np.ndarray]
    is_rows: bool


def read_block(
    body: bytes | bytearray,
    signatures: Mapping[str, Signature],
    cells: Collection[str] = (),
    *,
    fewest_bytes: int = _FEWEST_BYTES,
) -> Asked | None:
    """Returns what the general way would, or None where that is not proved.

    Args:
        body: of a predict request.
        signatures: those of the version.
        cells: names of inputs that are columns of a table.
        fewest_bytes: int. A shorter body is left to the general way.
    """
    if len(body) < fewest_bytes:
        return None
    head, end = _HEAD.match(body), body.rfind(b"]") + 1
    tail = _TAIL.fullmatch(body, end)
    if head is None or tail is None:
        return None
    before, key, inner = head.groups()
    closing, after = tail.groups()
    is_rows, is_named = key == b"instances", inner is not None
    if is_named != (closing is not None) or (is_rows and is_named):
        return None
    if before is not None and after is not None:
        return None
    name = (before or after or b"serving_default").decode("ascii")
    if name not in signatures or len(signatures[name].inputs) != 1:
        return None
    ((input_name, spec),) = signatures[name].inputs.items()
    if input_name in cells or (is_named and inner.decode() != input_name):
        return None
    array = _to_array(bytes(body[head.end() : end]), spec)
    return (
        array
        if array is None
        else Asked(name, {input_name: array}, is_rows=is_rows)
    )


def _to_array(text: bytes, spec: tf.TensorSpec) -> np.ndarray | None:
    """Returns the array that `to_array` makes of a block of whole numbers."""
    shape = spec.shape
    if not shape.rank or not shape[1:].is_fully_defined():
        return None
    row, places = tuple(shape[1:]), math.prod(shape[1:])
    rows, rest = divmod(text.count(b",") + 1, places or 1)
    if rest or not places or shape[0] not in (None, rows):
        return None
    if not _is_block(text.translate(None, b"0123456789"), row, rows):
        return None
    numbers = _numbers(np.frombuffer(text, np.uint8), rows * places)
    if numbers is None:
        return None
    array = _cast(numbers, spec.dtype)
    return array if array is None else array.reshape(rows, *row)


def _is_block(signs, row, rows):
    between = b", " if b", " in signs else b","
    return signs == _join([_signs(row, between)] * rows, between)


@functools.lru_cache(maxsize=64)
def _signs(shape, between):
    """Returns the text of a block, without its numbers."""
    text = b""
    for size in reversed(shape):
        text = _join([text] * size, between)
    return text


def _join(parts, between):
    return b"[%b]" % between.join(parts)


def _numbers(text, count):
    """Returns the runs of digits in a text as numbers, if all are right."""
    digits = text - _ZERO  # wraps around: no other sign is below 10
    is_digit = digits < 10
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1])
    before, last = edges[0::2], edges[1::2]  # of each run
    if len(before) != count or len(last) != count:
        return None
    lengths = last - before
    most = lengths.max()
    has_lead = (text.take(before + 1) == _ZERO) & (lengths > 1)
    if most > _MOST_DIGITS or has_lead.any():
        return None
    if not _are_all(text.take(before), _BEFORE):
        return None
    if not _are_all(text.take(last + 1), _AFTER):
        return None
    kind = np.int32 if most < 10 else np.int64
    numbers = digits.take(last).astype(kind)
    for place in range(1, most):
        more = digits.take(last - place).astype(kind) * kind(10**place)
        numbers += more * (lengths > place)
    return numbers


def _are_all(signs, among):
    is_known = signs == among[0]
    for sign in among[1:]:
        is_known |= signs == sign
    return is_known.all()


def _cast(numbers, dtype):
    """Returns numbers as a dtype, or None where one would lose something."""
    if dtype.is_integer:
        is_inside = dtype.min <= numbers.min() and numbers.max() <= dtype.max
        return numbers.astype(dtype.as_numpy_dtype) if is_inside else None
    if not dtype.is_floating:
        return None
    with np.errstate(over="ignore"):
        cast = numbers.astype("float64").astype(dtype.as_numpy_dtype)
    return cast if np.isfinite(cast).all() else None
