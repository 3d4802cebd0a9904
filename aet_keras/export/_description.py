"""Describes a version in words that JSON can hold."""

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from aet_keras.export import _signatures
from aet_keras.publishing import manifest

_PACKAGES = ("aet-keras", "keras", "tensorflow")


def describe(
    functions: Mapping[str, Any],
    class_count: int,
    *,
    shape: tuple[int, int, int] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Returns what a manifest says of a model, the files left out.

    Args:
        functions: concrete functions by the name of the signature.
        class_count: int >= 0.
        shape: height, width and channels of a picture, where it takes any.
        notes: sequence of str. Why a signature is not there.
    """
    sides = ("height", "width", "channels")
    input_ = {"input": dict(zip(sides, shape, strict=True))} if shape else {}
    return {
        "format": manifest.FORMAT,
        "versions": {
            **{name: _version(name) for name in _PACKAGES},
            "python": platform.python_version(),
        },
        **input_,
        "class_count": class_count,
        "signatures": {
            name: {
                "method": _signatures.METHODS.get(name, _signatures.PREDICT),
                "inputs": _inputs(function),
                "outputs": _specs(function.structured_outputs),
            }
            for name, function in functions.items()
        },
        "notes": list(notes),
    }


def _inputs(function):
    positional, named = function.structured_input_signature
    return _specs({**{spec.name: spec for spec in positional}, **named})


def _specs(specs):
    return {
        name: {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
        for name, spec in specs.items()
    }


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # another build, such as tensorflow-cpu
