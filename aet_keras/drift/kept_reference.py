"""Finds the reference of a published version.

FOLDER/3/reference.npz    written with the version, under its sums
FOLDER/reference-3.npz    measured later: a version never changes
"""

from pathlib import Path

from aet_keras.drift.reference import FILE, Reference
from aet_keras.errors import ExportError


def later_path(version: Path) -> Path:
    """Returns where a reference that is measured later belongs.

    Args:
        version: path of `saved_models/NAME/N`.

    Example:

    >>> import pathlib
    >>> from aet_keras.drift.kept_reference import later_path
    >>> later_path(pathlib.Path("saved_models/clothes/3")).name
    'reference-3.npz'
    """
    stem, suffix = Path(FILE).stem, Path(FILE).suffix
    return version.parent / f"{stem}-{version.name}{suffix}"


def load_reference(version: Path) -> Reference:
    """Loads the reference of a version.

    Args:
        version: path of `saved_models/NAME/N`.

    Raises:
        ExportError: if it has none, or a damaged one.
    """
    paths = (version / FILE, later_path(version))
    for path in paths:
        if path.exists():
            return Reference.load(path)
    raise ExportError(
        f"Reference: {version} must have one, because new rows are compared "
        f"with it. Received: neither {paths[0].name} in it nor {paths[1]}. "
        f"Measure it: `aet-keras watch {version.parent} --measure`."
    )
