"""Runs signatures with constant weights, if answers stay equal.

Grappler then folds normalizations into convolutions, and joins activations to
them: a call of the embedded backbone takes half as long. To find that out takes
seconds, so it is done for the signatures that clients use, while these are
answered as before.
"""

from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from aet_keras._keras import constants
from aet_keras.serving._graphs import INIT, open_optimized
from aet_keras.serving._refusals import first_line, refusal
from aet_keras.serving._signature import Arrays, Call, Signature

MOST_BYTES = 2**26  # of weights: each signature in use holds a copy
_ROUNDINGS = 100  # how many of the smallest steps an output may differ by


class NotFrozen(Exception):
    """Says why a signature runs as it was loaded."""


class Freezing:
    """Runs signatures of a version with constant weights.

    Args:
        path: of the SavedModel.
        graph: `MetaGraphDef` that its session was made of.
        session: `tf.compat.v1.Session` that holds its weights.
    """

    def __init__(
        self,
        path: Path,
        graph: meta_graph_pb2.MetaGraphDef,
        session: tf.compat.v1.Session,
    ):
        self.path, self.graph = path, graph
        self.session: tf.compat.v1.Session | None = session
        self.tried: set[str] = set()
        self.frozen: tf.compat.v1.Session | None = None

    def freeze(self, name: str, signature: Signature) -> None:
        """Makes a signature run faster, if its answers stay equal.

        Raises:
            NotFrozen: with the reason, if it stays as it is.
        """
        self.tried.add(name)
        try:
            call = signature.bind(self._open())
            _check_equal(signature, call)
        except NotFrozen:
            raise
        # What cannot be converted surfaces as nearly every kind of exception.
        except Exception as error:
            raise NotFrozen(first_line(error)) from error
        signature.call = call

    def _open(self):
        if self.frozen is None and self.session is None:
            raise NotFrozen("its version could not be converted")
        if self.frozen is None:
            # Signatures that run as they were loaded hold it themselves.
            session, self.session = self.session, None
            self.frozen = _frozen_session(self.path, self.graph, session)
        return self.frozen


def _frozen_session(path, graph, session):
    size = constants.variable_bytes(graph.graph_def)
    if size > MOST_BYTES:
        raise NotFrozen(
            f"its weights have {size:,} bytes, and copies of at most "
            f"{MOST_BYTES:,} are made"
        )
    frozen = constants.with_constants(
        session,
        graph.graph_def,
        _operations(graph, lambda name: not name.startswith("__")),
        first=_operations(graph, lambda name: name == INIT),
    )
    return open_optimized(path, graph, frozen)


def _operations(graph, is_wanted):
    """Returns the names of the operations that signatures put out."""
    return sorted(
        {
            tensor.name.partition(":")[0]
            for name, definition in graph.signature_def.items()
            if is_wanted(name)
            for tensor in definition.outputs.values()
        }
    )


def _check_equal(signature: Signature, call: Call) -> None:
    """Holds a call of a signature to the one that it has.

    Raises:
        NotFrozen: if an answer differs, or no probe has an answer.
    """
    answered = 0
    for arrays in signature.probes():
        expected = _answer(signature, signature.call, arrays)
        found = _answer(signature, call, arrays)
        if isinstance(expected, str) or isinstance(found, str):
            if expected != found:
                raise NotFrozen("one of its errors would be another")
            continue
        _check_close(found, expected)
        answered += 1
    if not answered:
        raise NotFrozen("it refused what it was tried with")


def _answer(signature, call, arrays) -> Mapping[str, np.ndarray] | str:
    try:
        return signature.run(arrays, call)
    except tf.errors.OpError as error:
        return refusal(error).sentence


def _check_close(found: Arrays, expected: Arrays) -> None:
    for name, values in expected.items():
        if not _are_close(found[name], values):
            raise NotFrozen(f"`{name}` would have other values")


def _are_close(found, expected):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    dtype = tf.dtypes.as_dtype(expected.dtype)
    if not dtype.is_floating:
        return np.array_equal(found, expected)
    found, expected = found.astype("float64"), expected.astype("float64")
    finite = expected[np.isfinite(expected)]
    step = float(ml_dtypes.finfo(dtype.as_numpy_dtype).eps)
    return np.allclose(
        found,
        expected,
        rtol=0,
        atol=_ROUNDINGS * step * np.abs(finite).max(initial=0),
        equal_nan=True,
    )
