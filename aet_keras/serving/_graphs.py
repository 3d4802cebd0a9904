"""Makes a session of the graph of a SavedModel."""

import os
from pathlib import Path

import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2

from aet_keras.publishing.version_folder import MODEL_FILE

INIT = "__saved_model_init_op"


def read_graph(path: Path) -> meta_graph_pb2.MetaGraphDef:
    """Returns the graph of a SavedModel, for serving."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / MODEL_FILE).read_bytes())
    tag = tf.saved_model.SERVING
    graphs = [g for g in saved.meta_graphs if tag in g.meta_info_def.tags]
    (graph,) = graphs
    return graph


def open_session(
    path: Path, graph: meta_graph_pb2.MetaGraphDef
) -> tf.compat.v1.Session:
    """Returns a session that holds the graph, its weights and its tables.

    Args:
        path: of the SavedModel, for its weights and assets.
        graph: what `read_graph` returned. It is changed: grappler is off.
    """
    config = _config(is_optimized=False)
    _set_config(graph.graph_def, config)
    with tf.Graph().as_default() as built:
        saver = tf.compat.v1.train.import_meta_graph(graph)
        session = tf.compat.v1.Session(graph=built, config=config)
        if saver is not None:
            saver.restore(session, os.fspath(path / "variables" / "variables"))
        _initialize(session, path, graph)
    return session


def open_optimized(
    path: Path,
    graph: meta_graph_pb2.MetaGraphDef,
    constants: graph_pb2.GraphDef,
) -> tf.compat.v1.Session:
    """Returns a session that optimizes what it runs, and needs no weights.

    Args:
        path: of the SavedModel, for its assets.
        graph: what `read_graph` returned.
        constants: its graph with constants for weights. It is changed.
    """
    config = _config(is_optimized=True)
    _set_config(constants, config)
    with tf.Graph().as_default() as built:
        tf.import_graph_def(constants, name="")
        session = tf.compat.v1.Session(graph=built, config=config)
        _initialize(session, path, graph)
    return session


def _config(*, is_optimized):
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = (
        not is_optimized
    )
    return config


def _set_config(graph: graph_pb2.GraphDef, config: config_pb2.ConfigProto):
    """Gives each call of a function its settings; else it has its own."""
    bodies = [f.node_def for f in graph.library.function]
    for nodes in (graph.node, *bodies):
        for node in nodes:
            if "config_proto" in node.attr:
                node.attr["config_proto"].s = config.SerializeToString()


def _initialize(session, path, graph):
    """Fills the tables, from the files that come with the version."""
    files = {
        each.tensor_info.name: os.fspath(path / "assets" / each.filename)
        for each in graph.asset_file_def
    }
    if INIT in graph.signature_def:
        name = graph.signature_def[INIT].outputs[INIT].name
        found = session.graph.as_graph_element(name, allow_operation=True)
        session.run(found, files)
