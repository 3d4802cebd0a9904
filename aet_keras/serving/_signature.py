"""Calls one signature of a SavedModel."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from aet_keras.serving._batching import Batching

Arrays = Mapping[str, np.ndarray]
Call = Callable[..., dict[str, np.ndarray]]

_PROBED_ROWS = (1, 2, 5)


class Signature:
    """Calls a signature with arrays.

    Args:
        session: `tf.compat.v1.Session` that holds the graph and its weights.
        definition: `SignatureDef`, which names the tensors.
    """

    def __init__(
        self,
        session: tf.compat.v1.Session,
        definition: meta_graph_pb2.SignatureDef,
    ):
        self.inputs = _specs(definition.inputs)
        self.outputs = _specs(definition.outputs)
        self.was_asked = False
        self._definition = definition
        self.call = self.bind(session)
        self._batching = Batching(self.run) if self.is_batched else None

    def bind(self, session: tf.compat.v1.Session) -> Call:
        """Returns what runs it in a session that holds its graph."""
        outputs, inputs = self._definition.outputs, self._definition.inputs
        return session.make_callable(
            {name: outputs[name].name for name in self.outputs},
            [inputs[name].name for name in self.inputs],
        )

    @property
    def is_batched(self) -> bool:
        """Whether it takes any number of rows, and gives one for each."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(map(_has_open_rows, tensors))

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        counts = {array.shape[:1] for array in arrays.values()}
        if self._batching is None or len(counts) != 1:
            return self.run(arrays)  # the graph refuses unequal lengths
        return self._batching(arrays)

    def warm_up(self) -> None:
        """Calls it once, because the first call compiles its graph.

        Only the model knows which bytes it takes, so an image is tried, then
        an example with that image, then an empty text, as of a missing
        date, then another. If all are refused, it is compiled later.
        """
        for text in _texts():
            try:
                self({k: _filled(s, text) for k, s in self.inputs.items()})
                return
            except tf.errors.InvalidArgumentError:
                if not any(map(_is_guessed, self.inputs.values())):
                    raise

    def probes(self) -> Iterator[Arrays]:
        """Yields seeded inputs of several sizes; it may refuse some."""
        random = np.random.default_rng(0)
        is_text = any(s.dtype == tf.string for s in self.inputs.values())
        for rows in _PROBED_ROWS if self.is_batched else (1,):
            for text in _texts() if is_text else (b"",):
                yield {
                    name: _noise(spec, text, rows, random)
                    for name, spec in self.inputs.items()
                }

    def run(
        self, arrays: Arrays, call: Call | None = None
    ) -> dict[str, np.ndarray]:
        """Runs it alone, with what it was given or with another call."""
        try:
            return (call or self.call)(*(arrays[k] for k in self.inputs))
        except UnicodeDecodeError as error:
            # An error that quotes the client's bytes cannot become a `str`.
            raise tf.errors.InvalidArgumentError(
                None, None, f"The bytes do not fit: {_readable(error)}"
            ) from error


def _specs(tensors):
    """Returns what each tensor holds, by name, in the order of the names."""
    return {
        name: tf.TensorSpec(
            tf.TensorShape(tensors[name].tensor_shape),
            tf.dtypes.as_dtype(tensors[name].dtype),
            name,
        )
        for name in sorted(tensors)
    }


def _readable(error):
    return error.object.decode(errors="replace").partition(", value:")[0]


def _has_open_rows(spec):
    return bool(spec.shape.rank) and spec.shape[0] is None


def _is_guessed(spec):
    return spec.dtype == tf.string or not spec.shape[1:].is_fully_defined()


def _filled(spec, text, rows=1):
    sizes = spec.shape if spec.shape.rank else []
    shape = [size or (1 if at else rows) for at, size in enumerate(sizes)]
    if spec.dtype == tf.string:
        return np.full(shape, text, object)
    return np.zeros(shape, spec.dtype.as_numpy_dtype)


def _noise(spec, text, rows, random):
    zeros = _filled(spec, text, rows)
    if spec.dtype.is_integer:  # another number than 0 and 1 may be no code
        high = 256 if spec.dtype == tf.uint8 else 2
        return random.integers(0, high, zeros.shape).astype(zeros.dtype)
    if spec.dtype.is_floating:
        return random.normal(size=zeros.shape).astype(zeros.dtype)
    return zeros


def _texts():
    """Returns an image, an example with an image, no text, and a text."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    image = tf.io.encode_png(noise.astype("uint8")).numpy()
    return image, _example(image), b"", b"some words, 12 of them"


def _example(image):
    value = tf.train.BytesList(value=[image])
    feature = {"image": tf.train.Feature(bytes_list=value)}
    features = tf.train.Features(feature=feature)
    return tf.train.Example(features=features).SerializeToString()
