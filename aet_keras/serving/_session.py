"""How does a SavedModel come into memory in a second?

`tf.saved_model.load` builds each function again in Python, and the first call
of a function has grappler look for ways to make it faster. For MobileNetV2
with four signatures that is 3 seconds of a processor, 1 of them with the
interpreter held, while clients wait for it. A session leaves the functions to
C++ (0.5 seconds, 0.2 of them with the interpreter held), and where grappler is
off a first call takes 0.2 seconds instead of 0.5. What it would have gained was
measured on the CPU: nothing for MobileNetV2 and ResNet50, nothing for one
picture and a tenth for 32 pictures with EfficientNetB0.
"""

import os
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from aet_keras.serving.versions import MODEL_FILE

_INIT = "__saved_model_init_op"


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
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    _set_config(graph.graph_def, config.SerializeToString())
    with tf.Graph().as_default() as built:
        saver = tf.compat.v1.train.import_meta_graph(graph)
        session = tf.compat.v1.Session(graph=built, config=config)
        if saver is not None:
            saver.restore(session, os.fspath(path / "variables" / "variables"))
        _initialize(session, path, graph)
    return session


def _set_config(graph_def, config):
    """Gives each call of a function its settings; else it has its own."""
    bodies = [f.node_def for f in graph_def.library.function]
    for nodes in (graph_def.node, *bodies):
        for node in nodes:
            if "config_proto" in node.attr:
                node.attr["config_proto"].s = config


def _initialize(session, path, graph):
    """Fills the tables, from the files that come with the version."""
    files = {
        each.tensor_info.name: os.fspath(path / "assets" / each.filename)
        for each in graph.asset_file_def
    }
    if _INIT in graph.signature_def:
        name = graph.signature_def[_INIT].outputs[_INIT].name
        found = session.graph.as_graph_element(name, allow_operation=True)
        session.run(found, files)
