"""Converts JSON values to arrays, and arrays to JSON values."""

import base64
import binascii
import itertools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.serving._refusals import bad_request, shown

_KINDS = {bool: "a bool", int: "a number", float: "a number", str: "a string"}


def is_binary(value: Any) -> bool:
    """Returns whether a value is `{"b64": "..."}`, which means bytes."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    return isinstance(value.get("b64"), str)


def from_binary(value: dict[str, str]) -> bytes:
    """Returns the bytes that `{"b64": "..."}` stands for."""
    text = "".join(value["b64"].split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_request(
            "Unable to base64 decode: the value of `b64` must be base64. "
            f"Received: {shown(value['b64'])}."
        ) from error


def to_array(
    value: Any, spec: tf.TensorSpec, name: str, *, is_cell: bool = False
) -> np.ndarray:
    """Converts nested lists to the array that a signature takes.

    No cast may lose something: `1.5` and `300` are no uint8, `true` is no
    number. In a cell of a table `null` is a missing value: NaN, or an empty
    string.

    Args:
        value: what JSON gives: a value, or lists of lists of them.
        spec: `tf.TensorSpec` of the input.
        name: str. The input's, for a sentence.
        is_cell: bool. Whether it is a column of a table.

    Raises:
        Refusal: 400, if it does not fit.
    """
    shape, leaves = _flatten(value, name)
    if is_cell:
        leaves = _cells(leaves, spec.dtype, name)
    if not spec.shape.is_compatible_with(shape) or not leaves:
        raise bad_request(
            f"`{name}` must have shape {_text(spec.shape)}, "
            f"dtype {spec.dtype.name}. Received: shape {_text(shape)}."
        )
    return _convert(leaves, spec.dtype, name).reshape(shape)


def _cells(leaves, dtype, name):
    """Returns cells, missing ones as the model takes them."""
    is_word = dtype == tf.string
    kinds = (str, dict) if is_word else (int, float)
    missing, kind = ("", "a string") if is_word else (math.nan, "a number")
    for leaf in leaves:
        if leaf is not None and type(leaf) not in kinds:
            like = " such as 1234.5, without signs" if not is_word else ""
            raise bad_request(
                f"JSON Value: {shown(leaf)} is not of expected type: "
                f"{dtype.name}. It is {_KINDS.get(type(leaf), 'an object')}, "
                f"and stands in `{name}`. Write {kind}{like}, or null where "
                "it is missing."
            )
    return [missing if leaf is None else leaf for leaf in leaves]


def _flatten(value, name):
    shape, items = [], [value]
    while items and isinstance(items[0], list):
        if set(map(type, items)) != {list} or len(set(map(len, items))) > 1:
            raise _ragged(name, len(shape))
        shape.append(len(items[0]))
        items = list(itertools.chain.from_iterable(items))
    if list in set(map(type, items)):
        raise _ragged(name, len(shape))
    return tuple(shape), items


def _ragged(name, level):
    return bad_request(
        f"Encountered list at unexpected size at level: {level}. The lists "
        f"of `{name}` must all be nested alike, because a tensor is a block."
    )


def _convert(leaves, dtype, name):
    if dtype == tf.string:
        return _strings(leaves, name)
    if dtype == tf.bool:
        _only(leaves, (bool,), dtype, name)
        return np.array(leaves, bool)
    if dtype.is_integer:
        _only(leaves, (int,), dtype, name)
        _within(leaves, dtype, name)
        return np.array(leaves, dtype.as_numpy_dtype)
    if dtype.is_floating:
        _only(leaves, (int, float), dtype, name)
        return _floats(leaves, dtype, name)
    raise bad_request(f"`{name}` is {dtype.name}, which JSON cannot hold.")


def _only(leaves, kinds, dtype, name):
    if set(map(type, leaves)) <= set(kinds):
        return
    odd = next(leaf for leaf in leaves if type(leaf) not in kinds)
    kind = _KINDS.get(type(odd), "null" if odd is None else "an object")
    raise bad_request(
        f"JSON Value: {shown(odd)} is not of expected type: {dtype.name}. "
        f"It is {kind}, and stands in `{name}`."
    )


def _within(leaves, dtype, name):
    low, high = min(leaves), max(leaves)
    if dtype.min <= low and high <= dtype.max:
        return
    odd = high if high > dtype.max else low
    raise bad_request(
        f"JSON Value: {shown(odd)} is not of expected type: {dtype.name}, "
        f"which goes from {dtype.min} to {dtype.max}. It stands in `{name}`."
    )


def _floats(leaves, dtype, name):
    try:
        exact = np.array(leaves, "float64")
    except OverflowError:
        exact = np.array([np.finfo("float64").max])
    with np.errstate(over="ignore"):
        cast = exact.astype(dtype.as_numpy_dtype)
    if (np.isfinite(exact) & ~np.isfinite(cast)).any() or exact.size != len(
        leaves
    ):
        raise bad_request(
            f"Cannot convert a value of `{name}` to {dtype.name} without loss "
            "of precision: it is too large."
        )
    return cast


def _strings(leaves, name):
    values = np.empty(len(leaves), object)
    for place, leaf in enumerate(leaves):
        if is_binary(leaf):
            values[place] = from_binary(leaf)
        elif isinstance(leaf, str):
            values[place] = _encode(leaf, name)
        else:
            _only([leaf], (str,), tf.string, name)
    return values


def _encode(text, name):
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise bad_request(
            f"A string of `{name}` is no text: {shown(text)}. Send bytes as "
            '`{"b64": "..."}`.'
        ) from error


def _text(shape):
    sizes = tuple(shape) if getattr(shape, "rank", 0) is not None else "?"
    return f"({', '.join('any' if s is None else str(s) for s in sizes)})"


def to_values(array: np.ndarray, name: str) -> Any:
    """Converts an array to nested lists, for JSON.

    Strings are text, or `{"b64": "..."}` if the name of the tensor ends in
    `_bytes`, as in TensorFlow Serving.
    """
    if array.dtype != object:
        return array.tolist()

    def say(value):
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode(errors="replace")

    return np.vectorize(say, otypes=[object])(array).tolist()
