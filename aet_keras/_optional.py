"""Imports packages that not everybody needs, or says what installs them."""

import contextlib
import importlib
import importlib.metadata
import platform
import types
from collections.abc import Iterator


def optional(name: str, *, extra: str) -> types.ModuleType:
    """Imports a module of an optional package, late.

    Args:
        name: str. The module, dotted.
        extra: str. Which of our extras installs its package.

    Raises:
        ImportError: if it cannot be imported, with what installs it.
    """
    with needing(extra):
        return importlib.import_module(name)


@contextlib.contextmanager
def needing(extra: str) -> Iterator[None]:
    """Says of an import inside which fails which extra installs its package.

    Args:
        extra: str. Which of our extras installs what is imported.

    Raises:
        ImportError: if something cannot be imported, with what installs it.
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "aet_keras"):
            raise  # it has its sentence, or no package is missing
        raise ImportError(
            f"aet_keras: the package `{package}` must be installed for this, "
            f"because it is optional. Received: {error}. "
            f"{_advice(extra)}"
        ) from error


def _advice(extra):
    """Returns which command works: an extra is one of what is installed."""
    from importlib import metadata  # 20 ms that no start should wait for

    try:
        about = metadata.metadata("aet-keras")
        extras = about.get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        extras = []
    if extra in extras:
        return f'`pip install "aet-keras[{extra}]"` installs it.'
    return (
        f'`pip install ".[{extra}]"` in the folder of the sources of aet-keras '
        "installs it."
    )


def versions() -> dict[str, str]:
    """Returns the versions that a model is made with, by package."""
    found = {}
    for name in ("aet-keras", "keras", "tensorflow"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "unknown"  # another build, such as tensorflow-cpu
    return {**found, "python": platform.python_version()}
