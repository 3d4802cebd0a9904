"""Which version of a published model does a command ask?"""

import pathlib
from typing import Any


def load_version_of(folder: pathlib.Path) -> tuple[pathlib.Path, Any]:
    """Loads a version.

    Args:
        folder: `saved_models/NAME`, of which the newest is taken, or
            `saved_models/NAME/N`.

    Returns:
        Its path, and an `aet_keras.serving.LoadedVersion`.
    """
    from aet_keras import serving

    is_version = (folder / "saved_model.pb").is_file()
    path = folder if is_version else serving.newest_version(folder)
    return path, serving.load_version(path)
