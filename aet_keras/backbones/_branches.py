"""Finds pretrained parts whose layers stand in the graph of a model."""

import keras

from aet_keras._keras import graph
from aet_keras.backbones import _pretrained

_LEAST = 2  # layers with weights, of a part


def find(model, calls, nested):
    """Returns branches of a flat graph that are parts of their own.

    A branch is what leads to one tensor and reads nothing of the rest. It is
    a part if it makes maps or sequences by at least two layers with weights
    and has learned; where no branch has, all are parts.

    Args:
        model: a functional model.
        calls: list of `graph.Call`, each layer once.
        nested: set of positions of the nested parts.

    Returns:
        List of models, of the model's own layers; none of a graph that is one
        branch alone.
    """
    if isinstance(model, keras.Sequential):
        return []
    places = {id(call.layer): place for place, call in enumerate(calls)}
    readers = [{places[id(x)] for x in call.readers} for call in calls]
    above = [_reached(place, readers) for place in range(len(calls))]
    if nested:
        joined = set().union(*(above[place] for place in nested)) | {
            place
            for place in range(len(calls))
            if above[place] & nested or place in nested
        }
    else:
        joined = _above_merge(calls, readers, above)
    branches = [
        branch
        for branch in _components(calls, readers, joined)
        if sum(_makes_map(calls[place]) for place in branch) >= _LEAST
    ]
    if not nested and len(branches) < 2:
        return []
    learned = [
        branch
        for branch in branches
        if any(_pretrained.has_learned(calls[p].layer) for p in branch)
    ]
    chosen = learned if learned or nested else branches
    return [
        graph.model_below(
            model,
            calls[max(_making(branch, calls))].layer,
            calls[min(_making(branch, calls))].layer,
        )
        for branch in chosen
        if sum(not readers[place] <= branch for place in branch) == 1
    ]


def _reached(place, readers):
    found, waiting = set(), [place]
    while waiting:
        new = readers[waiting.pop()] - found
        found |= new
        waiting += new
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
            {p for p in making if parent in above[p] or p == parent}
            for parent in parents
        ]
        deep = [each for each in below if len(each) >= _LEAST]
        is_apart = len(set().union(*deep)) == sum(map(len, deep))
        if len(deep) > 1 and is_apart:
            return {place} | above[place]
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
