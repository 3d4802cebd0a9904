"""Copies layers with all that they have learned.

A layer is made again from its config, and what the config does not hold is
brought over once the copy has been called: weights, vocabularies, seeds, and
each flag by itself (the setter of a flag reaches all that is inside).
"""

import tempfile

import keras

from aet_keras._keras import trainable

# What `get_config`, `from_config` and a constructor raise where they cannot.
_NO_CONFIG: tuple[type[Exception], ...] = (
    AttributeError,
    KeyError,
    NotImplementedError,
    TypeError,
    ValueError,
)


class NotCopied(Exception):
    """Says which layer has no faithful copy, and why."""


def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns a new layer of the same class, config and name, without state.

    Raises:
        NotCopied: if the config does not make the layer again.
    """
    try:
        made = type(layer).from_config(layer.get_config())
    except _NO_CONFIG as error:
        raise NotCopied(
            f"the config of `{layer.name}` does not make it again, "
            f"{type(error).__name__}"
        ) from error
    if made.name != layer.name:
        made.name = layer.name
    return made


def copy_bare(operation: keras.Operation) -> keras.Operation:
    """Returns a bare operation that stands in no graph yet.

    It has no weights, so that its attributes are all there is; its config
    may not hold a function that it was made with.
    """
    made = object.__new__(type(operation))
    vars(made).update(vars(operation))
    made._inbound_nodes, made._outbound_nodes = [], []
    return made


def copy_container(model: keras.Model, made: keras.Model) -> None:
    """Gives a model that was built again its own flag and dtype policy."""
    made._trainable = model._trainable
    made._dtype_policy = model._dtype_policy


def copy_state(layer: keras.layers.Layer, made: keras.layers.Layer) -> None:
    """Brings over what the layer learned, and the flags of all inside it.

    Raises:
        NotCopied: if the two do not hold the same.
    """
    inside, new = trainable.sublayers(layer), trainable.sublayers(made)
    if [_form(each) for each in inside] != [_form(each) for each in new]:
        raise NotCopied(
            f"the config of `{layer.name}` makes a layer with other weights"
        )
    for old, each in zip(inside, new, strict=True):
        _copy_own(old, each)


def _form(layer):
    """Returns what must be alike in a layer and its copy."""
    shapes = [tuple(variable.shape) for variable in _own_variables(layer)]
    return type(layer), shapes, len(layer._seed_generators)


def _copy_own(layer, made):
    state = {}
    layer.save_own_variables(state)
    made.load_own_variables(state)  # some layers compute from what they load
    if hasattr(layer, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            made.load_assets(folder)
    for old, new in zip(
        layer._seed_generators, made._seed_generators, strict=True
    ):
        new.state.assign(old.state)
    made._trainable = layer._trainable
    for old, new in zip(
        _own_variables(layer), _own_variables(made), strict=True
    ):
        if new.trainable != old.trainable:
            new.trainable = old.trainable
        # What is loaded is merged, and adapters that are zero never learn.
        if getattr(layer, "lora_enabled", False):
            new.assign(old)


def _own_variables(layer):
    return layer._trainable_variables + layer._non_trainable_variables
