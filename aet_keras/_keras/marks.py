"""Reads the marks that a layer leaves on its outputs for the loss.

A loss is given tensors, and not the layers they come from. Inside one step,
though, a functional model hands the very tensors of its last layers on, and a
tensor takes attributes: Keras brings masks to a loss in the same way.
"""

from keras.src.backend.common.symbolic_scope import in_symbolic_scope

_NAME = "_aet_mark"


def mark(tensor, value) -> None:
    """Hangs a value on a tensor, for whoever is given this very tensor."""
    setattr(tensor, _NAME, value)


def mark_of(tensor):
    """Returns what hangs on a tensor, or None."""
    return getattr(tensor, _NAME, None)


def is_drawn_only() -> bool:
    """Says whether Keras asks for shapes alone, on tensors of its own making.

    Under a distribution strategy it builds losses so; no mark is on those.
    """
    return in_symbolic_scope()
