import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator

from aet_keras._keras.iterators import Order, Postponed, made
from aet_keras._keras.running_fit import RunningFit

pytestmark = pytest.mark.tuned  # whatever is read, as users read it


class Reads(keras.callbacks.Callback):
    """Restores or skips at the start of `fit`, and keeps the state."""

    def __init__(self, *, state=None, skip=0):
        super().__init__()
        self.state, self.skip = state, skip

    def on_train_begin(self, logs=None):
        self.order = RunningFit.of(self.model).train
        if self.state is not None:
            self.order.restore(self.state)
        if self.skip:
            self.order.skip(self.skip, next, lambda iterator: None)

    def on_epoch_end(self, epoch, logs=None):
        self.state = self.order.state


def rows_seen(epochs, reads, **settings):
    """Returns the numbers of the rows that a `fit` trained on, in order."""
    seen = []

    class Model(keras.Model):
        def train_step(self, data):
            seen.extend(data[0].numpy().ravel().astype(int).tolist())
            return {"loss": 0.0}

        def call(self, x):
            return x

    model = Model()
    model.compile("sgd", run_eagerly=True)
    x = np.arange(6.0)[:, None]
    data = tf.data.Dataset.from_tensor_slices((x, x)).shuffle(6, seed=1)
    settings = {"verbose": 0, "shuffle": False, "callbacks": [reads]} | settings
    model.fit(
        data.repeat(settings.pop("times", 1)).batch(2),
        epochs=epochs,
        **settings,
    )
    return seen


@pytest.mark.parametrize(
    "settings",
    [{}, {"times": -1, "steps_per_epoch": 2}],
    ids=["one", "endless"],
)
def test_the_third_epoch_comes_back_where_it_was(settings):
    whole = rows_seen(3, Reads(), **settings)
    two = Reads()
    rows_seen(2, two, **settings)

    third = rows_seen(1, Reads(state=two.state), **settings)

    assert third == whole[-len(third) :]
    assert third != whole[: len(third)]


def test_an_epoch_begins_in_its_middle():
    whole = rows_seen(1, Reads())

    rest = rows_seen(1, Reads(skip=2))

    assert rest == whole[4:]


def counted_and_postponed(order_is_first):
    """Returns what a `fit` draws steps from, its count, what postpones."""
    source = TFEpochIterator(
        distribute_strategy=tf.distribute.get_strategy(),
        x=tf.data.Dataset.range(6).batch(2),
    )
    if order_is_first:
        order, postponed = Order(source), Postponed(source)
    else:
        postponed = Postponed(source)
        order = Order(source)
    return source, order, postponed


@pytest.mark.parametrize("order_is_first", [True, False])
def test_postponed_iterators_are_made_and_counted_once_read(order_is_first):
    source, order, postponed = counted_and_postponed(order_is_first)
    postponed.is_on = True

    assert len([*source]) == 3
    assert order.state["made"] == 0

    read = []
    for _, step, iterator in source:
        if step:
            read += next(iterator).numpy().tolist()
    assert read == [0, 1, 2, 3]
    assert isinstance(iterator, tf.data.Iterator)  # as Keras's functions want
    assert order.state["made"] == 1  # not the one at the end of the epoch


def test_epochs_that_are_not_postponed_have_the_iterators_of_keras():
    source, order, postponed = counted_and_postponed(True)
    postponed.is_on = True
    assert len([*source]) == 3

    postponed.is_on = False
    iterators = [iterator for *_, iterator in source]

    assert all(isinstance(each, tf.data.Iterator) for each in iterators)
    assert order.state["made"] == 2
    assert made(iterators[0]) is iterators[0]
