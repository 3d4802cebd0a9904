"""Does Keras's bar leave out what it is told to, and nothing else?"""

import image_models
import keras
import pytest

from aet_keras._keras import progress_bar


class Logs(keras.callbacks.Callback):
    """Logs two figures; the bar is to leave one of them out."""

    def on_train_begin(self, logs=None):
        for _ in range(2):  # a second callback may ask for the same
            progress_bar.leave_out(self.model, {"long/name"})

    def on_epoch_end(self, epoch, logs=None):
        logs["long/name"], logs["short"] = 0.25, 0.5


class Sees(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.keys = list(logs)


def fit(*callbacks, verbose=1):
    model = image_models.linear_classifier()
    x, y = image_models.noise_images()
    return model.fit(x, y, verbose=verbose, callbacks=list(callbacks))


def test_the_bar_leaves_a_figure_out_and_all_others_get_it(capsys):
    sees = Sees()

    history = fit(Logs(), sees)

    printed = capsys.readouterr().out
    assert "short: 0.5000" in printed and "long/name" not in printed
    assert "loss: " in printed
    assert history.history["long/name"] == [0.25]
    assert "long/name" in sees.keys


def test_plain_lines_have_every_figure(capsys):
    fit(Logs(), verbose=2)

    assert "long/name: 0.2500" in capsys.readouterr().out


def test_a_bar_of_the_users_own_is_left_alone(capsys):
    class Bar(keras.callbacks.ProgbarLogger):
        pass

    fit(Logs(), Bar())

    assert "long/name: 0.2500" in capsys.readouterr().out


@pytest.mark.parametrize("fits", [1, 2])
def test_a_bar_that_is_used_again_prints_each_figure_once(fits, capsys):
    bar = keras.callbacks.ProgbarLogger()

    for _ in range(fits):
        fit(Logs(), bar)

    assert capsys.readouterr().out.count("short: 0.5000") == fits
