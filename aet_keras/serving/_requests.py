"""Reads what the body of a request asks for."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.serving._refusals import bad_request, shown
from aet_keras.serving._tensors import from_binary, is_binary, to_array

Specs = Mapping[str, tf.TensorSpec]


def read_json(body: bytes | bytearray) -> dict[str, Any]:
    """Returns the object that a body holds."""
    if not body:
        raise bad_request("JSON Parse error: The document is empty.")
    try:
        content = json.loads(body)
    except RecursionError as error:
        raise bad_request("JSON Parse error: nested too deep.") from error
    except ValueError as error:
        raise bad_request(f"JSON Parse error: {error}.") from error
    if isinstance(content, dict):
        return content
    raise bad_request(f"JSON Value: {shown(content)} is not an object.")


def signature_name(content: Mapping[str, Any]) -> str:
    """Returns the name of the signature that is asked for."""
    name = content.get("signature_name", "serving_default")
    if isinstance(name, str):
        return name or "serving_default"
    raise bad_request(
        f"`signature_name` must be a string. Received: {shown(name)}."
    )


def is_row_format(content: Mapping[str, Any]) -> bool:
    """Returns whether the examples are rows, in `instances`."""
    rows, columns = "instances" in content, "inputs" in content
    if rows and columns:
        raise bad_request(
            "Not formatted correctly: only one of 'inputs' and 'instances' "
            "may be there."
        )
    if rows or columns:
        return rows
    raise bad_request("Missing 'inputs' or 'instances' key.")


def read_inputs(
    content: Mapping[str, Any], specs: Specs, cells: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Returns the arrays that a predict request holds, by input.

    Args:
        content: the body, with `instances` (rows) or `inputs` (columns).
        specs: `tf.TensorSpec` of each input of the signature.
        cells: names of inputs that are columns of a table.

    Raises:
        Refusal: 400, if they do not fit the signature.
    """
    if is_row_format(content):
        columns = _columns_of_rows(content["instances"], specs)
    else:
        columns = _columns(content["inputs"], specs)
    return {
        name: to_array(columns[name], spec, name, is_cell=name in cells)
        for name, spec in specs.items()
    }


def _columns_of_rows(rows, specs):
    if not isinstance(rows, list):
        raise bad_request("'instances' must be a list.")
    if not rows:
        raise bad_request("No values in 'instances': it must not be empty.")
    is_named = [isinstance(row, dict) and not is_binary(row) for row in rows]
    if not any(is_named):
        return _only_column(rows, specs, "'instances'")
    for place, row in enumerate(rows):
        if not is_named[place] or set(row) != set(specs):
            raise bad_request(
                f"Failed to process element: {place} of 'instances' list: it "
                f"must be an object with the keys {_names(specs)}, as the "
                f"others. Received: {shown(row)}."
            )
    return {name: [row[name] for row in rows] for name in specs}


def _columns(inputs, specs):
    if not isinstance(inputs, dict) or is_binary(inputs):
        return _only_column(inputs, specs, "'inputs'")
    missing = sorted(set(specs) - set(inputs))
    if not missing:
        return inputs
    raise bad_request(
        f"Missing named input: {missing[0]} in 'inputs' object. It must have "
        f"the keys {_names(specs)}."
    )


def _only_column(values, specs, key):
    if len(specs) == 1:
        return dict.fromkeys(specs, values)
    raise bad_request(
        f"{key} must name its values, because the signature has "
        f"{len(specs)} inputs: {_names(specs)}."
    )


def _names(specs):
    return ", ".join(f"`{name}`" for name in specs)


def read_examples(
    content: Mapping[str, Any], cells: Collection[str] = ()
) -> np.ndarray:
    """Returns the examples of a classify or regress request, each serialised.

    The features in `context` are added to each, as TensorFlow Serving does
    before it calls the signature. A cell of a table that is `null` is left
    out, which is how an example marks a missing value.

    Args:
        content: the body.
        cells: names of features that are columns of a table.

    Raises:
        Refusal: 400, if there are none, or one cannot be an example.
    """
    examples = content.get("examples")
    if not isinstance(examples, list) or not examples:
        raise bad_request(
            "When method is classify or regress, key 'examples' is expected: a "
            f"list, not empty, of objects. Received: {shown(examples)}."
        )
    context = content.get("context", {})
    made = np.empty(len(examples), object)
    for place, features in enumerate(examples):
        for each in (context, features):
            if not isinstance(each, dict):
                raise bad_request(
                    "Example must be JSON object. Received, at "
                    f"{place}: {shown(each)}."
                )
        given = {**context, **features}
        made[place] = _example(
            {k: v for k, v in given.items() if v is not None or k not in cells}
        )
    return made


def _example(features):
    named = {name: _feature(value, name) for name, value in features.items()}
    try:
        example = tf.train.Example(features=tf.train.Features(feature=named))
        return example.SerializeToString()
    except (ValueError, TypeError) as error:  # a name that is no text
        raise bad_request(f"Example cannot be made: {error}.") from error


def _feature(value, name):
    values = value if isinstance(value, list) else [value]
    kinds = set(map(type, values))
    try:
        if kinds <= {str, dict}:
            return tf.train.Feature(
                bytes_list=tf.train.BytesList(value=map(_to_bytes, values))
            )
        if kinds <= {bool, int}:
            return tf.train.Feature(
                int64_list=tf.train.Int64List(value=map(int, values))
            )
        if kinds == {float}:
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    except (ValueError, TypeError, OverflowError) as error:
        raise _odd_feature(name) from error
    raise _odd_feature(name)


def _to_bytes(value):
    if isinstance(value, str):
        return value.encode()
    if is_binary(value):
        return from_binary(value)
    raise TypeError(value)


def _odd_feature(name):
    return bad_request(
        f"Feature: {shown(name)} has an element with unexpected JSON type. It "
        'must be strings or `{"b64": "..."}`, or whole numbers, or decimals.'
    )
