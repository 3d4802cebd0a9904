"""Lets every usual end of a classifier be treated as a softmax."""

import dataclasses
from typing import Any

import keras
import numpy as np

from aet_keras._keras import graph
from aet_keras._wording import quoted

_KINDS = {
    keras.activations.softmax: "softmax",
    keras.activations.sigmoid: "sigmoid",
    keras.activations.linear: "logits",
}


@dataclasses.dataclass(frozen=True)
class Twin:
    """A model that answers the same with a softmax of its own.

    It shares all layers but the head. Of a head `Dense(1, "sigmoid")` it has
    two classes, the first with logits of 0; `Dense(n)` puts out logits, if
    it ends a classifier. An activation in a layer of its own is the same.

    Args:
        model: the `keras.Model` that a user gave.
        twin: `keras.Model`; `model` itself where that ends in a dense layer
            with a softmax, or in what is not known.
        head: optional dense layer of `model`, where `twin` is another.
        tail: tuple of the layers after the head.
        has_one_unit: bool. Whether the head has one number for two classes.
    """

    model: keras.Model
    twin: keras.Model
    head: Any = None
    tail: tuple = ()
    has_one_unit: bool = False

    @classmethod
    def of(cls, model: keras.Model) -> "Twin":
        """Builds the twin of a model."""
        head, tail = _end(model)
        if head is None or not head.use_bias or len(head.weights) != 2:
            return cls(model, model)
        kind = _kind(head, tail)
        is_one = head.units == 1
        is_known = kind == "softmax" or kind == "logits" or is_one
        if not is_known or (is_one and kind == "softmax"):
            return cls(model, model)
        if kind == "softmax" and not tail:
            return cls(model, model)
        wide = keras.layers.Dense(
            2 if is_one else head.units,
            activation="softmax",
            name=head.name,
            dtype=head.dtype_policy,
        )
        inputs = graph.functional_of(model).input
        twin = keras.Model(inputs, wide(head.input), name=model.name)
        kernel, bias = head.get_weights()
        if is_one:
            kernel = np.hstack([np.zeros_like(kernel), kernel])
            bias = np.append(np.zeros_like(bias), bias)
        wide.set_weights([kernel, bias])
        return cls(model, twin, head, tail, is_one)

    def adapted(self, result: keras.Model) -> keras.Model:
        """Returns what the user gets: the model with the twin's new head.

        Args:
            result: the twin, or a wider one that shares its layers.
        """
        if self.head is None:
            return result
        kernel, bias = result.layers[-1].get_weights()
        if result is self.twin:
            self.head.set_weights(self._narrowed(kernel, bias))
            return self.model
        config = self.head.get_config() | {"units": len(bias)}
        wide = keras.layers.Dense.from_config(config)
        outputs = wide(self.head.input)
        for layer in self.tail:
            outputs = layer.from_config(layer.get_config())(outputs)
        inputs = graph.functional_of(self.model).input
        wider = keras.Model(inputs, outputs, name=self.model.name)
        wide.set_weights([kernel, bias])
        return wider

    def check_can_widen(self, owner: str) -> None:
        """Raises a `ValueError` if new classes have no place."""
        if self.has_one_unit:
            raise ValueError(
                f"{owner}: the head must have a unit for each class, because "
                "it gets more of them for new classes. Received: "
                f"{quoted([self.head.name])} with one unit for two classes. "
                "Build the model with `Dense(2, activation='softmax')`."
            )

    def _narrowed(self, kernel, bias):
        if not self.has_one_unit:
            return [kernel, bias]
        return [kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]]


def _end(model) -> tuple[Any, tuple]:
    """Returns the dense layer that a model ends in, and what follows it."""
    is_graph = graph.runs_only_its_graph(model) and len(model.outputs) == 1
    layers = list(model.layers) if is_graph else []
    tail: list = []
    while layers and _is_activation(layers[-1]):
        tail.insert(0, layers.pop())
    if not layers or type(layers[-1]) is not keras.layers.Dense:
        return None, ()
    chain = [layers[-1], *tail]
    is_chain = all(
        below.output is above.input
        for below, above in zip(chain, chain[1:], strict=False)
    )
    if not is_chain or chain[-1].output is not model.outputs[0]:
        return None, ()
    return layers[-1], tuple(tail)


def _is_activation(layer):
    return type(layer) in (keras.layers.Activation, keras.layers.Softmax)


def _kind(head, tail):
    """Returns what the head's numbers become: a kind, or `None`."""
    kinds = [_KINDS.get(head.activation)]
    for layer in tail:
        is_softmax = type(layer) is keras.layers.Softmax
        if is_softmax and layer.axis not in (-1, 1):
            return None
        kinds.append("softmax" if is_softmax else _KINDS.get(layer.activation))
    acting = [kind for kind in kinds if kind != "logits"]
    return acting[0] if len(acting) == 1 else None if acting else "logits"
