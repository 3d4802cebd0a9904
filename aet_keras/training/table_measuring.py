"""Runs rows through a table model, and measures its risk."""

import dataclasses

import keras
import numpy as np

from aet_keras import data, evaluation, tasks
from aet_keras.evaluation.importance import measure_importance
from aet_keras.training.fine_tune import Run
from aet_keras.training.measuring import measure

_ROWS_AT_ONCE = 65536
_LEAST = 1e-7


def encode(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the rows of a split as the network takes them."""
    encoder = keras.Model(
        model.input, model.get_layer(tasks.table_model.ENCODED).output
    )
    batches = []
    for start, stop in stretches(split.count):
        cells = {name: c[start:stop] for name, c in split.inputs.items()}
        # Not by `predict`: what it traces would be used once.
        batches.append(encoder(data.as_tensors(cells), training=False))
    return np.concatenate([np.asarray(each) for each in batches])


def predict(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns the probabilities of the rows of a split."""
    network = model.get_layer(tasks.table_model.NETWORK)
    return say(network, encode(model, split))


def stretches(count: int) -> list[tuple[int, int]]:
    """Returns where to cut rows, so that no call takes too many."""
    starts = range(0, count, _ROWS_AT_ONCE)
    return [(start, start + _ROWS_AT_ONCE) for start in starts]


def say(network: keras.Model, rows: np.ndarray) -> np.ndarray:
    """Returns the probabilities of encoded rows."""
    parts = [
        np.asarray(network(rows[start:stop], training=False))
        for start, stop in stretches(len(rows))
    ]
    return np.concatenate(parts)


def losses(
    network: keras.Model, rows: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Returns the cross-entropy of each encoded row."""
    probabilities = say(network, rows)
    true = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(true, _LEAST, 1))


def measure_table_model(
    run: Run, name: str, dataset: data.Dataset
) -> evaluation.Report:
    """Measures a finished run, its times left out.

    Args:
        run: what `fit_table_model` returned.
        name: str. What it is called.
        dataset: what `read_rows` read.

    Returns:
        `aet_keras.evaluation.Report`, with its `risk` on the test rows.

    Example: see `fit_table_model`.

    >>> aet_keras.training.table_measuring.measure_table_model.__name__
    'measure_table_model'
    """
    specification, test = dataset.specification, dataset.test
    dates = [c.name for c in specification.columns if c.kind == "date"]
    report = measure(
        run,
        name,
        dataset,
        predict=predict,
        content=lambda row: evaluation.mistakes.cells_of(
            test.inputs, row, dates=dates
        ),
    )
    risk = evaluation.measure_risk(
        test.labels,
        predict(run.model, test),
        class_names=specification.class_names,
        positive=specification.positive,
        cost_false_negative=specification.cost_false_negative,
        cost_false_positive=specification.cost_false_positive,
        importance=_importance(run.model, dataset),
    )
    return dataclasses.replace(report, risk=risk)


def _importance(model, dataset):
    network = model.get_layer(tasks.table_model.NETWORK)
    rows, labels = encode(model, dataset.test), dataset.test.labels
    names = tasks.table_model.feature_names(dataset.specification.columns)
    ends = np.cumsum(network.get_layer("tokens").widths)[:-1]
    blocks = dict(zip(names, np.split(rows, ends, axis=1), strict=True))

    def shuffled(chosen):
        # To shuffle a column is to shuffle what it is encoded as.
        cells = [blocks[name][chosen[name]] for name in names]
        return say(network, np.concatenate(cells, axis=1))

    return measure_importance(
        shuffled,
        {name: np.arange(len(rows)) for name in names},
        labels,
        positive_index=dataset.specification.positive_index,
        attention=_attention(network, rows, names),
    )


def _attention(network, rows, names):
    """Returns the share of each feature, nothing where none is listened to."""
    if not np.any(network.get_layer("change").get_weights()[0]):
        return {}
    if len(names) == 1:
        return {names[0]: 1.0}
    tokens = keras.Model(network.input, network.get_layer("gate").output)
    seen = [
        network.get_layer("pool").attention_map(tokens(rows[start:stop]))
        for start, stop in stretches(len(rows))
    ]
    shares = np.concatenate([np.asarray(each) for each in seen]).mean(axis=0)
    return dict(zip(names, shares.tolist(), strict=True))
