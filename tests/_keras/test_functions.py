import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras._keras import functions

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        return X[:2], Y[:2]


def model():
    made = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    made.compile("sgd", "mse", run_eagerly=True)
    return made


def noted(note, data=(X, Y), also=(), **settings):
    """Fits with functions that call `note` with the model and iterator."""
    made, found = model(), []

    class Wrap(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for name in ("train", "test"):
                own = getattr(made, f"{name}_function") or made._make_function(
                    made.test_step
                )
                wrapped = self.wrap(name, own)
                setattr(made, f"{name}_function", wrapped)

        def wrap(self, name, own):
            def run(iterator):
                found.append((name, note(made, iterator)))
                return own(iterator)

            return run

    settings = {"batch_size": 2, "verbose": 0, "shuffle": False} | settings
    if not isinstance(data, tuple):
        data = (data,)
        del settings["batch_size"]
    made.fit(*data, callbacks=[Wrap(), *also], **settings)
    return found


def test_fits_own_validation_is_known_by_its_iterator():
    class Ask(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.evaluate(X, Y, batch_size=4, verbose=0)

    found = noted(
        functions.own_validation, also=[Ask()], validation_data=(X, Y)
    )

    own, other = [("test", 2)] * 2, [("test", None)]
    assert found == [("train", None)] * 2 + own + other


def test_validation_of_some_steps_is_fits_own():
    found = noted(
        functions.own_validation, validation_data=(X, Y), validation_steps=1
    )

    assert found[-1] == ("test", 1)


def test_another_evaluation_is_not_fits_own():
    made = model()
    iterator = iter(tf.data.Dataset.from_tensors((X, Y)))

    assert functions.own_validation(made, iterator) is None


def test_what_a_batch_came_in_is_not_of_a_fit():
    made, found = model(), []
    made.train_function = lambda iterator: (
        found.append(functions.is_of_fit(iterator)) or {"loss": 0.0}
    )

    made.train_on_batch(X, Y)

    assert found == [False]
    fit = noted(lambda _, iterator: functions.is_of_fit(iterator))
    assert fit == [("train", True)] * 2


def test_each_fit_is_known_by_its_history():
    made = model()

    fits = []
    for _ in range(2):
        made.fit(X, Y, verbose=0)
        fits.append(functions.current_fit(made))

    assert fits[0] is not fits[1]


@pytest.mark.parametrize(
    ("data", "has_queue"),
    [
        (lambda: (X, Y), False),
        (lambda: Pairs(), False),
        (lambda: Pairs(workers=2), True),
        (lambda: tf.data.Dataset.from_tensors((X, Y)), False),
    ],
    ids=["arrays", "a PyDataset", "workers", "a data set"],
)
def test_a_queue_of_workers_is_seen(data, has_queue):
    found = noted(lambda _, iterator: functions.has_queue(iterator), data())

    assert {seen for _, seen in found} == {has_queue}


def test_functions_are_made_as_the_model_makes_them():
    made = model()

    train = functions.make_train_function(made)
    logs = train(iter([(X, Y)]))

    assert made.train_function is None
    assert set(logs) == {"loss"}
    assert made.optimizer.iterations.numpy() == 1
