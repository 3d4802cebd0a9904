"""Loads a SavedModel into memory in a second, and calls it.

`tf.saved_model.load` builds each function again in Python, and the first call
of a function has grappler look for ways to make it faster. For MobileNetV2
with four signatures that is 3 seconds of a processor, 1 of them with the
interpreter held, while clients wait for it. A session leaves the functions to
C++ (0.5 seconds, 0.2 of them with the interpreter held), and where grappler is
off a first call takes 0.2 seconds instead of 0.5. With weights that are
variables it would gain next to nothing. `speed_up` makes them constants, with
which it halves the time of a call, once the version is served.
"""

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
from aet_keras.publishing import check_manifest
from aet_keras.publishing.data_kind import find_kind
from aet_keras.publishing.manifest import FILE, read_content
from aet_keras.publishing.version_folder import MODEL_FILE, is_version
from aet_keras.serving._freezing import Freezing, NotFrozen
from aet_keras.serving._graphs import open_session, read_graph
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
        freezing: `Freezing` or None. What can have a signature run faster.

    Example: see `load_version`.

    >>> aet_keras.serving.loaded_version.LoadedVersion(3, {}, {}).number
    3
    """

    number: int
    signatures: Mapping[str, Signature]
    description: Mapping[str, Any]
    cells: frozenset[str] = frozenset()
    kind: str | None = None
    freezing: Freezing | None = None

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

    def speed_up(self) -> tuple[str, str] | None:
        """Makes a signature that `call` was given run with constant weights.

        It takes seconds; meanwhile the signature answers as before.

        Returns:
            The signature's name and why it stays as it is; None if it is
            faster now, or there is none to try.
        """
        if self.freezing is None:
            return None
        for name in sorted(self.asked - self.freezing.tried):
            try:
                self.freezing.freeze(name, self.signatures[name])
            except NotFrozen as error:
                return name, str(error)
            return None
        return None


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
        freezing=Freezing(path, graph, session),
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
