"""Shows the model of a version as one that `adapt` can take."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import data
from aet_keras.drift.target_kinds import TargetKind
from aet_keras.tasks import item_head, table_head, table_model
from aet_keras.training import item_outputs, table_encoding
from aet_keras.training.old_rows import Pair


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """Shows a model of images or texts, which is adapted as it is.

    Args:
        whole: the `keras.Model` of a version.
        model: what is adapted of it.
    """

    whole: keras.Model
    model: keras.Model

    def inputs(self, x: Any) -> Any:
        """Returns rows as `model` takes them."""
        return x

    def pair(self, rows: Pair) -> Pair:
        """Returns rows with labels, likewise."""
        return self.inputs(rows[0]), rows[1]

    def taken(self, adapted: keras.Model) -> keras.Model:
        """Returns the whole model with what was adapted."""
        return adapted

    def errors(self, rows: Pair, kind: TargetKind, thresholds: Any) -> Any:
        """Returns how wrong the model is about each row, as it is judged."""
        x = self.inputs(rows[0])
        found = self.model.predict(x, batch_size=128, verbose=0)
        answers = kind.answers(np.asarray(found), thresholds)
        return kind.errors(answers, rows[1])


@dataclasses.dataclass(frozen=True, eq=False)
class _HeadedView(View):
    """Shows what is below the cells of a model, ended by one dense layer.

    Args:
        encode: of the whole model and a split; returns its rows as what is
            below takes them.
        take: of the whole model and what was adapted; returns the whole one
            with that head.
    """

    encode: Callable[[keras.Model, data.Split], Any]
    take: Callable[[keras.Model, keras.Model], keras.Model]

    def inputs(self, x):
        count = len(next(iter(x.values())))
        names = ("",) * count
        split = data.Split(x, np.zeros(count, "int32"), names)
        return self.encode(self.whole, split)

    def taken(self, adapted):
        return self.take(self.whole, adapted)


def view_of(kind: str, model: keras.Model) -> View:
    """Returns what is adapted of a model.

    Args:
        kind: str. The kind of its data.
        model: the `keras.Model` of a version.
    """
    if kind == "table":
        network = model.get_layer(table_model.NETWORK)
        headed = table_head.with_one_head(network)
        read = table_encoding.encode
        return _HeadedView(model, headed, read, table_head.take_head)
    if kind == "item":
        headed = item_head.with_one_head(model)
        encode = item_outputs.encode
        return _HeadedView(model, headed, encode, item_head.take_head)
    return View(model, model)
