"""Chooses the rows that the export of a table model is tried on."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aet_keras._optional import optional
from aet_keras.data import TableSpecification, date_cells
from aet_keras.export._signatures import CLASSIFY, DEFAULT

_UNSEEN = "a category that nobody has seen"


def raw(
    rows: Mapping[str, np.ndarray], specification: TableSpecification
) -> dict[str, np.ndarray]:
    """Returns rows as a server takes them: dates as strings."""
    formats = {
        c.name: c.format.date_format
        for c in specification.columns
        if c.kind == "date"
    }
    return {
        name: date_cells.write_days(cells, formats[name])
        if name in formats
        else cells
        for name, cells in rows.items()
    }


def with_odd_rows(
    rows: Mapping[str, np.ndarray], specification: TableSpecification
) -> dict[str, np.ndarray]:
    """Returns rows, one of missing cells, and one of unseen categories."""
    odd = {}
    for column in specification.columns:
        cells = rows[column.name]
        if column.kind == "category":
            odd[column.name] = np.array([*cells, "", _UNSEEN], object)
        else:
            odd[column.name] = np.append(cells, np.full(2, np.nan, "float32"))
    return odd


def tensor(cells: np.ndarray) -> Any:
    """Returns cells as a tensor; TensorFlow takes no str of NumPy's own."""
    is_text = np.asarray(cells).dtype.kind in "OU"
    return tf.constant([*map(str, cells)] if is_text else cells)


def predict(model: keras.Model, rows: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns what a model says of rows, without XLA, as the export does."""

    @tf.function(jit_compile=False, autograph=False)
    def call(cells):
        return model(cells, training=False)

    cells = {k: tensor(v)[:, tf.newaxis] for k, v in rows.items()}
    return call(cells).numpy().astype("float32")


def requests(raw: Mapping[str, np.ndarray]) -> Iterator[Any]:
    """Yields what a server tries before it serves a version."""
    prediction_log_pb2 = optional(
        "tensorflow_serving.apis.prediction_log_pb2", extra="training"
    )

    row_count = len(next(iter(raw.values())))
    for count in (1, row_count):
        log = prediction_log_pb2.PredictionLog()
        request = log.predict_log.request
        request.model_spec.signature_name = DEFAULT
        for name, cells in raw.items():
            proto = tf.make_tensor_proto(tensor(cells[:count]))
            request.inputs[name].CopyFrom(proto)
        yield log
    log = prediction_log_pb2.PredictionLog()
    request = log.classify_log.request
    request.model_spec.signature_name = CLASSIFY
    for row in range(row_count):
        example = request.input.example_list.examples.add()
        for name, cells in raw.items():
            feature = example.features.feature[name]
            if np.asarray(cells).dtype.kind == "f":
                feature.float_list.value.append(float(cells[row]))
            else:
                feature.bytes_list.value.append(str(cells[row]).encode())
    yield log
