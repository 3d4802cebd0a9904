"""What is done with a body, from its bytes to those of the answer?"""

import threading
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from aet_keras.serving import _answers, _requests
from aet_keras.serving._model_errors import refusal
from aet_keras.serving._picture_sizes import check_pictures
from aet_keras.serving._refusal import bad_request, shown
from aet_keras.serving.limits import Limits
from aet_keras.serving.loaded_version import LoadedVersion


def predict(
    version: LoadedVersion,
    body: bytes | bytearray,
    *,
    limits: Limits,
    reading: threading.Lock,
) -> bytes:
    """Returns the answer to a predict request.

    Raises:
        Refusal: if the body or the model does not allow one.
    """
    with reading:
        content = _requests.read_json(body)
        name = _requests.signature_name(content)
        signature = _find(version, name)
        arrays = _requests.read_inputs(content, signature.inputs, version.cells)
    outputs = _call(version, name, arrays, limits)
    if _requests.is_row_format(content):
        return _answers.to_json(_answers.in_rows(outputs))
    return _answers.to_json(_answers.in_columns(outputs))


def classify(
    version: LoadedVersion,
    body: bytes | bytearray,
    *,
    limits: Limits,
    reading: threading.Lock,
) -> bytes:
    """Returns the answer to a classify request.

    Raises:
        Refusal: if the body or the model does not allow one.
    """
    with reading:
        content = _requests.read_json(body)
        name = _requests.signature_name(content)
        _check_takes_examples(_find(version, name).inputs, name)
        examples = _requests.read_examples(content, version.cells)
        arrays = {"inputs": examples}
    outputs = _call(version, name, arrays, limits)
    return _answers.to_json(_answers.in_classes(outputs))


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
    check_pictures(arrays, most_pixels=limits.picture_pixels)
    try:
        return version.call(name, arrays)
    except tf.errors.OpError as error:
        raise refusal(error) from error
