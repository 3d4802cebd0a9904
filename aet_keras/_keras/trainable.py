"""How is a trainable flag set so that it truly holds?

Keras skips an assignment that equals the flag it reads, so that sub-layers
that differ are not reached; and a layer under a frozen parent reports no
trainable weights whatever its own flag says.
"""

from collections.abc import Callable, Iterable

import keras


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns a layer and all layers inside it, parents first."""
    return list(layer._flatten_layers(include_self=True, recursive=True))


def own_weights(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the weights a layer would train, its sub-layers' left out."""
    return list(layer._trainable_variables)


def set_trainable(
    layer: keras.layers.Layer,
    value: bool,
    *,
    except_for: Callable[[keras.layers.Layer], bool] = lambda layer: False,
) -> None:
    """Freezes or thaws a layer and all inside it, and checks that it held.

    Args:
        layer: a built `keras.layers.Layer`.
        value: bool. Whether its weights may move.
        except_for: function of a layer. Where it says True the layer stays
            frozen.

    Raises:
        RuntimeError: if the layer's trainable weights are not the ones asked
            for. Its flags are read before they are trusted.
    """
    inside = sublayers(layer)
    layer.trainable = not value  # equal assignments are dropped: differ first
    layer.trainable = value
    for each in inside:
        if each is not layer and each.trainable != value:
            each.trainable = value
    for each in inside:
        if value and except_for(each):
            each.trainable = True
            each.trainable = False
    moving = [each for each in inside if value and not except_for(each)]
    expected = {id(v.value) for each in moving for v in own_weights(each)}
    held = {id(v.value) for v in layer.trainable_weights}
    if held != expected:
        raise RuntimeError(
            f"set_trainable: `{layer.name}` should train {len(expected)} "
            f"weights, but reports {len(held)}. A custom `trainable` property "
            "may stand in the way."
        )


def layers_by_name(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """Returns all layers inside a model, nested ones too, by name."""
    return {each.name: each for each in sublayers(model)[1:]}


def open_parents(
    model: keras.Model, layers: Iterable[keras.layers.Layer]
) -> None:
    """Sets the flag of each container above some layers, and of no other.

    A frozen parent hides its trainable children. Setting its flag would reach
    everything inside, so the flags of the inside are put back afterwards.
    """
    wanted = {id(layer) for layer in layers}
    for parent in sublayers(model):
        inside = sublayers(parent)[1:]
        holds = any(id(each) in wanted for each in inside)
        if parent.trainable or not holds:
            continue
        flags = [each.trainable for each in inside]
        parent.trainable = True
        for each, flag in zip(inside, flags, strict=True):
            if each.trainable != flag:
                each.trainable = flag
