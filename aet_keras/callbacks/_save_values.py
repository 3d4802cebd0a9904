"""Turns what a save holds into JSON and arrays, and back."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def foreign_kind(value: Any) -> str | None:
    """Returns what a part of a value is that no save can hold, or None."""
    if isinstance(value, dict):
        keys = [k for k in value if not isinstance(k, str | int | float)]
        if keys:
            return type(keys[0]).__name__
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(filter(None, map(foreign_kind, value)), None)
    if isinstance(value, np.generic):
        value = value.item()
    is_array = isinstance(value, np.ndarray) and value.dtype != object
    is_plain = value is None or isinstance(value, str | int | float)
    return None if is_array or is_plain else type(value).__name__


def without_copies(
    arrays: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Returns arrays without those that are there twice, and who is where."""
    kept: dict[str, np.ndarray] = {}
    places: dict[str, str] = {}
    known: dict[bytes, str] = {}
    for name, array in arrays.items():
        array = np.asarray(array, order="C")
        about = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
        about.update(array.reshape(-1).view("u1").data if array.size else b"")
        places[name] = known.setdefault(about.digest(), name)
        if places[name] == name:
            kept[name] = array
    return kept, places


def to_json(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Returns a value as JSON takes it; arrays go to the dict `arrays`."""
    if isinstance(value, dict):
        pairs = [[k, to_json(v, arrays)] for k, v in value.items()]
        return {"dict": pairs}
    if isinstance(value, tuple):
        return {"tuple": [to_json(each, arrays) for each in value]}
    if isinstance(value, list):
        return [to_json(each, arrays) for each in value]
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        # Of as many bytes: a single number has no axis that could grow.
        raw = f"uint{8 * value.dtype.itemsize}"
        arrays[name] = value.view(raw) if _is_new(value) else value
        return {"array": name, "dtype": str(value.dtype)}
    if isinstance(value, np.number | np.bool_):  # a weight without axes is one
        return {**to_json(np.asarray(value), arrays), "is_single": True}
    return value.item() if isinstance(value, np.generic) else value


def from_json(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Returns what `to_json` was given."""
    if isinstance(value, list):
        return [from_json(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        dtype = np.dtype(value["dtype"])
        array = array if array.dtype == dtype else array.view(dtype)
        return array[()] if value.get("is_single") else array
    if "tuple" in value:
        return tuple(from_json(each, arrays) for each in value["tuple"])
    return {key: from_json(each, arrays) for key, each in value["dict"]}


def _is_new(array):
    """Says whether NumPy writes a dtype (bfloat16, ...) as raw bytes."""
    return array.dtype.kind == "V"
