"""Adapts pretrained Keras models to new data, inside `model.fit`."""

import importlib

# Eager: `keras.models.load_model` must find what a saved model holds.
from aet_keras import layers

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "backbones",
    "callbacks",
    "data",
    "engine",
    "errors",
    "evaluation",
    "export",
    "layers",
    "policies",
    "tasks",
    "training",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"aet_keras.{name}")
    raise AttributeError(f"module 'aet_keras' has no attribute {name!r}")


def __dir__():
    return __all__
