"""Finds pretrained parts of a graph, and says what has ever learned."""

import keras
import numpy as np

from aet_keras._keras import graph

_LEAST = 2  # layers with weights, of a part
_PLAIN = ("beta", "bias", "gamma", "moving_mean", "moving_variance", "scale")


def find(model, calls, nested, above):
    """Returns branches of a flat graph that are parts of their own.

    A branch is what leads to one tensor and reads nothing of the rest. It is
    a part if it makes maps or sequences by at least two layers with weights
    and has learned; where no branch has, all are parts.

    Args:
        model: a functional model.
        calls: list of `graph.Call`, each layer once.
        nested: set of positions of the nested parts.
        above: of a position; returns those of all that it leads to.

    Returns:
        List of models, of the model's own layers; none of a graph that is one
        branch alone.
    """
    if isinstance(model, keras.Sequential):
        return []
    places = {id(call.layer): place for place, call in enumerate(calls)}
    readers = [{places[id(x)] for x in call.readers} for call in calls]
    if nested:
        joined = set().union(*(above(place) for place in nested)) | {
            place
            for place in range(len(calls))
            if above(place) & nested or place in nested
        }
    else:
        joined = _above_merge(calls, readers, above)
    branches = [
        branch
        for branch in _components(calls, readers, joined)
        if len(_making(branch, calls)) >= _LEAST
    ]
    if not nested and len(branches) < 2:
        return []
    learned = [
        branch
        for branch in branches
        if any(has_learned(calls[p].layer) for p in branch)
    ]
    chosen = learned if learned or nested else branches
    found = []
    for branch in chosen:
        if sum(not readers[place] <= branch for place in branch) == 1:
            making = [calls[p].layer for p in sorted(_making(branch, calls))]
            found.append(graph.model_below(model, making[-1], making[0]))
    return found


def _above_merge(calls, readers, above):
    """Returns the first call that joins vectors of two branches, and above.

    Each branch has maps of its own; where maps are joined, a single backbone
    may go on.
    """
    making = {p for p, call in enumerate(calls) if _makes_map(call)}
    for place, call in enumerate(calls):
        parents = [p for p, read in enumerate(readers) if place in read]
        if len(parents) < 2 or len(call.outputs[0]) != 2:
            continue
        below = [
            {p for p in making if parent in above(p) or p == parent}
            for parent in parents
        ]
        deep = [each for each in below if len(each) >= _LEAST]
        is_apart = len(set().union(*deep)) == sum(map(len, deep))
        if len(deep) > 1 and is_apart:
            return {place} | above(place)
    return set(range(len(calls)))


def _components(calls, readers, joined):
    """Returns sets of positions that are connected, what is joined left out."""
    free = [place for place in range(len(calls)) if place not in joined]
    names = {place: place for place in free}
    for place in free:
        for other in readers[place] & names.keys():
            old, new = names[other], names[place]
            names = {p: new if n == old else n for p, n in names.items()}
    return [
        {place for place in free if names[place] == name}
        for name in dict.fromkeys(names.values())
    ]


def _makes_map(call):
    return bool(call.weights) and any(len(shape) > 2 for shape in call.outputs)


def _making(branch, calls):
    """Returns the calls with weights that make maps or sequences."""
    return [place for place in branch if _makes_map(calls[place])]


def is_new(layer: keras.layers.Layer) -> bool:
    """Says whether a layer has only weights as they are when it is built.

    Biases, and what normalizes, begin as zeros and ones, and no step of
    training leaves all of them there. Without any, nothing proves it.

    Args:
        layer: a built `keras.layers.Layer`, such as a nested model.

    Example:

    >>> from aet_keras.backbones._branches import is_new
    >>> layer = keras.layers.Dense(2)
    >>> layer.build((None, 3))
    >>> is_new(layer), is_new(aet_keras.backbones.load_backbone())
    (True, False)
    """
    plain = _plain(layer)
    return bool(plain) and all(map(_is_plain, plain))


def has_learned(layer: keras.layers.Layer) -> bool:
    """Says whether such a weight is proved to have moved.

    Args:
        layer: a built `keras.layers.Layer`, or an operation of a graph.

    Example:

    >>> from aet_keras.backbones._branches import has_learned
    >>> has_learned(aet_keras.backbones.load_backbone())
    True
    """
    return not all(map(_is_plain, _plain(layer)))


def _plain(layer):
    return [
        variable
        for variable in getattr(layer, "weights", ())
        if variable.path.rsplit("/", 1)[-1] in _PLAIN
    ]


def _is_plain(variable):
    return bool(np.isin(variable.numpy().astype("float32"), (0.0, 1.0)).all())
