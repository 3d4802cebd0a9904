"""Answers predict, classify and regress requests as TensorFlow Serving does."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.serving import _requests
from aet_keras.serving._blocks import Asked, read_block
from aet_keras.serving._image_sizes import check_images
from aet_keras.serving._refusals import bad_request, refusal, shown
from aet_keras.serving._tensors import to_values
from aet_keras.serving.loaded_version import LoadedVersion
from aet_keras.serving.settings import Limits

VERBS = ("predict", "classify", "regress")

Arrays = Mapping[str, np.ndarray]
Record = Callable[[str, str, LoadedVersion, Arrays, Arrays], None]


def answer(
    verb: str,
    version: LoadedVersion,
    body: bytes | bytearray,
    *,
    limits: Limits,
    reading: threading.Lock,
    record: Record | None = None,
) -> bytes:
    """Returns the answer to a predict, classify or regress request.

    Args:
        verb: one of `VERBS`.
        version: `LoadedVersion` that answers.
        body: bytes of the request.
        limits: `Limits`.
        reading: lock that is held while the body is read.
        record: optional function that is given what was asked and answered.

    Raises:
        Refusal: if the body or the model does not allow an answer.
    """
    results = {"classify": in_classes, "regress": in_numbers}.get(verb)
    with reading:
        read = _read_inputs if results is None else _read_examples
        asked = read(version, body)
    outputs = _call(version, asked.signature, asked.arrays, limits)
    if results is not None:
        content = to_json(results(outputs))
    else:
        shape = in_rows if asked.is_rows else in_columns
        content = to_json(shape(outputs))
    if record is not None:
        record(verb, asked.signature, version, asked.arrays, outputs)
    return content


def _read_inputs(version, body):
    block = read_block(body, version.signatures, version.cells)
    if block is not None:
        return block
    content = _requests.read_json(body)
    name = _requests.signature_name(content)
    inputs = _find(version, name).inputs
    arrays = _requests.read_inputs(content, inputs, version.cells)
    return Asked(name, arrays, is_rows=_requests.is_row_format(content))


def _read_examples(version, body):
    content = _requests.read_json(body)
    name = _requests.signature_name(content)
    _check_takes_examples(_find(version, name).inputs, name)
    examples = _requests.read_examples(content, version.cells)
    return Asked(name, {"inputs": examples}, is_rows=False)


def _find(version, name):
    signature = version.signatures.get(name)
    if signature is not None:
        return signature
    raise bad_request(
        f"Serving signature name: {shown(name)} not found in signature def. "
        f"There are: {', '.join(sorted(version.signatures))}."
    )


def _check_takes_examples(inputs, name):
    if list(inputs) == ["inputs"] and inputs["inputs"].dtype == tf.string:
        return
    raise bad_request(
        f"The signature {shown(name)} takes no examples: its only input must "
        f"be `inputs`, of strings. It takes: {', '.join(inputs)}. Name another "
        "one in `signature_name`."
    )


def _call(
    version: LoadedVersion,
    name: str,
    arrays: Mapping[str, np.ndarray],
    limits: Limits,
):
    for input_name, array in arrays.items():
        if array.ndim and len(array) > limits.rows:
            raise bad_request(
                f"`{input_name}` must hold at most {limits.rows} examples. "
                f"Received: {len(array)}. Send them in several requests."
            )
    check_images(arrays, most_pixels=limits.image_pixels)
    try:
        return version.call(name, arrays)
    except tf.errors.OpError as error:
        raise refusal(error) from error


def to_json(content: Any) -> bytes:
    """Returns JSON; NaN and Infinity are written as TensorFlow Serving does."""
    return json.dumps(content, separators=(",", ":")).encode()


def in_columns(outputs: Arrays) -> dict[str, Any]:
    """Returns the answer to a request that came with `inputs`."""
    named = {name: to_values(each, name) for name, each in outputs.items()}
    return {"outputs": _bare(named)}


def in_rows(outputs: Arrays) -> dict[str, Any]:
    """Returns the answer to a request that came with `instances`."""
    counts = {each.shape[:1] for each in outputs.values()}
    if len(counts) != 1 or () in counts:
        raise bad_request(
            "The outputs have no first dimension in common, so that they "
            "cannot be given in rows. Ask with 'inputs' instead."
        )
    named = {name: to_values(each, name) for name, each in outputs.items()}
    rows = zip(*named.values(), strict=True)
    return {
        "predictions": [
            _bare(dict(zip(named, row, strict=True))) for row in rows
        ]
    }


def _bare(named):
    if len(named) > 1:
        return named
    (value,) = named.values()
    return value


def in_numbers(outputs: Arrays) -> dict[str, Any]:
    """Returns the answer to a regress request: one number a row."""
    numbers = outputs.get("outputs", np.empty((1, 2)))
    if numbers.ndim not in (1, 2) or numbers.size != len(numbers):
        raise bad_request(
            "The signature must put out `outputs`, one number a row. It puts "
            f"out: {', '.join(outputs)}."
        )
    return {"results": to_values(numbers.reshape(-1), "outputs")}


def in_classes(outputs: Arrays) -> dict[str, Any]:
    """Returns the answer to a classify request: pairs of label and score."""
    known = [outputs[k] for k in ("classes", "scores") if k in outputs]
    if not known or any(each.ndim != 2 for each in known):
        raise bad_request(
            "The signature must put out `classes`, `scores` or both, of shape "
            f"(any, any). It puts out: {', '.join(outputs)}."
        )
    labels = outputs.get("classes", np.full(known[0].shape, b"", object))
    scores = outputs.get("scores", np.zeros(known[0].shape))
    columns = to_values(labels, "classes"), to_values(scores, "scores")
    return {
        "results": [
            [list(pair) for pair in zip(*row, strict=True)]
            for row in zip(*columns, strict=True)
        ]
    }
