"""Where is the earlier model that a run begins with?"""

import pathlib

import keras

from aet_keras import _regular_file, export
from aet_keras.errors import ExportError


def newest_version(folder: str) -> pathlib.Path:
    """Returns the newest version in a folder, or the folder that is one."""
    folder = pathlib.Path(folder)
    if (folder / "manifest.json").exists():
        return folder
    return export.list_versions(folder)[-1]


def load_earlier(folder: str) -> keras.Model:
    """Loads the model of the newest version, not compiled.

    Raises:
        ExportError: if there is none that this package published.
    """
    path = newest_version(folder) / "model.keras"
    try:
        if said := _regular_file.why_not(path):  # to open a pipe would wait
            raise OSError(f"`{path.name}`, which is {said}")
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{path}: the earlier model must be one that this package "
            f"published. Received: {error}. Train it anew."
        ) from error
