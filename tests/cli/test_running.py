"""Does whatever goes wrong end in one sentence and the right exit code?"""

import contextlib
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from aet_keras.cli import main
from aet_keras.cli._running import (
    keeping_on_unread,
    one_sentence,
    quiet_start,
)
from aet_keras.errors import DataError, ExportError, TrainingError


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("photos: no images."), 1, "photos: no images."),
        (ExportError("It differs."), 1, "It differs."),
        (TrainingError("Stopped: why."), 1, "Stopped: why."),
        (ValueError("Recipe: `epochs` is 0."), 2, "Recipe: `epochs` is 0."),
        (TypeError("Recipe: `seed` is 1.5."), 2, "Recipe: `seed` is 1.5."),
        (KeyboardInterrupt(), 1, "Interrupted, before there was anything"),
    ],
    ids=["data", "export", "training", "value", "kind", "Ctrl-C"],
)
def test_an_error_of_ours_is_its_own_sentence(error, code, said, capsys):
    with pytest.raises(SystemExit) as ended, one_sentence(debug=False):
        raise error

    printed = capsys.readouterr().err
    assert ended.value.code == code
    assert printed.startswith(f"aet-keras: {said}")
    assert "--debug" not in printed


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("It broke.\n\nat node 17\n"), "RuntimeError: It broke."),
        (ValueError("no more room"), "ValueError: no more room"),
        (KeyError("loss"), "KeyError: 'loss'"),
        (MemoryError(), "MemoryError"),
    ],
    ids=["many lines", "a value", "a key", "no words"],
)
def test_an_unexpected_error_is_one_line_and_advice(error, said, capsys):
    with pytest.raises(SystemExit) as ended, one_sentence(debug=False):
        raise error

    assert ended.value.code == 1
    advice = " (`--debug` shows where.)"
    assert capsys.readouterr().err == f"aet-keras: {said}{advice}\n"


def test_debug_lets_the_traceback_through(capsys):
    with pytest.raises(RuntimeError, match="It broke"):
        with one_sentence(debug=True):
            raise RuntimeError("It broke")

    assert capsys.readouterr().err == ""


PRINTS = """
import aet_keras_command
aet_keras_command.is_starting = True
from aet_keras.cli._running import one_sentence
with one_sentence(debug=False):
    for number in range(10**6):
        print(number)
"""


def test_a_reader_that_has_read_enough_ends_it_quietly():
    with subprocess.Popen(
        [sys.executable, "-c", PRINTS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.stdout.close()  # as `head -1` does
        said = process.stderr.read()

    assert (process.returncode, said) == (1, b"")


def test_what_goes_well_is_left_alone(capsys):
    with one_sentence(debug=False):
        pass

    assert capsys.readouterr().err == ""


def test_long_work_goes_on_where_its_output_is_closed(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)  # as `head` does when it has its lines
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        with one_sentence(debug=False), keeping_on_unread():
            click.echo("12 images")
            Console().print("1/3 0.5000")
            is_over = True
        monkeypatch.undo()

    assert is_over
    said = capsys.readouterr().err
    assert said.count("Nobody reads the output any more") == 1


def test_output_that_is_read_is_printed(capsys):
    with keeping_on_unread():
        click.echo("12 images")
        Console().print("1/3 0.5000")

    assert capsys.readouterr() == ("12 images\n1/3 0.5000\n", "")


@pytest.mark.parametrize("command", ["fit", "tune"])
def test_training_goes_on_unheard(command, monkeypatch, tmp_path):
    heard = []

    @contextlib.contextmanager
    def unheard():
        heard.append(command)
        yield

    monkeypatch.setattr("aet_keras.cli._running.keeping_on_unread", unheard)
    arguments = [command, "lost", "--out", str(tmp_path / "out")]
    CliRunner().invoke(main, arguments)

    assert heard == [command]


def test_what_libraries_say_while_they_load_is_held_back(capfd):
    with quiet_start():
        os.write(2, b"a library loads")
    os.write(2, b"after")

    assert capfd.readouterr().err == "after"


def test_a_start_that_fails_says_what_it_held_back(capfd):
    with pytest.raises(ImportError), quiet_start():
        os.write(2, b"a library is missing")
        raise ImportError

    assert capfd.readouterr().err == "a library is missing"
