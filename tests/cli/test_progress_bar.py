"""Does a person see how far slow work is, wherever the output goes?"""

import io
import sys

import pytest

from aet_keras._progress import Step, listening, report
from aet_keras.cli._display import ProgressBar, duration


class Terminal(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """Returns a function of (second, step) pairs to what is printed."""

    def run(timed, stream):
        times = iter([0.0, *(second for second, _ in timed)])
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        bar = ProgressBar(clock=lambda: next(times))
        try:
            for _, step in timed:
                bar(step)
        finally:
            bar.close()
        return stream.getvalue()

    return run


def test_plain_lines_come_now_and_then_with_what_is_left(shown):
    timed = [
        (second, Step("reading images", second, total=30))
        for second in range(1, 31)
    ]

    text = shown(timed, io.StringIO())

    first, *rest = text.splitlines()
    assert first == "reading images, 5 of 30, 20 s left"  # 4 s for 5
    assert len(rest) == 5
    assert "\x1b" not in text and "\r" not in text


def test_what_is_done_soon_prints_no_line(shown):
    timed = [(1, Step("reading")), (2, Step("building the model"))]

    assert shown(timed, io.StringIO()) == ""


def test_a_trial_says_which_the_epoch_the_best_and_the_time_left(shown):
    step = Step(
        "trial 2 of 3",
        4,
        total=20,
        unit="epoch",
        note="val_accuracy 0.8100, best so far 0.8400",
        ratio=0.4,
    )

    (line,) = shown([(60, step)], io.StringIO()).splitlines()

    assert line == (
        "trial 2 of 3, epoch 4 of 20, val_accuracy 0.8100, best so far "
        "0.8400, at most 1 min 30 s left"
    )


def test_a_terminal_has_a_bar_that_goes(shown):
    text = shown([(1, Step("reading images", 3, total=4))], Terminal())

    assert "reading images, 3 of 4" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0


def test_another_bar_shows_the_step_while_it_has_the_terminal(monkeypatch):
    stream, seen = Terminal(), []
    monkeypatch.setattr(sys, "stderr", stream)
    bar = ProgressBar()

    bar.hand_over(seen.append)
    bar(Step("solving the head"))

    assert seen == ["solving the head"]
    assert stream.getvalue() == ""


def test_steps_reach_nobody_but_who_listens():
    seen = []

    report("before")
    with listening(seen.append):
        report("inside", 1, total=2)
    report("after")

    assert seen == [Step("inside", 1, total=2)]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "0 s"),
        (59.6, "1 min 00 s"),
        (90, "1 min 30 s"),
        (3900, "1 h 05 min"),
    ],
)
def test_a_duration_is_said_as_a_person_says_it(seconds, said):
    assert duration(seconds) == said
