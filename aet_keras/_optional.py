"""Is a package there that not everybody needs, and how is it had?"""

import importlib
import importlib.metadata
import types


def optional(name: str, *, extra: str) -> types.ModuleType:
    """Imports a module of an optional package, late.

    Args:
        name: str. The module, dotted.
        extra: str. Which of our extras installs its package.

    Raises:
        ImportError: if it cannot be imported, with what installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"aet_keras: the package `{package}` must be installed for this, "
            f"because it is optional. Received: {error}. "
            f"{_advice(extra)}"
        ) from error


def _advice(extra):
    """Returns which command works: an extra is one of what is installed."""
    try:
        about = importlib.metadata.metadata("aet-keras")
        extras = about.get_all("Provides-Extra") or []
    except importlib.metadata.PackageNotFoundError:
        extras = []
    if extra in extras:
        return f'`pip install "aet-keras[{extra}]"` installs it.'
    return (
        f'`pip install ".[{extra}]"` in the folder of the sources of aet-keras '
        "installs it."
    )
