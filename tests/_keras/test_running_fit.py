import image_models
import keras

from aet_keras._keras import running_fit


class Calls(keras.callbacks.Callback):
    """Notes which of its hooks was called, under its name."""

    def __init__(self, name, calls):
        super().__init__()
        self.name, self.calls = name, calls

    def on_train_begin(self, logs=None):
        self.calls.append(f"{self.name} begins")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"{self.name} epoch {epoch}")


class Adds(Calls):
    """Adds a callback that comes last."""

    def on_train_begin(self, logs=None):
        super().on_train_begin()
        listed = running_fit.callbacks_of(self.model)
        last = Calls("last", self.calls)
        running_fit.call_last(self.model, listed, last)


def test_what_is_added_comes_after_all_others_and_begins_too():
    calls = []

    image_models.fit(
        image_models.linear_classifier(),
        Adds("adds", calls),
        Calls("other", calls),
        epochs=1,
    )

    assert calls == [
        "adds begins",
        "other begins",
        "last begins",
        "adds epoch 0",
        "other epoch 0",
        "last epoch 0",
    ]


def test_looking_for_the_callbacks_leaves_the_data_alone():
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            running_fit.callbacks_of(self.model)
            seen.append(getattr(self.model, "_eval_epoch_iterator", None))

    image_models.fit(
        image_models.linear_classifier(),
        Looks(),
        epochs=1,
        validation_data=image_models.noise_images(8),
    )

    assert seen == [None]  # Keras makes it at the first validation


def test_outside_of_fit_there_are_none():
    assert running_fit.callbacks_of(image_models.linear_classifier()) is None
