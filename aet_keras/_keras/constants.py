"""Makes the variables of a graph constants.

TensorFlow's converter for functions is public. The one for the graph of a
session is not. It knows not every operation that can read a variable, so what
it returns has to be tried; it cannot be used wrongly, because an operation that
takes a variable takes no constant in its place.
"""

from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework import convert_to_constants
from tensorflow.python.util import deprecation

_WRITES = ("Assign", "Insert", "ResourceApply", "ResourceScatter")
_HANDLE = "VarHandleOp"
_CONVERT = "convert_variables_to_constants_from_session_graph"


def with_constants(
    session: tf.compat.v1.Session,
    graph: graph_pb2.GraphDef,
    names: list[str],
    *,
    first: list[str],
) -> graph_pb2.GraphDef:
    """Returns what some operations need, with constants for variables.

    Args:
        session: holds the variables of the graph.
        graph: `GraphDef`. It is not changed.
        names: of operations.
        first: of operations that are run once, before the others. A variable
            that they write stays one.

    Raises:
        ValueError: if an operation may write a variable or a table.
    """
    part = _part(graph, names)
    bodies = [each.node_def for each in part.library.function]
    for node in [node for body in (part.node, *bodies) for node in body]:
        if any(word in node.op for word in _WRITES):
            raise ValueError(f"{node.name} ({node.op}) writes")
    kept = _part(graph, [*names, *first])
    written = [n.input[0] for n in kept.node if "Assign" in n.op]
    convert = getattr(convert_to_constants, _CONVERT)
    with deprecation.silence():  # what is deprecated is called by itself
        return convert(
            session, kept, [*names, *first], variable_names_denylist=written
        )


def variable_bytes(graph: graph_pb2.GraphDef) -> int:
    """Returns the size of the variables of a graph, in bytes."""
    return sum(
        tf.dtypes.as_dtype(node.attr["dtype"].type).size
        * (tf.TensorShape(node.attr["shape"].shape).num_elements() or 0)
        for node in graph.node
        if node.op == _HANDLE
    )


def _part(graph, names):
    """Returns what operations need of a graph, and of its functions."""
    nodes = {node.name: node for node in graph.node}
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name not in found:
            found.add(name)
            waiting += nodes[name].input
    part = graph_pb2.GraphDef(versions=graph.versions)
    part.node.extend(node for node in graph.node if node.name in found)
    part.library.function.extend(_called(part.node, graph.library.function))
    return part


def _called(nodes, functions):
    """Returns the functions that nodes call, and those that these call."""
    known = {each.signature.name: each for each in functions}
    found, waiting = {}, [name for node in nodes for name in _calls(node)]
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found[name] = known[name]
            for node in known[name].node_def:
                waiting += _calls(node)
    return found.values()


def _calls(node) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        elif value.HasField("list"):
            yield from (each.name for each in value.list.func)
