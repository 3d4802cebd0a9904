"""Reads and writes the state of an engine for a resumed run."""

import weakref

# One of the two sides of a cache: its name, and what holds it.
_SIDES = ("train", "validation")
_UNTRIED = 0  # for a width to which padded rows may be cut


def read(engine, current) -> dict:
    """Returns all that an engine and its cache know, between two steps.

    Args:
        engine: `Engine`.
        current: the iterator that the next epoch goes on with, or None.
    """
    return {
        "trainable": engine.trainable,
        "missed": engine._missed.state,
        "kept": engine._kept.read(engine.model),
        "variables": [v.numpy() for v in _variables(engine)],
        "replay": engine._replay and _read_replay(engine._replay, current),
    }


def write(engine, state: dict) -> None:
    """Brings back what `read` returned, but for the records of the cache.

    The engine has to have charge of the same groups.
    """
    trainable = tuple(state["trainable"])
    if trainable != engine.trainable:
        engine._turn_to(trainable)
    engine._missed.state = state["missed"]
    engine._kept.write(engine.model, state.get("kept", []))
    engine.take_rate()  # it came back with the optimizer
    pairs = zip(_variables(engine), state["variables"], strict=False)
    for variable, value in pairs:  # none are left once `fit` has ended
        variable.assign(value)
    if engine._multipliers:
        engine._multipliers.reread()


def passes(state: dict, side: str) -> list:
    """Lists which batches one side of a cache has recorded.

    Returns:
        List of tuples: number of the iterator, of its first batch, and how
        many.
    """
    replay = state["replay"]
    if not replay or not replay.get(side):
        return []
    listed = replay[side]["feed"]["passes"]
    return [(*place, count) for place, count in listed if place]


def write_replay(engine, state: dict) -> None:
    """Brings back what a cache knows; the records come after, batch by batch.

    Args:
        engine: `Engine` after `write`.
        state: dict that `read` returned.
    """
    replay, state = engine._replay, state["replay"]
    if replay is None or state is None or not replay.is_on:
        return
    for name, value in state["learned"].items():
        kind = type(getattr(replay, name))
        setattr(replay, name, kind(value))
    replay._boundary = replay._finder.find()
    layers = [step.layer for step in replay._graph.steps]
    replay._sums = {
        id(layers[position]): bytes.fromhex(digest)
        for position, digest in state["sums"]
    }
    for name in _SIDES:
        feed = _feed(replay, name)
        if feed is None:
            continue
        feed.side.forget()
        if state[name]:
            feed.state = state[name]["feed"]


def record_again(engine, state: dict, side: str, batch) -> None:
    """Records one of the batches that `passes` lists."""
    replay = engine._replay
    if replay is None or not replay.is_on:
        return
    every = _keys(replay._graph)
    keys = tuple(every[place] for place in state["replay"][side]["keys"])
    _feed(replay, side).record_again(batch, replay._boundary, keys)


def finish_records(engine, state: dict, current) -> None:
    """Notes what is known only once all is recorded again."""
    replay, state = engine._replay, state["replay"]
    if replay is None or not state or not replay.is_on:
        return
    for name in _SIDES:
        if state[name]:
            side = _feed(replay, name).side
            side._is_checked = state[name]["is_checked"]
            if state[name]["narrowest"] != _UNTRIED:
                side.narrowest[replay._boundary] = state[name]["narrowest"]
    is_current = state["is_current"] and current is not None
    replay._iterator = weakref.ref(current) if is_current else None


def _variables(engine):
    found = engine._multipliers.variables if engine._multipliers else []
    if engine._statistics is not None:
        found = found + engine._statistics.variables
    return found


def _read_replay(replay, current):
    if not hasattr(replay, "_graph"):
        return None
    layers = [step.layer for step in replay._graph.steps]
    return {
        "learned": {
            name: sorted(value) if isinstance(value, set) else value
            for name in replay.learns
            for value in [getattr(replay, name)]
        },
        "is_current": current is not None
        and replay._iterator is not None
        and replay._iterator() is current,
        "sums": [
            (position, replay._sums[id(layer)].hex())
            for position, layer in enumerate(layers)
            if id(layer) in replay._sums
        ],
        **{name: _read_side(replay, name) for name in _SIDES},
    }


def _read_side(replay, name):
    feed = _feed(replay, name)
    if feed is None or feed.side.record is None:
        return None
    every = {key: place for place, key in enumerate(_keys(replay._graph))}
    return {
        "feed": feed.state,
        "is_checked": feed.side._is_checked,
        "narrowest": feed.side.narrowest.get(replay._boundary, _UNTRIED),
        "keys": [every[key] for key in feed.side.held_keys],
    }


def _feed(replay, name):
    return replay._train if name == "train" else replay.validation_reader()


def _keys(graph):
    """Lists all tensors of a graph in an order that each process has."""
    keys = list(graph.inputs)
    for step in graph.steps:
        keys += step.writes
    return list(dict.fromkeys(keys))
