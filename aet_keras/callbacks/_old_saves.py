"""Reads saves of 0.9.0 and 0.10.0, which hold attributes by name."""

import dataclasses
from typing import Any

from aet_keras.callbacks._saves import Save

_LAST_FORMAT = 2  # a later one holds what `get_state` of each callback returned
_NOT_STATE = {"KeepHeadOnly": {"_epoch"}, "BatchTimes": {"_begun"}}
# Entries that saves of 0.9.0 do not have, and what they stand for.
_ADDED = {"Change": {"is_undone": False}}


def in_present_form(save: Save, begun: dict[str, dict]) -> Save:
    """Returns a save with all states as `get_state` returns them.

    Args:
        save: of any format.
        begun: the state of each callback as `fit` begins, by its name. It
            stands in for what 0.9.0 did not know.
    """
    if save.format > _LAST_FORMAT:
        return save
    return dataclasses.replace(
        save,
        state=_translated(save.state, begun),
        start=save.start and _translated(save.start, begun),
    )


def _translated(state, begun):
    run = state["run"]
    callbacks = {
        name: {**begun.get(name, {}), **_entries(name.split()[0], saved)}
        for name, saved in run["callbacks"].items()
    }
    engine = {**run["engine"], "replay": _replay(run["engine"]["replay"])}
    return {**state, "run": {**run, "callbacks": callbacks, "engine": engine}}


def _replay(state):
    """Returns what 0.9.0 saved of replay with the entries of 0.10.0."""
    if not state:
        return state
    made = {**state, "learned": {"_is_train_plain": False, **state["learned"]}}
    for split in ("train", "validation"):
        if state[split]:
            feed = dict(state[split]["feed"])
            feed.pop("new_count", None)
            made[split] = {**state[split], "feed": feed}
    return made


def _entries(owner, saved):
    known = _public(owner, saved["attributes"])
    if saved["policy"] is None:
        return known
    return {**known, "policy": saved["policy"]}


def _public(owner: str, attributes: dict[str, Any]) -> dict[str, Any]:
    """Returns attributes of a class under the names of its state."""
    return {
        name.removeprefix("_"): _plain(value)
        for name, value in attributes.items()
        if name not in _NOT_STATE.get(owner, ())
    }


def _plain(value):
    """Returns a value with dicts for records, in lists and tuples too."""
    if isinstance(value, list | tuple):
        return type(value)(_plain(each) for each in value)
    if isinstance(value, dict) and value.keys() == {"class", "vars"}:
        owner = value["class"]
        return _ADDED.get(owner, {}) | _public(owner, value["vars"])
    return value
