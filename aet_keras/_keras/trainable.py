"""Sets trainable flags so that they hold.

Keras skips an assignment that equals the flag it reads, so that sub-layers
that differ are not reached; and a layer under a frozen parent reports no
trainable weights whatever its own flag says.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import keras

# What LoRA holds fixed in a layer that it is enabled in.
_BASES = ("_kernel", "_embeddings")


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns a layer and all layers inside it, parents first."""
    return list(layer._flatten_layers(include_self=True, recursive=True))


def own_weights(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the weights a layer would train, its sub-layers' left out."""
    return list(layer._trainable_variables)


@dataclasses.dataclass(frozen=True)
class Held:
    """Holds the weights and layers that a user has frozen inside groups.

    Keras's setter of `trainable` knows nothing of it: it thaws whatever is
    inside, also the base weights below LoRA adapters.

    A group whose layers are all frozen says nothing of its parts, and thaws
    like any other. Chosen is what does not move where a layer's own flag says
    that it may, in a group that is frozen in part, and in all groups if there
    is LoRA in one of them.

    Args:
        layers: frozenset of ids of layers that are frozen.
        weights: frozenset of ids of weights that do not move.
        ours: frozenset of ids of layers and weights that this package froze.
    """

    layers: frozenset[int] = frozenset()
    weights: frozenset[int] = frozenset()
    ours: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls, model: keras.Model, groups: Sequence[Sequence], *, before: "Held"
    ) -> "Held":
        """Finds what is held fixed in some groups now.

        Args:
            model: the model that they are of.
            groups: sequence of sequences of layers.
            before: `Held` of an earlier `fit` of the model.
        """
        moving = {id(v) for v in model.trainable_variables}
        groups = [_every(layers) for layers in groups]
        chosen = any(map(_bases, groups)) and any(
            moving & _own(inside) for inside in groups
        )
        weights, layers = set(), set()
        for inside in groups:
            own = _own(inside)
            # A layer of layers may be loaded with a flag that says it is
            # frozen, while all that it has made inside moves.
            frozen = {
                id(each)
                for each in inside
                if not each.trainable and not moving & _own(sublayers(each))
            }
            weights |= (_bases(inside) | own & before.weights) - moving
            weights |= _fixed_alone(inside) - before.ours
            layers |= frozen & before.layers
            if chosen or own & moving:
                weights |= own - moving - before.ours
                layers |= frozen - before.ours
        return cls(frozenset(layers), frozenset(weights), before.ours)

    def leave(self, layers: Iterable) -> "Held":
        """Returns the same, with what is frozen now and was not held."""
        inside = _every(layers)
        still = [
            each
            for layer in inside
            for each in (layer, *own_weights(layer))
            if not each.trainable
        ]
        ours = {id(each) for each in still} - self.layers - self.weights
        return dataclasses.replace(self, ours=frozenset(ours))


def set_trainable(
    layer: keras.layers.Layer,
    value: bool,
    *,
    except_for: Callable[[keras.layers.Layer], bool] = lambda layer: False,
    held: Held = Held(),
) -> None:
    """Freezes or thaws a layer and all inside it, and checks that it held.

    Args:
        layer: a built `keras.layers.Layer`.
        value: bool. Whether its weights may move.
        except_for: function of a layer. Where it says True the layer stays
            frozen.
        held: `Held`. What stays fixed, too.

    Raises:
        RuntimeError: if the layer's trainable weights are not the ones asked
            for. Its flags are read before they are trusted.
    """
    inside = sublayers(layer)
    fixed = {id(x) for x in inside if except_for(x) or id(x) in held.layers}
    layer.trainable = not value  # equal assignments are dropped: differ first
    layer.trainable = value
    for each in inside:
        if each is not layer and each.trainable != value:
            each.trainable = value
    for each in inside:
        if value and id(each) in fixed:
            _freeze_alone(each)
    for each in inside:
        for variable in own_weights(each):
            if id(variable) in held.weights:
                variable.trainable = False
    moving = [each for each in inside if value and id(each) not in fixed]
    expected = {
        id(v.value)
        for each in moving
        for v in own_weights(each)
        if id(v) not in held.weights
    }
    found = {id(v.value) for v in layer.trainable_weights}
    if found != expected:
        raise RuntimeError(
            f"set_trainable: `{layer.name}` should train {len(expected)} "
            f"weights, but reports {len(found)}. A custom `trainable` property "
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
        own = [v for each in inside for v in own_weights(each)]
        fixed = [v for v in own if not v.trainable]
        parent.trainable = True
        for each, flag in zip(inside, flags, strict=True):
            if each.trainable != flag:
                each.trainable = flag
        for variable in fixed:
            variable.trainable = False


@contextlib.contextmanager
def kept_flags(layers: Iterable[keras.layers.Layer]) -> Iterator[None]:
    """Gives some layers and their weights their flags back at the end."""
    layers = list(layers)
    flags = [each.trainable for each in layers]
    fixed = [v for each in layers for v in own_weights(each) if not v.trainable]
    try:
        yield
    finally:
        for layer, flag in zip(layers, flags, strict=True):
            layer.trainable = flag
        for variable in fixed:
            variable.trainable = False


def _freeze_alone(layer):
    """Freezes a layer, and leaves the layers inside it as they are."""
    layer._trainable = False
    for variable in own_weights(layer):
        variable.trainable = False


def _every(layers):
    found = {
        id(each): each
        for layer in layers
        if isinstance(layer, keras.layers.Layer)
        for each in sublayers(layer)
    }
    return list(found.values())


def _own(inside):
    """Returns the ids of the weights that the layers may train."""
    return {id(v) for each in inside for v in own_weights(each)}


def _fixed_alone(inside):
    """Returns the ids of the weights that are fixed in layers that are not."""
    return {
        id(variable)
        for each in inside
        if each.trainable
        for variable in own_weights(each)
        if not variable.trainable
    }


def _bases(inside):
    """Returns the ids of the weights below LoRA adapters."""
    return {
        id(variable)
        for each in inside
        if getattr(each, "lora_enabled", False)
        for variable in own_weights(each)
        if any(variable is getattr(each, name, None) for name in _BASES)
    }
