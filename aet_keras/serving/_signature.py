"""Calls one signature of a SavedModel."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from aet_keras.serving._batching import Batching

Arrays = Mapping[str, np.ndarray]


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
        self._call = session.make_callable(
            {name: definition.outputs[name].name for name in self.outputs},
            [definition.inputs[name].name for name in self.inputs],
        )
        self._batching = Batching(self._run) if self.is_batched else None

    @property
    def is_batched(self) -> bool:
        """Whether it takes any number of rows, and gives one for each."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(map(_has_open_rows, tensors))

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        counts = {array.shape[:1] for array in arrays.values()}
        if self._batching is None or len(counts) != 1:
            return self._run(arrays)  # the graph refuses unequal lengths
        return self._batching(arrays)

    def warm_up(self) -> None:
        """Calls it once, because the first call compiles its graph.

        Only the model knows which bytes it takes, so an image is tried, then
        an example with that image, then an empty text, as of a missing date.
        If all are refused, it is compiled later.
        """
        for text in (_image(), _example(), b""):
            try:
                self({k: _filled(s, text) for k, s in self.inputs.items()})
                return
            except tf.errors.InvalidArgumentError:
                if not any(map(_is_guessed, self.inputs.values())):
                    raise

    def _run(self, arrays):
        try:
            return self._call(*(arrays[name] for name in self.inputs))
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


def _filled(spec, text):
    shape = [size or 1 for size in spec.shape] if spec.shape.rank else []
    if spec.dtype == tf.string:
        return np.full(shape, text, object)
    return np.zeros(shape, spec.dtype.as_numpy_dtype)


def _image():
    return tf.io.encode_png(np.zeros((8, 8, 3), "uint8")).numpy()


def _example():
    value = tf.train.BytesList(value=[_image()])
    feature = {"image": tf.train.Feature(bytes_list=value)}
    features = tf.train.Features(feature=feature)
    return tf.train.Example(features=features).SerializeToString()
