"""Counts what a step sends between workers, in the graph that is run."""

import numpy as np

from aet_keras._keras.split_graph import SplitGraph
from aet_keras._keras.steps import LowerFunctions, Signature, train_function
from aet_keras.engine import Engine
from aet_keras.policies import Decision
from aet_keras.replay.boundary import BoundaryFinder

_SENDING = "Collective"


def of_step(model, groups, moving_count, x, y):
    """Returns what a step above the boundary reduces, and what moves, in bytes.

    Args:
        model: a compiled model.
        groups: of its backbone, stem to head.
        moving_count: int. How many of them, from the top, move.
        x: tensor of some rows.
        y: tensor of their labels.
    """
    frozen_count = len(groups) - moving_count
    trainable = (False,) * frozen_count + (True,) * moving_count
    engine = Engine.of(model)
    engine.control(groups)
    engine.apply(Decision(trainable=trainable))
    graph = SplitGraph(model)
    boundary = BoundaryFinder(graph, groups).find(trainable)
    boundary = boundary.recording(boundary.keys)
    inputs = Signature(x)
    lower = LowerFunctions(graph).find(boundary, inputs, training=True)
    crossing = Signature(lower(*inputs.flatten(x)))
    step = train_function(graph, boundary, crossing, Signature((y, None)))
    moving = sum(int(np.prod(each.shape)) for each in model.trainable_weights)
    return reduced_bytes(step), 4 * moving


def reduced_bytes(function):
    """Returns how many bytes each run of a traced function reduces.

    Args:
        function: `tf.function` with a signature.
    """
    graph = function.get_concrete_function().graph
    inside = [
        node.op
        for each in graph.as_graph_def().library.function
        for node in each.node_def
        if node.op.startswith(_SENDING)
    ]
    assert not inside, f"shapes are not known inside of functions: {inside}"
    found = [
        each.inputs[0]
        for each in graph.get_operations()
        if each.type.startswith("CollectiveReduce")
    ]
    return sum(each.dtype.size * int(np.prod(each.shape)) for each in found)
