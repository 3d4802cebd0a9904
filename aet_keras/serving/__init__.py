"""Serves a published model over HTTP."""

from aet_keras import _optional
from aet_keras._renamed import renamed

__all__ = ["Limits", "load_version", "serve"]

# Late: who asks a version needs no web server.
_FILES = {
    "Limits": "settings",
    "load_version": "loaded_version",
    "serve": "server",
}


_find_moved = renamed(
    __name__,
    moved={
        "aet_keras.publishing": ["newest_version"],
        "app": ["build_app"],
        "loaded_version": ["LoadedVersion"],
        "model_folder": ["ModelFolder"],
        "settings": ["model_server_command"],
    },
)


def __getattr__(name):
    if name in _FILES:
        path = f"aet_keras.serving.{_FILES[name]}"
        return getattr(_optional.optional(path, extra="serving"), name)
    with _optional.needing("serving"):
        return _find_moved(name)


def __dir__():
    return __all__
