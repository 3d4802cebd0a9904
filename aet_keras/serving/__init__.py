"""Serves a published model over HTTP."""

import importlib

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

# Late: who asks a version needs no web server, and who looks for the newest
# one does not need TensorFlow either.
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
        file = importlib.import_module(f"aet_keras.serving.{_FILES[name]}")
        return getattr(file, name)
    return _find_moved(name)


def __dir__():
    return __all__
