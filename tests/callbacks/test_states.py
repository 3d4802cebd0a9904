"""Does each callback say what it knows, and take nothing else back?"""

import keras
import pytest

from aet_keras import callbacks, tracking
from aet_keras.callbacks import _saving
from aet_keras.tracking import _writing

OURS = [
    value
    for room in (callbacks, tracking)
    for value in vars(room).values()
    if isinstance(value, type) and issubclass(value, keras.callbacks.Callback)
]
# They stand beside ours among the callbacks of a `fit`.
OURS += [_saving.Saving, _writing.GuardedCallback]


@pytest.mark.parametrize("cls", OURS)
def test_a_callback_has_a_state_of_its_own(cls):
    assert {"get_state", "set_state"} <= vars(cls).keys(), "for a checkpoint"


WITH_STATE = [
    callbacks.AdaptiveLearningRate,
    callbacks.AverageWeights,
    callbacks.ElasticFreezing,
    callbacks.KeepBest,
    callbacks.KeepHeadOnly,
]


@pytest.mark.parametrize("cls", [*WITH_STATE, callbacks.ElasticAnchor])
def test_a_state_with_an_entry_that_is_not_known_is_refused(cls):
    callback = cls()
    state = callback.get_state() | {"colour": "blue"}

    with pytest.raises(ValueError, match=r"'colour'.*Resume with the version"):
        callback.set_state(state)

    assert not hasattr(callback, "colour")


@pytest.mark.parametrize("cls", WITH_STATE)
def test_a_state_without_an_entry_is_refused(cls):
    state = cls().get_state()

    for name in state:
        rest = {key: value for key, value in state.items() if key != name}
        with pytest.raises(ValueError, match=rf"{cls.__name__}: .*'{name}'"):
            cls().set_state(rest)


def test_a_record_inside_a_state_is_checked_too():
    freezing = callbacks.ElasticFreezing()
    state = freezing.get_state()
    state["events"] = [(1, {"thawed": ("a",), "why": "a stall"})]

    with pytest.raises(ValueError, match="Change: .*frozen"):
        freezing.set_state(state)
