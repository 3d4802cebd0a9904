"""Serves a published model over HTTP."""

from aet_keras import _optional
from aet_keras._renamed import renamed

__all__ = [
    "Limits",
    "LoadedVersion",
    "ModelFolder",
    "build_app",
    "load_version",
    "model_server_command",
    "serve",
]

# Late: who asks a version needs no web server.
_FILES = {
    "Limits": "settings",
    "LoadedVersion": "loaded_version",
    "ModelFolder": "model_folder",
    "build_app": "app",
    "load_version": "loaded_version",
    "model_server_command": "settings",
    "serve": "server",
}


_find_moved = renamed(
    __name__, {"newest_version": "aet_keras.publishing.newest_version"}
)


def __getattr__(name):
    if name in _FILES:
        path = f"aet_keras.serving.{_FILES[name]}"
        return getattr(_optional.optional(path, extra="serving"), name)
    return _find_moved(name)


def __dir__():
    return __all__
