"""Writes the files that start a TensorFlow Serving."""

import base64
import json
import os
import re
import string
from importlib import resources
from pathlib import Path

import numpy as np

from aet_keras.data.serving_logs import read_logs
from aet_keras.errors import ExportError
from aet_keras.export.saved_model import BYTES, DEFAULT, REQUESTS_FILE
from aet_keras.publishing import check_manifest, list_versions, version_folder

_CLIENTS = ("client_rest.py", "client_grpc.py")
# In `assets`; `$name` is the model's name, `$$` one dollar.
_TEXTS = ("batching.config", "docker-compose.yml", "models.config")


def write_deployment(folder: str | os.PathLike) -> Path:
    """Writes into `folder/serving` what starts a server of a published model.

    `docker-compose.yml` starts TensorFlow Serving with `models.config` and
    `batching.config`. `client_rest.py` and `client_grpc.py` ask a model of
    images; any other is asked with `request.json`, which has a row. The model
    is called as its folder is. Where the server puts requests together, one
    image that cannot be read fails the others of its batch, too.

    Args:
        folder: str or path-like. Where versions were published.

    Returns:
        `pathlib.Path`, `folder/serving`.

    Raises:
        ExportError: if there is no version, the newest is not what was
            published or has no request that could be shown, the folder's
            name cannot stand in an address, or a file there is not ours.

    Example:

    >>> import os
    >>> import tempfile
    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(2, activation="softmax"),
    ... ])
    >>> def write(aside):
    ...     aet_keras.export.write_image_model(
    ...         model, aside, class_names=["hat", "shoe"]
    ...     )
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     version = aet_keras.publishing.publish(f"{parent}/clothes", write)
    ...     path = aet_keras.export.write_deployment(f"{parent}/clothes")
    ...     "models.config" in os.listdir(path)
    True
    """
    folder = Path(folder)
    name = _model_name(folder)
    version = list_versions(folder)[-1]
    signatures = check_manifest(version).signatures or {}
    if BYTES in signatures:
        written = _files(name)
    else:
        written = _files_of_rows(name, version, signatures)
    target = folder / "serving"
    refusal = f"write_deployment: nothing was written in {target}"
    with version_folder.explained(refusal, target):
        _check_untouched(target, written)
        target.mkdir(exist_ok=True)
        for file, text in written.items():
            (target / file).write_text(text, encoding="utf-8")
    return target


def _model_name(folder):
    name = folder.resolve().name
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        return name
    raise ExportError(
        "write_deployment: a folder's name must be letters, digits, `_`, `-` "
        "and `.`, because the model is asked for by it in an address. "
        f"Received: {name!r}. Rename the folder."
    )


def _files(name):
    """Returns the content of each file, of a model of images."""
    files = _texts(name, *_TEXTS, "README.md")
    for client in _CLIENTS:
        source = resources.files("aet_keras.export") / f"_{client}"
        text = source.read_text(encoding="utf-8")
        files[client] = text.replace('MODEL = "NAME"', f'MODEL = "{name}"')
    return files


def _files_of_rows(name, version, signatures):
    """Returns the content of each file, of a model of anything else."""
    files = _texts(name, *_TEXTS, "rows_README.md")
    files["README.md"] = files.pop("rows_README.md")
    row = _first_row(version, signatures)
    shown = {key: _as_json(value) for key, value in row.items()}
    files["request.json"] = json.dumps({"instances": [shown]}, indent=2) + "\n"
    return files


def _as_json(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _texts(name, *files):
    assets = resources.files("aet_keras") / "assets"
    found = {}
    for file in files:
        text = (assets / f"serving_{file}").read_text(encoding="utf-8")
        found[file] = string.Template(text).substitute(name=name)
    return found


def _first_row(version, signatures):
    """Returns the first row that a server tries before it serves a version."""
    wanted = set((signatures.get(DEFAULT) or {}).get("inputs") or ())
    requests = version / REQUESTS_FILE
    for row in read_logs(requests, []) if requests.is_file() else ():
        if set(row.inputs) == wanted:
            return row.inputs
    raise ExportError(
        f"write_deployment: {version} must have a request for the signature "
        f"`{DEFAULT}` in `{REQUESTS_FILE}`, because it shows how the model is "
        "asked. Received: a version without it. Publish one that a `write_*` "
        "function of `aet_keras.export` wrote."
    )


def _check_untouched(target, written):
    changed = [
        file
        for file, text in written.items()
        if (target / file).exists()
        and (target / file).read_text(encoding="utf-8") != text
    ]
    if changed:
        raise ExportError(
            f"write_deployment: {target} must hold no files of somebody's "
            "own, because they would be written over. Received: "
            f"{', '.join(f'`{file}`' for file in changed)}, changed since. "
            "Move what you need away, and remove the rest."
        )
