"""Builds an optimizer on weights that it was not built on.

`fit` builds the optimizer on what is trainable before any callback runs, and
refuses all other weights for good. Here it is built again, on more, and what
it had learned of the old ones is put back, slot by slot.
"""

import weakref
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from aet_keras._keras.strategy import scope_of


class OncePerStep:
    """Computes what all updates of a step need, once in each graph.

    Args:
        compute: function without arguments.
    """

    def __init__(self, compute: Callable[[], Any]):
        self._compute = compute
        self._found: Any = weakref.WeakKeyDictionary()

    def __call__(self) -> Any:
        """Returns what was computed in this graph; eagerly, computes anew."""
        if tf.executing_eagerly():
            return self._compute()
        here = tf.compat.v1.get_default_graph()
        if here not in self._found:
            self._found[here] = self._compute()
        return self._found[here]

    def forget(self) -> None:
        """Begins another step: one graph may have several."""
        self._found.clear()


def innermost(optimizer: keras.optimizers.Optimizer):
    """Returns the optimizer that makes the updates, below any loss scaling."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def known_variables(optimizer) -> list[keras.Variable]:
    """Returns the weights an optimizer was built on, in its own order."""
    return list(optimizer._trainable_variables) if optimizer.built else []


def ids_to_be_known(model: keras.Model) -> set[int]:
    """Returns the `id`s of the weights a model's optimizer is built on.

    One that is not built will be built on those that are trainable now.
    """
    outer = model.optimizer
    if outer.built:
        return {id(v) for v in known_variables(outer)}
    return {id(v) for v in model.trainable_variables}


def index_of(optimizer, variable) -> int:
    """Returns where a weight stands in the optimizer's order."""
    return optimizer._get_variable_index(variable)


def named_variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Names every variable of the model's optimizer, whatever its order.

    A slot is named after the place of its weight in `model.variables`: two
    optimizers that were built on the same weights one after the other, or on
    all at once, give the same names.
    """
    outer = model.optimizer
    if not outer.built:
        return {}
    places = {id(v): str(i) for i, v in enumerate(model.variables)}
    found = {}
    for (depth, owner, what), slot in _slots(
        outer, known_variables(outer)
    ).items():
        found[f"{depth}/{places.get(owner, '')}/{what}"] = slot
    for depth, optimizer in enumerate(_chain(outer)):
        found[f"{depth}/iterations"] = optimizer.iterations
        if isinstance(optimizer._learning_rate, keras.Variable):
            found[f"{depth}/rate"] = optimizer._learning_rate
    return found


def widen(model: keras.Model, variables: list[keras.Variable]) -> set[int]:
    """Builds the model's optimizer on `variables`, keeping what it holds.

    Args:
        model: a compiled model.
        variables: every weight that may ever move, in the model's order.
            Weights that the optimizer knows already are kept, even if they
            are not among them.

    Returns:
        The `id`s of the weights that are new to it (none where it knew all).
    """
    outer = model.optimizer
    known = known_variables(outer)
    known_ids = {id(v) for v in known}
    new = [v for v in variables if id(v) not in known_ids]
    if not new and outer.built:
        return set()
    named_ids = {id(v) for v in variables}
    dropped = [v for v in known if id(v) not in named_ids]
    with scope_of(model):
        old = _slots(outer, known) if outer.built else {}
        _build(outer, list(variables) + dropped)
        for key, slot in _slots(outer, known_variables(outer)).items():
            if key in old:
                slot.assign(old[key])
        _start_averages(innermost(outer), new)
    return {id(v) for v in new}


def restart_averages(model: keras.Model, variables) -> None:
    """Starts the moving averages of some weights at the weights themselves.

    For weights that were written: averages of what they were before would
    soon take their place.
    """
    optimizer = innermost(model.optimizer)
    known = {id(v) for v in known_variables(optimizer)}
    with scope_of(model):
        _start_averages(optimizer, [v for v in variables if id(v) in known])


def _chain(optimizer):
    inner = getattr(optimizer, "inner_optimizer", None)
    return [optimizer] + ([] if inner is None else _chain(inner))


def _build(outer, variables):
    for optimizer in _chain(outer):
        keep = [optimizer._iterations, optimizer._learning_rate]
        for slot in list(optimizer._variables):
            if not any(slot is each for each in keep):
                optimizer._untrack_variable(slot)
        optimizer._trainable_variables_indices = {}
        optimizer.built = False
    outer.build(variables)


def _slots(outer, variables):
    """Names every variable of a built optimizer: (depth, owner, slot).

    Slots carry their weight's path in their name, and paths need not be
    unique, so the n-th slot of a path is told apart by its count.
    """
    owners = {}
    for variable in variables:
        owners.setdefault(variable.path.replace("/", "_") + "_", []).append(
            variable
        )
    found = {}
    for depth, optimizer in enumerate(_chain(outer)):
        seen = {}
        for slot in optimizer._variables:
            if slot is optimizer._iterations:
                continue
            if slot is optimizer._learning_rate:
                continue
            stem = max(
                (s for s in owners if slot.name.startswith(s)),
                key=len,
                default=None,
            )
            if stem is None:  # Nadam's product, a loss scale: by their order
                count = seen[stem] = seen.get(stem, -1) + 1
                found[depth, stem, count] = slot
                continue
            count = seen[slot.name] = seen.get(slot.name, -1) + 1
            what = slot.name.removeprefix(stem)
            found[depth, id(owners[stem][count]), what] = slot
    return found


def _start_averages(optimizer, variables):
    """Starts the moving averages of new weights at the weights themselves.

    Keras starts them at zero and lets the first step of all overwrite that;
    a weight that joins later would be pulled towards zero.
    """
    if not optimizer.use_ema:
        return
    for variable in variables:
        average = optimizer._model_variables_moving_average[
            index_of(optimizer, variable)
        ]
        if average is not None:
            average.assign(variable)
