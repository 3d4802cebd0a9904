"""Has one of several workers do what a share of the rows is too few for."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import agreement, graph, random_state
from aet_keras._keras.copies import NotCopied
from aet_keras._keras.optimizer import (
    known_variables,
    named_variables,
    widen,
)
from aet_keras._keras.rebuild import lost_methods, rebuild
from aet_keras._keras.strategy import has_scope
from aet_keras.engine import Engine
from aet_keras.errors import TrainingError
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.training.longer import Longer

_RESULTS = {"longer": Longer, "solved": SolvedHead}


def by_chief(
    run: Any, work: Callable[[Any], Any], *, is_needed: Callable[[], bool]
) -> Any:
    """Returns what a function makes of a run, computed by the chief alone.

    The chief works on a copy of the model outside the strategy, as one process
    would; the others wait, and get the weights that it ends with. Without
    several workers the function is called with the run itself.

    Args:
        run: `Run` of a model under a strategy, or under none.
        work: function of a `Run` that changes its weights, and returns it with
            other `cache_events`, `longer`, `solved` and `is_best_solved`.
        is_needed: function that says whether there is something to do; a
            copy takes seconds. If it raises `NotCopied`, nothing is done, and
            `cache_events` says why.

    Returns:
        The `Run`, of the model that was given.

    Raises:
        TrainingError: in all workers, if the function fails in the chief.
    """
    model = run.model
    strategy = model.distribute_strategy
    if agreement.worker_count(strategy) == 1:
        return work(run)
    known, weights, failure = None, None, None
    if agreement.is_chief(strategy):
        try:
            known, weights = _done(run, work, is_needed)
        except Exception as error:  # the others wait, and are told first
            failure, known = error, {"failure": check.kind_and_line(error)}
    known = agreement.broadcast(strategy, known)
    if "failure" in known:
        raise TrainingError(
            "fine_tune: what few rows get after training must end in the first "
            "worker, because all take its weights. Received there: "
            f"{known['failure']}. `ElasticFreezing(solve_head=False)` leaves "
            "it out."
        ) from failure
    if weights is None:
        random_state.write(known["random"])  # the next `fit` shuffles alike
    run.cache_events[:] = [tuple(each) for each in known["cache_events"]]
    if known["is_changed"]:
        model.set_weights(_of_chief(strategy, weights, model.get_weights()))
    results = {
        name: value and kind(**value)
        for name, kind in _RESULTS.items()
        for value in [known[name]]
    }
    solved = known["is_best_solved"]
    return dataclasses.replace(run, is_best_solved=solved, **results)


def _done(run, work, is_needed):
    """Returns what the chief tells the others, and its weights."""
    before = run.model.get_weights()
    events = list(run.cache_events)
    done, weights = run, before
    try:
        if is_needed():
            drawn = random_state.read()
            copy = _outside(run.model)
            random_state.write(drawn)  # the copy was given other weights
            done = dataclasses.replace(run, model=copy, cache_events=events)
            done = work(done)
            weights = copy.get_weights()
    except NotCopied as error:
        why = f"does nothing more for few rows, with several workers: {error}"
        events.append((len(run.trained_groups), why))
    results = {name: getattr(done, name) for name in _RESULTS}
    known = {
        "cache_events": events,
        "is_changed": not _are_equal(before, weights),
        "random": random_state.read(),
        "is_best_solved": done.is_best_solved,
        **{k: v and dataclasses.asdict(v) for k, v in results.items()},
    }
    return known, weights


def _outside(model: keras.Model) -> keras.Model:
    """Returns a copy under no strategy, compiled alike, that goes on alike.

    Raises:
        NotCopied: if that cannot be.
    """
    if has_scope():
        raise NotCopied("`fine_tune` was called in the scope of the strategy")
    if not graph.is_graph(model):
        raise NotCopied("the layers that a subclassed model calls are unknown")
    lost = lost_methods(model)
    if lost:
        raise NotCopied(f"a copy of the model would have no own `{lost[0]}`")
    copy = rebuild(model, {}, share=False)
    is_alike = len(model.variables) == len(copy.variables)
    if not (is_alike and _are_equal(model.get_weights(), copy.get_weights())):
        raise NotCopied(
            "a copy of the model would have its weights in another order"
        )
    pairs = zip(model.variables, copy.variables, strict=True)
    try:
        copy.compile_from_config(model.get_compile_config())
    except (TypeError, ValueError) as error:
        why = (
            f"a copy of the model cannot be compiled, {check.first_line(error)}"
        )
        raise NotCopied(why) from error
    known = {id(v) for v in known_variables(model.optimizer)}
    widen(copy, [new for old, new in pairs if id(old) in known])
    state = named_variables(copy)
    for name, variable in named_variables(model).items():
        state[name].assign(variable.numpy())
    Engine.of(copy).follow(model)
    return copy


def _are_equal(these, those):
    """Says whether two lists hold the same arrays, in the same order."""
    return len(these) == len(those) and all(map(np.array_equal, these, those))


def _of_chief(strategy, weights, own):
    """Returns the arrays of the chief, in all workers."""
    flat = np.zeros(sum(each.size for each in own))
    if weights is not None:
        flat = np.concatenate([each.ravel() for each in weights])
    flat = agreement.total(strategy, flat)
    parts = np.split(flat, np.cumsum([each.size for each in own])[:-1])
    return [
        part.reshape(each.shape).astype(each.dtype)
        for part, each in zip(parts, own, strict=True)
    ]
