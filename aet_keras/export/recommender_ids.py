"""Which users and items does a published recommender know?"""

import os
from pathlib import Path

from aet_keras.errors import ExportError


def read_ids(version: str | os.PathLike) -> dict[str, tuple[str, ...]]:
    """Reads which users and items a published recommender knows.

    Args:
        version: path of a published version, `FOLDER/3`.

    Returns:
        dict of `users` and `items` to their ids, in the order of their codes,
        from 1 on.

    Raises:
        ExportError: if the version holds no recommender.

    Example: see `write_recommender`.

    >>> try:
    ...     aet_keras.export.read_ids("nowhere")
    ... except aet_keras.errors.ExportError as error:
    ...     "users.txt" in str(error)
    True
    """
    found = {}
    for name in ("users", "items"):
        path = Path(version, "assets", f"{name}.txt")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ExportError(
                f"{version}: the version must hold a recommender, because its "
                f"users and items are to be met again. Received: no `{path}`. "
                "Name a folder that `aet-keras fit FILE.csv --user` published."
            ) from error
        found[name] = tuple(text.split("\n")[:-1])
    return found
