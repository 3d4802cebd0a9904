"""Checks that a model can be served under some class names."""

from collections.abc import Sequence

import keras

from aet_keras import _check as check


def picture_shape(owner: str, model: keras.Model) -> tuple[int, int, int]:
    """Returns the height, width and channels that a classifier takes."""
    inputs = getattr(model, "inputs", None) or []
    outputs = getattr(model, "outputs", None) or []
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{owner}: the model must be functional or Sequential, "
            "with one input and one output. Received: "
            f"{type(model).__name__} with {len(inputs)} inputs and "
            f"{len(outputs)} outputs. Wrap what you serve in "
            "`keras.Model(images, probabilities)`."
        )
    shape = tuple(inputs[0].shape)
    if len(shape) != 4 or None in shape[1:]:
        raise ValueError(
            f"{owner}: the model must take pictures of one size, "
            "because the signature states it. Received: input shape "
            f"{shape}. Build it on `keras.Input((height, width, channels))`."
        )
    return shape[1:]


def check_columns(owner: str, model: keras.Model, names: Sequence[str]) -> None:
    """Makes sure that each column of the output has a name of its own."""
    given = tuple(model.outputs[0].shape)
    if given[1:] != (len(names),):
        raise ValueError(
            f"{owner}: `class_names` must name each column of the "
            f"output. Received: {len(names)} names for output shape "
            f"{given}."
        )
    for name in names:
        if not (name and check.is_one_line(name) and _is_utf8(name)):
            raise ValueError(
                f"{owner}: a class name must be one line of text, "
                "because `labels.txt` holds one a line. Received: "
                f"class_names with {name!r}. Rename the class."
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"{owner}: class names must differ, because a client "
            f"knows a class by its name. Received twice: {twice[:3]}."
        )


def _is_utf8(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # a folder's name in bytes that are no text
        return False
    return True
