"""Serves a published model over HTTP."""

from aet_keras._optional import optional

__all__ = [
    "Limits",
    "LoadedVersion",
    "ModelFolder",
    "build_app",
    "load_version",
    "model_server_command",
    "newest_version",
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
    "newest_version": "versions",
    "serve": "server",
}


def __getattr__(name):
    if name in _FILES:
        path = f"aet_keras.serving.{_FILES[name]}"
        return getattr(optional(path, extra="serving"), name)
    raise AttributeError(
        f"module 'aet_keras.serving' has no attribute {name!r}"
    )


def __dir__():
    return __all__
