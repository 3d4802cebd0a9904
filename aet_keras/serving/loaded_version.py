"""Loads a SavedModel into memory in a second, and calls it.

`tf.saved_model.load` builds each function again in Python, and the first call
of a function has grappler look for ways to make it faster. For MobileNetV2
with four signatures that is 3 seconds of a processor, 1 of them with the
interpreter held, while clients wait for it. A session leaves the functions to
C++ (0.5 seconds, 0.2 of them with the interpreter held), and where grappler is
off a first call takes 0.2 seconds instead of 0.5. What it would have gained was
measured on the CPU: nothing for MobileNetV2 and ResNet50, nothing for one
image and a tenth for 32 images with EfficientNetB0.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from aet_keras._optional import optional
from aet_keras.errors import ExportError
from aet_keras.publishing import check_manifest
from aet_keras.publishing.data_kind import find_kind
from aet_keras.publishing.manifest import FILE, read_content
from aet_keras.publishing.version_folder import MODEL_FILE, is_version
from aet_keras.serving._refusals import first_line
from aet_keras.serving._signature import Signature


@dataclass(frozen=True)
class LoadedVersion:
    """Holds a SavedModel that is loaded.

    Args:
        number: int >= 0. The version's; 0 if its directory has no number.
        signatures: dict of name to a function of arrays by name, which knows
            the `tf.TensorSpec` of its `inputs`. Several threads may call at
            once: what waits is run in one batch.
        description: dict. The signatures as the metadata call of TensorFlow
            Serving gives them.
        cells: frozenset of str. The inputs that are columns of a table, in
            which JSON's `null` is a missing cell.
        kind: str or None. What a row is: `"image"`, `"text"`, `"table"` or
            `"rating"`; None where neither its manifest nor its signatures
            tell.

    Example: see `load_version`.

    >>> aet_keras.serving.loaded_version.LoadedVersion(3, {}, {}).number
    3
    """

    number: int
    signatures: Mapping[str, Signature]
    description: Mapping[str, Any]
    cells: frozenset[str] = frozenset()
    kind: str | None = None

    @property
    def asked(self) -> frozenset[str]:
        """The names of the signatures that `call` was given so far."""
        return frozenset(
            name for name, each in self.signatures.items() if each.was_asked
        )

    def call(
        self, signature: str, arrays: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Returns what a signature puts out, by name."""
        asked = self.signatures[signature]
        asked.was_asked = True
        return asked(arrays)

    def warm_up(self, names: Iterable[str] | None = None) -> None:
        """Calls signatures once, because their first call takes longer.

        One after another, because clients need the other cores.

        Args:
            names: of signatures. Defaults to all.
        """
        for name in self.signatures if names is None else names:
            self.signatures[name].warm_up()


def load_version(directory: str | os.PathLike) -> LoadedVersion:
    """Loads a version that `publishing.publish` published.

    Args:
        directory: str or path-like. `saved_models/NAME/N`.

    Returns:
        A `LoadedVersion`.

    Raises:
        ExportError: if it cannot be loaded, or its files are not those of its
            manifest, with the reason.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = aet_keras.export.write_image_model(
    ...         model, f"{folder}/7", class_names=["hat", "shoe"]
    ...     )
    ...     version = aet_keras.serving.load_version(path)
    >>> version.number
    7
    >>> images = {"images": np.zeros((1, 8, 8, 3), "uint8")}
    >>> version.call("serving_default", images)["probabilities"].shape
    (1, 2)
    """
    path = Path(directory)
    if not is_version(path):
        raise ExportError(
            f"load_version: {path} must be a SavedModel. Received: a place "
            f"without `{MODEL_FILE}`. Name a version: saved_models/NAME/N."
        )
    content: Mapping[str, Any] = {}
    if (path / FILE).is_file():  # a plain export has none
        check_manifest(path)
        content = read_content(path)
    try:
        graph, session = _load(path)
        signatures = {
            name: Signature(session, definition)
            for name, definition in graph.signature_def.items()
            if not name.startswith("__")  # what fills the tables
        }
        description = _describe(graph)
    except ExportError:
        raise
    # A damaged file surfaces as nearly every kind of exception.
    except Exception as error:
        raise ExportError(
            f"load_version: {path} must be a SavedModel that can be loaded. "
            f"Received: {first_line(error)}. Export it again."
        ) from error
    number = int(path.name) if path.name.isdigit() else 0
    columns = content.get("table", {}).get("columns", ())
    inputs = {name: each.inputs for name, each in signatures.items()}
    return LoadedVersion(
        number,
        signatures,
        description,
        cells=frozenset(column["name"] for column in columns),
        kind=find_kind(content, inputs),
    )


def _load(path):
    """Loads a SavedModel, and TensorFlow Text only if it is needed."""
    graph = read_graph(path)
    try:
        return graph, open_session(path, graph)
    except (ValueError, tf.errors.OpError) as error:
        if "Op type not registered" not in str(error):
            raise
    try:
        optional("tensorflow_text", extra="text")  # registers its operations
    except ImportError as error:
        raise ExportError(
            f"load_version: TensorFlow Text must be there for {path}, because "
            f"its tokeniser is inside. {error}"
        ) from error
    return graph, open_session(path, graph)


def _describe(graph):
    return {
        name: json_format.MessageToDict(
            definition,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
        )
        for name, definition in graph.signature_def.items()
    }


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
