"""Draws the head of an earlier model towards what new rows say."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import _cluster, data
from aet_keras._keras import reading
from aet_keras.data.streamed_images import StreamedImages
from aet_keras.drift.target_kinds import KINDS
from aet_keras.drift.wide_head import widen_head
from aet_keras.evaluation.earlier_model import EarlierModel
from aet_keras.replay import lbfgs
from aet_keras.tasks.number_unit import VALUE
from aet_keras.training import heads, job
from aet_keras.training.earlier import (
    Earlier,
    known_columns,
    thresholds_of,
)
from aet_keras.training.interpolation import least_share
from aet_keras.training.objectives import objective_of, rule_of

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of an earlier head and a new one
_MOST_ROWS = 10_000  # of each split: the head is solved in seconds
_SOLVED_AS = {"classes": "softmax", "tags": "sigmoid", "number": "linear"}


Predict = Callable[[keras.Model, data.Split], np.ndarray]


def draw_head(
    model: keras.Model, recipe: Any, dataset: data.Dataset, predict: Predict
) -> list[tuple[int, str]]:
    """Gives the head of an earlier model its start, before anything thaws.

    On the features of the frozen backbone a head is solved on the new rows.
    The earlier one is drawn towards it, no farther than the validation rows
    ask for. Of classes that it does not know, it gets columns that are solved
    beside its own, which stay, as `aet_keras.adapt` widens a head.

    Args:
        model: what `earlier.build` built, compiled or in its unit; its head
            changes in place.
        recipe: of images or texts.
        dataset: what it reads.
        predict: of a model and a split; returns what it puts out.

    Returns:
        list of one `(0, sentence)` as of `Run.cache_events`, or of none,
        where the head is new.
    """
    if recipe.from_ is None:
        return []
    columns = known_columns(recipe, dataset)
    known = [i for i, column in enumerate(columns) if column is not None]
    if not known:
        return []
    if _cluster.here().is_several:
        return [(0, "the head of the earlier model begins as it is")]
    head = model.layers[-1]
    if dataset.specification.target_kind == "number":
        head = model.get_layer(VALUE)
    rows, labels = _feature_rows(model, head, recipe, dataset, predict)
    kind = _SOLVED_AS[dataset.specification.target_kind]
    found = lbfgs.solve(rows["train"], rows["validation"], kind=kind)
    solved = [found.kernel, found.bias]
    own = _known_head(head, known, rows["train"].features, labels["train"])
    if own is None:  # of tags each is a problem of its own
        own = [each.copy() for each in solved]
        for array, now in zip(own, head.get_weights(), strict=True):
            array[..., known] = now[..., known]
    heads_tried = {
        share: [
            (1 - share) * old + share * new
            for old, new in zip(own, solved, strict=True)
        ]
        for share in _SHARES
    }
    of_rows = objective_of(dataset, recipe.class_weight).losses
    held = rows["validation"]
    losses = {
        share: of_rows(_outputs(head, weights, held), labels["validation"])
        * held.weights
        for share, weights in heads_tried.items()
    }
    share = least_share(losses)
    head.set_weights(heads_tried[share])
    said = "the head of the earlier model begins as it is"
    if share:
        said = f"the head of the earlier model is drawn by {share:g} towards "
        said += "one that is solved on the new rows"
    means = ", ".join(
        f"{losses[each].mean():.4f} {what}"
        for each, what in ((0.0, "as it was"), (share, "now"), (1.0, "solved"))
    )
    return [(0, f"{said}: validation loss {means}")]


def _feature_rows(model, head, recipe, dataset, predict):
    """Returns what the head takes, as rows to solve for, and their labels."""
    kind = dataset.specification.target_kind
    below = keras.Model(model.input, head.input)
    weights = job.weights_of(recipe, dataset)
    learned = heads.head_of(dataset).learned
    rows, labels = {}, {}
    for name in ("train", "validation"):
        split = _some(getattr(dataset, name), kind)
        features = np.asarray(predict(below, split), "float32")
        labels[name] = learned(model, split.labels)
        targets = np.asarray(labels[name], "float32")
        if kind == "classes":
            targets = np.eye(head.units, dtype="float32")[labels[name]]
        each = np.ones(len(features), "float32")
        each = each if weights is None else weights[labels[name]]
        rows[name] = lbfgs.Rows(features, targets, each)
    return rows, labels


def _outputs(head, weights, rows):
    """Returns what a head puts out if it has some weights."""
    kernel, bias = weights
    scores = keras.ops.convert_to_tensor(rows.features @ kernel + bias)
    return keras.ops.convert_to_numpy(head.activation(scores))


def _some(split, kind):
    """Returns at most so many rows, evenly spread, of each class one."""
    stride = -(-split.count // _MOST_ROWS)
    if stride == 1:
        return split
    rows = np.arange(0, split.count, stride)
    if kind == "classes":
        first = np.unique(split.labels, return_index=True)[1]
        rows = np.union1d(rows, first)
    return _rows(split, rows)


def _known_head(head, known, features, labels):
    """Returns the head, with columns of new classes beside the known ones.

    None where there is no way to solve for them: of tags, and if no row is of
    a class that is known.
    """
    weights = head.get_weights()
    if len(known) == head.units:
        return weights
    new = [place for place in range(head.units) if place not in known]
    order = [*known, *new]
    if labels.ndim > 1 or not {*new} <= {*labels} or {*new} >= {*labels}:
        return None
    inputs = keras.Input((features.shape[1],))
    narrow = keras.layers.Dense(len(known), "softmax")
    model = keras.Model(inputs, narrow(inputs))
    narrow.set_weights([each[..., known] for each in weights])
    numbers = np.argsort(order)[labels]
    wide = widen_head(model, narrow, features, numbers)
    for array, found in zip(
        weights, wide.layers[-1].get_weights(), strict=True
    ):
        array[..., order] = found
    return weights


def compared_with_earlier(
    recipe: Any, dataset: data.Dataset, model: keras.Model, predict: Predict
) -> EarlierModel | None:
    """Measures the earlier model on the new test rows, beside the new one.

    Of classes, on the rows whose class it knows; of tags, those that it knows.

    Args:
        recipe: of images or texts.
        dataset: what it reads, with the thresholds of tags.
        model: the trained `keras.Model`.
        predict: as of `draw_head`.

    Returns:
        `EarlierModel`; None without `from_`, if it knows none of them, or if
        its thresholds of tags are not known.
    """
    if recipe.from_ is None:
        return None
    specification, test = dataset.specification, dataset.test
    kind = KINDS[specification.target_kind]
    pairs = [
        (new, old)
        for new, old in enumerate(known_columns(recipe, dataset))
        if old is not None
    ]
    new, old = np.array(pairs, int).reshape(-1, 2).T
    if kind.name == "classes":
        test = _rows(test, np.flatnonzero(np.isin(test.labels, new)))
    if not pairs or not test.count:
        return None
    earlier = Earlier.of(recipe)
    before = np.asarray(predict(earlier.model, test))
    after = np.asarray(predict(model, test))
    labels = test.labels
    if kind.name == "tags":
        labels = labels[:, new]
        limits: Any = np.array(thresholds_of(earlier.version))
        if len(limits) != len(earlier.names):  # its report is not there
            return None
        said = kind.answers(before[:, old], limits[old])
        limits = np.array(specification.thresholds)
        now = kind.answers(after[:, new], limits[new])
    elif kind.name == "classes":
        is_same = earlier.names == specification.class_names
        rule = rule_of(specification)
        likeliest = before.argmax(axis=1)
        places = np.full(len(earlier.names), -1)  # of what is left out
        places[old] = new
        said = rule.answers(before) if is_same else places[likeliest]
        now = rule.answers(after)
    else:
        said, now = (kind.answers(each, ()) for each in (before, after))
    was, now_is = (kind.errors(each, labels) for each in (said, now))
    gain = kind.gain(was, now_is)
    return EarlierModel(
        name=str(earlier.version),
        measure=kind.measure,
        before=kind.figure(was),
        after=kind.figure(now_is),
        low=gain.low,
        high=gain.high,
        count=test.count,
    )


def _rows(split, rows):
    names, inputs = tuple(split.names[row] for row in rows), split.inputs
    if isinstance(inputs, StreamedImages):  # all may be more than memory holds
        inputs = inputs.take(rows)
    else:
        inputs = reading.take(inputs, rows)
    return data.Split(inputs, split.labels[rows], names)
