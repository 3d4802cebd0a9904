"""Makes a row to keep of what a request asked and what it was answered."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from aet_keras.data.recorded_row import RecordedRow, as_instance, as_numbers
from aet_keras.serving.loaded_version import LoadedVersion

Arrays = Mapping[str, np.ndarray]

_EMBEDDINGS = "embeddings"
_SAID = ("probabilities", "values")  # of classes and tags, and of a number
_OTHERS = ("serving_default", "features")  # kept without these, too
# What the calls that take examples put out, as other calls name it.
_OF_EXAMPLES = {
    "classify": {"scores": "probabilities"},
    "regress": {"outputs": "values"},
}
# What the features of an example are called by the other signatures.
_INPUTS_OF_FEATURES = {"image": "image_bytes", "text": "texts"}


@dataclasses.dataclass(frozen=True, eq=False)
class Answered:
    """Holds rows of a request, and what they were answered.

    Args:
        id: str. That of the request.
        time: float. When it was asked, in seconds since 1970.
        version: `LoadedVersion` that answered.
        verb: str. `"predict"`, or `"classify"` or `"regress"`, whose
            `inputs` are serialised examples.
        numbers: ints, the numbers of the rows in the request.
        keys: ints, the random key of each row.
        inputs: dict of input to array, one row each.
        outputs: dict of output to array, one row each.
    """

    id: str
    time: float
    version: LoadedVersion
    verb: str
    numbers: Sequence[int]
    keys: Sequence[int]
    inputs: Arrays
    outputs: Arrays

    @functools.cached_property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        arrays = [*self.inputs.values(), *self.outputs.values()]
        return 1000 + sum(map(_size, arrays))

    def take(self, places: Sequence[int]) -> "Answered":
        """Returns some of its rows, copied: the others can be forgotten."""
        return dataclasses.replace(
            self,
            numbers=[self.numbers[place] for place in places],
            keys=[self.keys[place] for place in places],
            inputs={k: v[places] for k, v in self.inputs.items()},
            outputs={k: v[places] for k, v in self.outputs.items()},
        )


def is_kept(verb: str, signature: str, outputs: Arrays) -> bool:
    """Says whether rows of a signature are kept at all.

    They are where it says what the model makes of a row. So they are not for
    `embeddings`, nor for lists of items of a recommender.
    """
    if verb in _OF_EXAMPLES:
        return not _OF_EXAMPLES[verb].keys().isdisjoint(outputs)
    return not outputs.keys().isdisjoint(_SAID) or signature in _OTHERS


def row_count(inputs: Arrays, outputs: Arrays) -> int:
    """Returns how many rows there are; 0 where they are not told apart."""
    counts = {a.shape[:1] for a in (*inputs.values(), *outputs.values())}
    ((count,),) = counts if len(counts) == 1 and () not in counts else {(0,)}
    return count


def make_rows(answered: Answered, keeps: str) -> list[RecordedRow]:
    """Returns the rows to keep.

    Args:
        answered: `Answered`.
        keeps: `"inputs"` or `"outputs"`.
    """
    inputs = [
        _inputs(answered, place) for place in range(len(answered.numbers))
    ]
    names = _OF_EXAMPLES.get(answered.verb, {})
    outputs = {names.get(k, k): v for k, v in answered.outputs.items()}
    if keeps == "outputs":
        outputs |= embed(answered.version, inputs)
    numbers = {k: v for k, v in outputs.items() if _is_numeric(v)}
    return [
        RecordedRow(
            f"{answered.id}-{number}",
            answered.time,
            answered.version.number,
            inputs[place] if keeps == "inputs" else None,
            {k: as_numbers(v[place]) for k, v in numbers.items()},
        )
        for place, number in enumerate(answered.numbers)
    ]


def embed(
    version: LoadedVersion, rows: Sequence[Mapping[str, Any]]
) -> dict[str, np.ndarray]:
    """Returns what goes into the head for each row, by the model's signature.

    It is empty where the version has no such signature.
    """
    signature = version.signatures.get(_EMBEDDINGS)
    if signature is None or len(signature.inputs) != 1:
        return {}
    ((name, spec),) = signature.inputs.items()
    if all(name in row for row in rows):
        values = [row[name] for row in rows]
        array = np.array(values, object)
        if spec.dtype != tf.string:
            array = np.stack(values)
    elif all("image_bytes" in row for row in rows):
        decode = _decoder(tuple(spec.shape[1:]))
        array = decode([row["image_bytes"] for row in rows]).numpy()
    else:
        return {}
    # As a client's call: the version then makes the signature faster, too.
    return version.call(_EMBEDDINGS, {name: array})


def warm_up(version: LoadedVersion) -> None:
    """Traces what decodes images, which takes a second."""
    if "bytes" not in version.signatures:
        return
    image = tf.io.encode_png(np.zeros((8, 8, 3), "uint8")).numpy()
    embed(version, [{"image_bytes": image}])


@functools.lru_cache(maxsize=2)
def _decoder(shape):
    from aet_keras.export.image_decoding import decode_images  # seldom needed

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def decode(encoded):
        return decode_images(encoded, shape)

    return decode


def _inputs(answered, place):
    if answered.verb in _OF_EXAMPLES:
        return _of_example(answered.inputs["inputs"][place], answered.version)
    return {k: as_instance(k, v[place]) for k, v in answered.inputs.items()}


def _of_example(serialised, version):
    """Returns what a predict request would have, of an example."""
    features = tf.train.Example.FromString(serialised).features.feature
    found, cells = {}, _missing_cells(version)
    for name in sorted(features):
        kind = features[name].WhichOneof("kind")
        values = list(getattr(features[name], kind).value) if kind else []
        if values:
            known = name not in cells and _INPUTS_OF_FEATURES.get(name)
            name = known or name
            first = values[0] if len(values) == 1 else values
            found[name] = as_instance(name, first)
    return cells | found


def _missing_cells(version):
    """Returns what an example has where it leaves a column out.

    Of items the image and the text are columns, too, whatever their names.
    """
    default = version.signatures.get("serving_default")
    specs = {} if default is None else default.inputs
    names = {*specs} if version.kind == "item" else version.cells & {*specs}
    return {
        name: "" if specs[name].dtype == tf.string else math.nan
        for name in sorted(names)
    }


def _is_numeric(array):
    return array.dtype.kind in "biufV"  # V: bfloat16


def _size(array):
    if array.dtype != object:
        return array.nbytes
    return sum(map(_length, array.reshape(-1)))


def _length(value):
    return 50 + len(value) if isinstance(value, bytes | str) else 50
