"""Makes the new layer for each place, and checks that it keeps the shape."""

import keras

from aet_keras import _check as check
from aet_keras._keras import rebuild, trainable

PREFIX = "graft_"
# What a layer raises that cannot take such a tensor.
_REFUSALS = (TypeError, ValueError)


def make(model, layer, places):
    """Returns the new layer of each place, by the id of its operation."""
    factory = _factory(layer, places)
    taken = set(trainable.layers_by_name(model))
    taken.update(place.operation.name for place in places)
    grafts = {}
    for place in places:
        new = _make_one(factory, place)
        if any(new is other for other in grafts.values()):
            raise ValueError(
                "graft: `layer` must make a new layer each time, because "
                "each place needs weights of its own. Received: "
                f"`{new.name}` twice. Make it inside the function."
            )
        new.name = _free_name(place.operation.name, taken)
        taken.add(new.name)
        _check_fit(new, place)
        grafts[id(place.operation)] = new
    return grafts


def _factory(layer, places):
    if isinstance(layer, keras.layers.Layer):
        _check_instance(layer, places)
        return lambda: layer
    if callable(layer):
        return layer
    raise TypeError(
        "graft: `layer` must be a layer class, or a function without "
        f"arguments that makes a layer. Received: layer={layer!r}. For "
        "example `SqueezeExcite`, or `lambda: SqueezeExcite(ratio=8)`."
    )


def _check_instance(layer, places):
    made = type(layer).__name__
    if len(places) > 1:
        raise ValueError(
            "graft: an instance can stand at one place, because each place "
            f"needs weights of its own. Received: layer=`{layer.name}`, "
            f"{len(places)} places. Give the class, `{made}`, or a function "
            f"that makes one, `lambda: {made}(...)`."
        )
    if layer.built:
        raise ValueError(
            "graft: an instance must be new, because it is named after its "
            f"place. Received: layer=`{layer.name}`, which is built. Give the "
            f"class, `{made}`, or a function that makes one."
        )


def _make_one(factory, place):
    """Makes a layer that computes in the dtype of what it will be given."""
    given = keras.config.dtype_policy()
    keras.config.set_dtype_policy(_policy(place.outputs[0][0].dtype))
    try:
        new = factory()
    finally:
        keras.config.set_dtype_policy(given)
    if isinstance(new, keras.layers.Layer):
        return new
    raise TypeError(
        "graft: `layer` must make a `keras.layers.Layer`. Received: "
        f"{new!r}. Give a layer class, or a function that returns a layer."
    )


def _policy(dtype):
    return f"mixed_{dtype}" if dtype in ("float16", "bfloat16") else dtype


def _free_name(place, taken):
    name = wanted = PREFIX + place
    number = 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _check_fit(layer, place):
    for (tensor,) in place.outputs:
        told = f"{type(layer).__name__} behind `{place.operation.name}`"
        try:
            outputs = rebuild.try_on(layer, tensor)
        except _REFUSALS as error:
            reason = check.first_line(error).rstrip(".")
            raise ValueError(
                f"graft: the layer must take what it is given. Received: "
                f"{told}, given {_described(tensor)}: {reason}. Name another "
                "place, or give another layer."
            ) from error
        given = [_described(t) for t in keras.tree.flatten(outputs)]
        if given != [_described(tensor)]:
            raise ValueError(
                "graft: attention must keep the shape and the dtype, because "
                "the layers behind it were made for them. Received: "
                f"{told}, which turns {_described(tensor)} into "
                f"{', '.join(given)}. Give a layer whose output is like its "
                "input."
            )


def _described(tensor):
    return f"{tuple(tensor.shape)} {tensor.dtype}"
