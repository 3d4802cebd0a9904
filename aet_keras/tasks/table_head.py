"""Shows the network of a table's model as one that ends in one dense layer."""

import keras
import numpy as np

from aet_keras.tasks.number_unit import value_end
from aet_keras.tasks.table_model import (
    ENCODED,
    HEADS,
    HIDDEN,
    NETWORK,
    class_end,
)


def with_one_head(network: keras.Model) -> keras.Model:
    """Returns a network's function, ended by one dense layer.

    It shares all layers below, and its head is `linear` and `change` side by
    side, with a softmax or a sigmoid, or before the layers that bring a
    number into its unit: what corrects the head of a model can then be
    applied.

    Args:
        network: the layer `network` of a table classifier or regressor.

    Example: see `take_head`.
    """
    row, hidden = network.input, network.get_layer(HIDDEN).output
    linear, change = (network.get_layer(name) for name in HEADS)
    unit = value_end(network)[1]
    last = network.layers[-1]
    head = keras.layers.Dense(
        linear.units,
        activation=last.activation if unit is None else None,
        name="head",
    )
    outputs = head(keras.layers.Concatenate(name="both")([row, hidden]))
    outputs = outputs if unit is None else unit.apply(outputs)
    headed = keras.Model(row, outputs, name="headed")
    kernel, bias = linear.get_weights()
    (other,) = change.get_weights()
    head.set_weights([np.concatenate([kernel, other]), bias])
    return headed


def take_head(model: keras.Model, headed: keras.Model) -> keras.Model:
    """Returns a table model with the head of what `with_one_head` gave.

    Args:
        model: the table model. Its head changes in place, unless the
            other one has more classes.
        headed: of `with_one_head`, or a model that ends in a wider head.

    Returns:
        The `keras.Model`; with more classes another one of the same layers.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> from aet_keras.tasks import table_head, table_model
    >>> space = table_model.fit_feature_space(
    ...     [TableColumn("age", "number", "age")],
    ...     {"age": np.array([20, 30, np.nan], "float32")},
    ... )
    >>> model = aet_keras.tasks.build_table_classifier(space, class_count=2)
    >>> headed = table_head.with_one_head(model.get_layer("network"))
    >>> table_head.take_head(model, headed) is model
    True
    """
    network = model.get_layer(NETWORK)
    linear, change = (network.get_layer(name) for name in HEADS)
    dense = [x for x in headed.layers if type(x) is keras.layers.Dense]
    kernel, bias = dense[-1].get_weights()
    width = network.input.shape[1]
    if len(bias) != linear.units:
        model = _widened(model, len(bias))
        network = model.get_layer(NETWORK)
        linear, change = (network.get_layer(name) for name in HEADS)
    linear.set_weights([kernel[:width], bias])
    change.set_weights([kernel[width:]])
    return model


def _widened(model, class_count):
    """Returns the model with a new head of more classes."""
    old = model.get_layer(NETWORK)
    row, hidden = old.input, old.get_layer(HIDDEN).output
    outputs = class_end(row, hidden, class_count=class_count)
    network = keras.Model(row, outputs, name=NETWORK)
    encoded = model.get_layer(ENCODED).output
    return keras.Model(dict(model.input), network(encoded), name=model.name)
