"""Finds the distribution strategy that a model lives under."""

import contextlib

import keras


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns the scope in which a model's variables must be made."""
    strategy = model.distribute_strategy
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def is_distributed(model: keras.Model) -> bool:
    """Says whether a model was made under a distribution strategy."""
    return model._distribute_strategy is not None
