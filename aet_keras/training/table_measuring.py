"""Runs rows through a table model, and measures what it says of them."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import numpy as np

from aet_keras import data, evaluation, tasks
from aet_keras.evaluation.importance import measure_importance
from aet_keras.evaluation.risk import auc_of
from aet_keras.evaluation.tag_thresholds import choose_thresholds
from aet_keras.evaluation.tagging import TagAnswers, mean_average_precision
from aet_keras.training import table_start
from aet_keras.training.fine_tune import Run
from aet_keras.training.measuring import measure
from aet_keras.training.objectives import rule_of
from aet_keras.training.table_encoding import (
    beside,
    dense_parts,
    encode_lean,
    predict,
    say,
    stack,
)
from aet_keras.training.table_ridge import tune_ridge

_SHUFFLED_ROWS = 20_000
_LINEAR = "a linear model"
_REGRESSIONS = "logistic regressions"


def measure_table_model(
    run: Run, name: str, dataset: data.Dataset
) -> evaluation.Report:
    """Measures a finished run, its times left out.

    Args:
        run: what `fit_table_model` returned.
        name: str. What it is called.
        dataset: what `read_rows` read.

    Returns:
        `aet_keras.evaluation.Report`, of classes with its `risk` on the test
        rows, of a number with a linear model beside it, of tags with logistic
        regressions. What a column is worth is measured on 20,000 test rows at
        most.

    Example: see `fit_table_model`.

    >>> aet_keras.training.table_measuring.measure_table_model.__name__
    'measure_table_model'
    """
    return _MEASURED[dataset.specification.target_kind](run, name, dataset)


def _content(dataset):
    columns = dataset.specification.columns
    return functools.partial(
        evaluation.mistakes.cells_of,
        dataset.test.inputs,
        dates=[each.name for each in columns if each.kind == "date"],
    )


def _measure_classes(run, name, dataset):
    specification, test = dataset.specification, dataset.test
    report = measure(
        run, name, dataset, predict=predict, content=_content(dataset)
    )
    auc = functools.partial(auc_of, positive_index=specification.positive_index)
    risk = evaluation.measure_risk(
        test.labels,
        predict(run.model, test),
        class_names=specification.class_names,
        positive=specification.positive,
        cost_false_negative=specification.cost_false_negative,
        cost_false_positive=specification.cost_false_positive,
        importance=_importance(run.model, dataset, auc),
        rule=rule_of(specification),
    )
    return dataclasses.replace(report, risk=risk)


def _measure_beside(baselines_of, score, run, name, dataset):
    """Measures a run beside baselines, with the importance of columns."""
    report = measure(
        run,
        name,
        dataset,
        predict=predict,
        baselines=baselines_of(run.model, dataset),
        content=_content(dataset),
    )
    importance = _importance(run.model, dataset, score)
    test = dataclasses.replace(report.test, importance=importance)
    return dataclasses.replace(report, test=test)


def _straight_rows(model, split):
    """Returns encoded rows with each number as it is, without knots."""
    return encode_lean(model, split)[
        :, ~tasks.table_model.bending_columns(model)
    ]


def _linear_model(model, dataset):
    """Returns a function of a split: what a tuned ridge says of its rows.

    It is given each number as it is: it has no knots to bend at. What it
    says of test rows, it has learned from all others.
    """
    rows_of = functools.partial(_straight_rows, model)

    def predict(split):
        learned = [dataset.train]
        if split is dataset.test:
            learned.append(dataset.validation)
        rows = stack([rows_of(each) for each in learned])
        labels = np.concatenate([each.labels for each in learned])
        ridge = tune_ridge(rows, labels.astype("float64"))
        return {_LINEAR: ridge.predict(rows_of(split))}

    return predict


def _less_error(numbers, predicted):
    return -float(np.sqrt(np.mean((predicted[:, 0] - numbers) ** 2)))


def _regressions(model, dataset):
    """Returns a function of a split: logistic regressions, one a tag.

    They are tuned, and given each number as it is, without knots. Their
    thresholds are chosen by validation rows, as those of the model are.
    """
    rows_of = functools.partial(_straight_rows, model)

    train, held = dataset.train, dataset.validation
    fitted = table_start.tag_regressions(
        rows_of(train), train.labels, seed=0, class_weight=None
    )

    def answer(split):
        rows = rows_of(split)
        shares = [each.predict_proba(rows)[:, 1] for each in fitted]
        return np.stack(shares, axis=1)

    thresholds = choose_thresholds(held.labels, answer(held))

    def predict(split):
        return {_REGRESSIONS: TagAnswers(answer(split), thresholds)}

    return predict


_MEASURED: dict[str, Callable[..., evaluation.Report]] = {
    "classes": _measure_classes,
    "number": functools.partial(_measure_beside, _linear_model, _less_error),
    "tags": functools.partial(
        _measure_beside, _regressions, mean_average_precision
    ),
}


def _importance(model, dataset, score):
    network = model.get_layer(tasks.table_model.NETWORK)
    rows, labels = encode_lean(model, dataset.test), dataset.test.labels
    if len(labels) > _SHUFFLED_ROWS:  # what a column is worth is not exact
        drawn = np.random.default_rng(0).permutation(len(labels))
        drawn = np.sort(drawn[:_SHUFFLED_ROWS])
        rows, labels = rows[drawn], labels[drawn]
    names = tasks.table_model.feature_names(dataset.specification.columns)
    ends = np.cumsum(network.get_layer("tokens").widths)
    pairs = zip(names, [0, *ends], ends, strict=False)
    blocks = {name: rows[:, first:last] for name, first, last in pairs}

    def shuffled(chosen):
        # To shuffle a column is to shuffle what it is encoded as.
        cells = [blocks[name][chosen[name]] for name in names]
        return say(network, beside(cells))

    return measure_importance(
        shuffled,
        {name: np.arange(len(labels)) for name in names},
        labels,
        score=score,
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
        network.get_layer("pool").attention_map(tokens(part))
        for part in dense_parts(rows)
    ]
    shares = np.concatenate([np.asarray(each) for each in seen]).mean(axis=0)
    return dict(zip(names, shares.tolist(), strict=True))
