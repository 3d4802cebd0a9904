"""Does a person see how far a run is, wherever the output goes?"""

import io
import re
import sys

import pytest

from aet_keras._progress import Step
from aet_keras.cli._display import ProgressBar, display

LOGS = {
    "loss": 0.5,
    "accuracy": 0.75,
    "val_loss": 0.25,
    "val_accuracy": 1.0,
    "adaptive_learning_rate/rate": 1e-3,
    "elastic_freezing/trained_groups": 2.0,
}


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self):
        return True


def shown(monkeypatch, stream, logs=LOGS):
    """Returns what two batches of one epoch print to a stream."""
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    with display(epochs=3, quiet=False) as (lines,):
        lines.set_params({"steps": 2, "epochs": 3})
        lines.on_train_begin()
        lines.on_epoch_begin(0)
        lines.on_train_batch_end(0, {"loss": 0.9})
        lines.on_train_batch_end(1, {"loss": 0.5})
        lines.on_epoch_end(0, logs)
    return stream.getvalue()


def test_plain_lines_where_there_is_no_terminal(monkeypatch):
    text = shown(monkeypatch, io.StringIO())

    header, line = text.splitlines()
    assert header.split()[:3] == ["epoch", "loss", "accuracy"]
    assert line.split()[:7] == [
        *("1/3", "0.5000", "0.7500", "0.2500", "1.0000", "1.0e-03", "head+2")
    ]
    assert "\x1b" not in text


def test_the_columns_stand_below_their_names(monkeypatch):
    header, line = shown(monkeypatch, io.StringIO()).splitlines()

    ends = [found.end() for found in re.finditer(r"\S+", header)]
    assert [found.end() for found in re.finditer(r"\S+", line)][1:] == ends[1:]
    assert len(header) <= 80


def test_a_bar_in_a_terminal_and_the_line_stays(monkeypatch):
    text = shown(monkeypatch, Terminal())

    assert "━" in text and "2/2" in text
    assert "0.7500" in text.splitlines()[-1]


def test_what_an_epoch_does_beside_training_stays_in_its_bar(monkeypatch):
    stream, bar = Terminal(), ProgressBar(is_terminal=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")

    with display(epochs=3, quiet=False, bar=bar) as (lines,):
        lines.set_params({"steps": 2, "epochs": 3})
        lines.on_epoch_begin(0)
        bar(Step("recording"))
        lines.on_train_batch_end(1, {"loss": 0.5})
        lines.on_epoch_end(0, LOGS)

    assert "loss 0.5000, recording" in stream.getvalue()


@pytest.mark.parametrize("loss", [1e4, 8.7e32, float("nan"), float("inf")])
def test_a_loss_that_explodes_stays_in_its_column(monkeypatch, loss):
    stream = io.StringIO()

    header, line = shown(
        monkeypatch, stream, {**LOGS, "loss": loss}
    ).splitlines()

    assert len(line) == len(header)
    assert float(line.split()[1]) == pytest.approx(loss, nan_ok=True)


def test_the_cursor_comes_back_after_an_interrupted_epoch(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("TERM", "xterm")

    with pytest.raises(KeyboardInterrupt):
        with display(epochs=3, quiet=False) as (lines,):
            lines.set_params({"steps": 2})
            lines.on_epoch_begin(0)
            raise KeyboardInterrupt

    hidden, back = "\x1b[?25l", "\x1b[?25h"
    assert stream.getvalue().rfind(back) > stream.getvalue().rfind(hidden) >= 0


def test_quiet_shows_nothing_at_all(tiny, photos, fit, out, unserved):
    result = fit(photos, "--epochs", 1, "--quiet")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert (out / "1" / "saved_model.pb").exists()


def test_what_is_measured_beside_the_loss_is_shown(monkeypatch):
    logs = {"loss": 2.0, "rating_rmse": 1.25, "val_loss": 3.0}
    logs["val_rating_rmse"] = 1.5

    header, line = shown(monkeypatch, io.StringIO(), logs).splitlines()

    assert header.split()[1:5] == [
        *("loss", "rating_rmse", "val_loss", "val_rating_rmse")
    ]
    assert line.split()[1:5] == ["2.0000", "1.2500", "3.0000", "1.5000"]
