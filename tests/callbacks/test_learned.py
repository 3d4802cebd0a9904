import keras
import pytest

from aet_keras import callbacks
from aet_keras.callbacks import _run_state

OURS = [
    value
    for value in vars(callbacks).values()
    if isinstance(value, type) and issubclass(value, keras.callbacks.Callback)
]


@pytest.mark.parametrize("cls", OURS)
def test_a_callback_says_what_it_learns(cls):
    assert isinstance(vars(cls).get("learns"), tuple), "for a checkpoint"


def test_a_save_with_an_entry_that_is_not_known_is_refused():
    head = callbacks.KeepHeadOnly()
    attributes = {"_epoch": 1, "colour": "blue"}
    state = {"attributes": attributes, "policy": None}

    with pytest.raises(ValueError, match="Resume with the version of"):
        _run_state.write_callback(head, state)

    assert not hasattr(head, "colour")
