"""Adapts pretrained Keras models to new data, inside `model.fit`."""

import importlib
import sys

# Eager: `keras.models.load_model` must find what a saved model holds. Only
# `aet-keras` puts it off (`cli/_running.py`): its help needs no Keras.
if not getattr(sys.modules.get("aet_keras_command"), "is_starting", False):
    from aet_keras import layers, losses, regularizers

__version__ = "0.11.0"

__all__ = [
    "__version__",
    "adapt",
    "backbones",
    "callbacks",
    "data",
    "drift",
    "engine",
    "errors",
    "evaluation",
    "explanations",
    "export",
    "find_learning_rate",
    "fine_tune",
    "layers",
    "losses",
    "policies",
    "publishing",
    "recipes",
    "regularizers",
    "replay",
    "scope",
    "serving",
    "tasks",
    "tracking",
    "training",
    "tuning",
]


# The functions a user meets first; everything else is named by its room.
_SHORTCUTS = ("adapt", "find_learning_rate", "fine_tune")


def __getattr__(name):
    if name in _SHORTCUTS:
        training = importlib.import_module("aet_keras.training")
        return getattr(training, name)
    if name == "scope":
        return importlib.import_module("aet_keras._keras.strategy").scope
    if name in __all__:
        return importlib.import_module(f"aet_keras.{name}")
    raise AttributeError(f"module 'aet_keras' has no attribute {name!r}")


def __dir__():
    return __all__
