"""Which version of a published model does a command ask?"""

import pathlib
from typing import Any

from aet_keras.cli._running import quiet_start


def load_version_of(
    folder: pathlib.Path, *, is_version_taken: bool = True
) -> tuple[pathlib.Path, Any]:
    """Loads a version, after it has been found: TensorFlow takes seconds.

    Args:
        folder: `saved_models/NAME`, of which the newest is taken, or
            `saved_models/NAME/N`.
        is_version_taken: whether the second is allowed.

    Returns:
        Its path, and an `aet_keras.serving.LoadedVersion`.
    """
    from aet_keras.publishing import publication

    find = publication.newest_version
    if is_version_taken:
        find = publication.find_version
    path = find(folder)
    with quiet_start():
        from aet_keras.serving import load_version
    return path, load_version(path)
