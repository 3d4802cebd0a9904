"""Reads which kind of data a published model is about.

It is written once by each run: in the recipe, the manifest and the report.
Versions before 0.11.0 do not say it; what only one kind has proves it there.
"""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.errors import ExportError

KINDS = ("image", "text", "table", "rating", "item")

# Settings of a recipe, and a part of a manifest, that one kind alone has.
_PROOFS = {
    "image_size": "image",
    "text_column": "text",
    "target": "table",
    "item": "rating",
    "table": "table",
}
_FILES = {
    "recipe.json": "a recipe",
    "report.json": "a report",
    "manifest.json": "a manifest",
}


def read_kind(folder: str | os.PathLike, owner: str) -> str:
    """Reads the kind of data of a published folder, or of a version.

    Args:
        folder: str or path-like. `saved_models/NAME`, or
            `saved_models/NAME/N`.
        owner: str. Who asks, in the sentences of what is raised.

    Returns:
        str. `"image"`, `"text"`, `"table"`, `"rating"` or `"item"`.

    Raises:
        ExportError: if no file in it says the kind, or proves it.
        OSError: if a file that should say it cannot be read.
        ValueError: if one is damaged.
    """
    kind = written_kind(folder, owner)
    if kind is not None:
        return kind
    raise ExportError(
        f"{owner}: {os.fspath(folder)} must hold a {', '.join(_FILES)} that "
        "says which kind of data its model is about, because each kind is "
        "read in another way. Received: none that does. Name the folder that "
        "`aet-keras fit` was given as `--out`."
    )


def written_kind(folder: str | os.PathLike, owner: str) -> str | None:
    """Returns the kind of data as `read_kind`, None where no file says it."""
    for name, what in _FILES.items():
        path = Path(folder) / name
        if _regular_file.why_not(path) == "not there":
            continue
        content = _regular_file.read_object(owner, path, what)
        kind = find_kind(content, owner=owner)
        if kind is not None:
            return kind
    return None


def find_kind(
    content: Mapping[str, Any],
    signatures: Mapping[str, Collection[str]] | None = None,
    *,
    owner: str = "find_kind",
) -> str | None:
    """Returns the kind of data that a file says, or else proves.

    Args:
        content: dict. A recipe, report or manifest; empty if there is none.
        signatures: optional dict from the name of each signature to the names
            of its inputs. Defaults to those of a manifest.
        owner: str. Who asks, in the sentences of what is raised.

    Returns:
        str, or None if nothing proves a kind.

    Raises:
        ValueError: if it says a kind that is not known.
    """
    if content.get("kind") is not None:
        return check.one_of(owner, kind=content["kind"], among=KINDS)
    for name, kind in _PROOFS.items():
        if name in content:
            return kind
    if signatures is None:
        signatures = {
            name: each.get("inputs", ())
            for name, each in dict(content.get("signatures") or {}).items()
        }
    if "top_k" in signatures:
        return "rating"
    inputs = set(signatures.get("serving_default", ()))
    return {"images": "image", "texts": "text"}.get(" ".join(inputs))


def check_one_answer(
    version: str | os.PathLike, owner: str, *, takes: Collection[str] = ()
) -> None:
    """Raises if a command does not take a version: of items, tags, numbers.

    Args:
        version: path of the version.
        owner: str. The command, in sentences.
        takes: what the command takes beside classes, and numbers of tables:
            `"item"`, models of items, `"tags"`, or `"number"`, of images and
            texts, too.

    Raises:
        ExportError: if it does not take the version.
    """
    try:
        path = Path(version) / "manifest.json"
        content = _regular_file.read_object(owner, path, "a manifest")
        signatures = content["signatures"]
        outputs = signatures["serving_default"]["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # what is damaged is said where it is needed
    kind = content.get("kind")
    if kind == "item" and "item" not in takes:
        raise ExportError(
            f"{owner}: FOLDER must hold a model of images, texts or a table, "
            f"because items are not converted. Received: {version}, a model of "
            f"items. Serve it: `aet-keras serve {Path(version).parent}`."
        )
    is_number = "values" in outputs and kind not in ("table", "item")
    is_number &= "number" not in takes
    if ("tags" in outputs and "tags" not in takes) or is_number:
        what = "a number of images or texts" if is_number else "tags"
        raise ExportError(
            f"{owner}: FOLDER must hold a classifier, or a model of a number "
            f"of a table, because only their answers are compared. Received: "
            f"{version}, a model of {what}. Train it anew by `aet-keras fit`, "
            "and watch the figures of its reports."
        )
