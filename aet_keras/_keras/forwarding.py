"""Finds overridden methods that only call Keras's own.

What a class of another package does in its `call` cannot be told from outside,
and replay passes it by. Of one class it was read in the source: `__call__` of
KerasHub's `PipelineModel`, which all its tasks come from, refuses strings and
calls `keras.Model.__call__` with what it was given.
"""

import keras

_READ = {("keras_hub.src.utils.pipeline_model", "PipelineModel.__call__")}


def only_forwards(model: keras.Model, name: str) -> bool:
    """Says whether a method that is not Keras's is known to change nothing."""
    if name in vars(model):
        return False
    method = getattr(type(model), name)
    source = (
        getattr(method, "__module__", None),
        getattr(method, "__qualname__", None),
    )
    return source in _READ
