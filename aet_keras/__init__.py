"""Adapts pretrained Keras models to new data, inside `model.fit`."""

import importlib

# Eager: `keras.models.load_model` must find what a saved model holds.
from aet_keras import layers

__version__ = "0.1.0"

_LAZY = (
    "backbones",
    "callbacks",
    "data",
    "engine",
    "errors",
    "evaluation",
    "export",
    "policies",
    "tasks",
    "training",
)

__all__ = ["__version__", "layers", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"aet_keras.{name}")
    raise AttributeError(f"module 'aet_keras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
