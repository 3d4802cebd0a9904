import keras
import pytest

from aet_keras import callbacks

OURS = [
    value
    for value in vars(callbacks).values()
    if isinstance(value, type) and issubclass(value, keras.callbacks.Callback)
]


@pytest.mark.parametrize("cls", OURS)
def test_a_callback_says_what_it_learns(cls):
    assert isinstance(vars(cls).get("learns"), tuple), "for a checkpoint"
