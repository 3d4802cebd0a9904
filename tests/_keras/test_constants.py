"""Does a graph with constants compute what it did with variables?"""

import pytest
import tensorflow as tf

from aet_keras._keras.constants import variable_bytes, with_constants


@pytest.fixture
def session():
    """Returns a session of `product = input * weight`, and of a count."""
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph, v1.Session() as session:
        given = v1.placeholder(tf.float32, [None, 2], name="input")
        weight = v1.get_variable(
            "weight", initializer=[2.0, 3.0], use_resource=True
        )
        count = v1.get_variable("count", initializer=0.0, use_resource=True)
        tf.multiply(given, weight, name="product")
        tf.add(given, count, name="sum")
        tf.group(count.assign(5.0), name="begin")
        tf.identity(count.assign_add(1.0), name="next")
        assert graph is session.graph
        session.run(v1.global_variables_initializer())
        yield session


def run(graph, name, *, first=()):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph, name="")
        for each in first:
            session.run(each)
        return session.run(f"{name}:0", {"input:0": [[1.0, 10.0]]}).tolist()


def test_weights_become_constants(session):
    graph = session.graph.as_graph_def()

    found = with_constants(session, graph, ["product"], first=[])

    assert run(found, "product") == [[2, 30]]
    assert "VarHandleOp" not in {node.op for node in found.node}
    assert "next" not in {node.name for node in found.node}
    assert "VarHandleOp" in {node.op for node in graph.node}  # not changed


def test_what_is_written_first_stays_a_variable(session):
    graph = session.graph.as_graph_def()

    found = with_constants(session, graph, ["product", "sum"], first=["begin"])

    assert run(found, "product") == [[2, 30]]
    assert run(found, "sum", first=["begin"]) == [[6, 15]]


def test_what_writes_is_refused(session):
    graph = session.graph.as_graph_def()

    with pytest.raises(ValueError, match="writes"):
        with_constants(session, graph, ["next"], first=[])


def test_the_size_of_the_variables(session):
    assert variable_bytes(session.graph.as_graph_def()) == 4 * (2 + 1)
