"""Are texts what a source holds, where nobody says so?"""

import os
from pathlib import Path

from aet_keras import _regular_file
from aet_keras.data.folder_layout import PICTURE, TEXT

_TFDS_TEXTS = ("imdb_reviews", "yelp_polarity_reviews")


def is_text_source(source: str | os.PathLike) -> bool:
    """Says whether a source is one of texts, by a look at its files.

    Args:
        source: str or path. A folder is one of texts if more of its files
            are texts than pictures; `"tfds:NAME"` by its name.

    Returns:
        bool. `False` for files, whose columns a user has to name.

    Example:

    >>> aet_keras.data.is_text_source("tfds:imdb_reviews")
    True
    """
    if isinstance(source, str) and source.startswith("tfds:"):
        name = source.removeprefix("tfds:")
        return name.partition("/")[0].partition(":")[0] in _TFDS_TEXTS
    path = Path(source)
    if not _regular_file.is_folder(path):
        return False
    files = list(path.rglob("*"))
    text_count = sum(map(TEXT.has, files))
    return text_count > sum(map(PICTURE.has, files))
