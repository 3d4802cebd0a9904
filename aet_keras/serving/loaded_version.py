"""What does a version answer, once it is in memory?"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from aet_keras._optional import optional
from aet_keras.errors import ExportError
from aet_keras.export import check_manifest
from aet_keras.serving._model_errors import first_line
from aet_keras.serving._session import open_session, read_graph
from aet_keras.serving._signature import Signature
from aet_keras.serving.versions import MODEL_FILE, has_model

_MANIFEST = "manifest.json"


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

    Example: see `load_version`.

    >>> aet_keras.serving.LoadedVersion(3, {}, {}).number
    3
    """

    number: int
    signatures: Mapping[str, Signature]
    description: Mapping[str, Any]
    cells: frozenset[str] = frozenset()

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
        """Calls signatures once, so that no client waits for that.

        One after another: clients need the other cores.

        Args:
            names: of signatures. Defaults to all.
        """
        for name in self.signatures if names is None else names:
            self.signatures[name].warm_up()


def load_version(directory: str | os.PathLike) -> LoadedVersion:
    """Loads a version that `export.publish` published.

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
    ...     path = aet_keras.export.write_classifier(
    ...         model, f"{folder}/7", class_names=["hat", "shoe"]
    ...     )
    ...     version = aet_keras.serving.load_version(path)
    >>> version.number
    7
    >>> pictures = {"images": np.zeros((1, 8, 8, 3), "uint8")}
    >>> version.call("serving_default", pictures)["probabilities"].shape
    (1, 2)
    """
    path = Path(directory)
    if not has_model(path):
        raise ExportError(
            f"load_version: {path} must be a SavedModel. Received: a place "
            f"without `{MODEL_FILE}`. Name a version: saved_models/NAME/N."
        )
    if (path / _MANIFEST).is_file():  # a plain export has none
        check_manifest(path)
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
    return LoadedVersion(number, signatures, description, _cells(path))


def _cells(path):
    """Returns which inputs its manifest calls columns of a table."""
    manifest = path / _MANIFEST
    if not manifest.is_file():
        return frozenset()
    table = json.loads(manifest.read_text("utf-8")).get("table", {})
    return frozenset(column["name"] for column in table.get("columns", ()))


def _load(path):
    """Loads a SavedModel, and what it needs beside TensorFlow only then."""
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
