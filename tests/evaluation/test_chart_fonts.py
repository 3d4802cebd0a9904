"""Is every name drawn with letters, in any script, without a warning?"""

import logging

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from aet_keras import evaluation
from aet_keras.evaluation import chart_fonts, printed_text, score_charts

NAMES = ["帽子", "قبعة", "👩‍🔬 emoji 😀", "Straße", "a\nb", "שלום", "नमस्ते"]


@pytest.fixture
def only_the_usual(monkeypatch):
    """Takes all fonts away but those of Matplotlib."""
    own = [
        entry
        for entry in font_manager.fontManager.ttflist
        if "mpl-data" in entry.fname
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    chart_fonts._installed.cache_clear()
    chart_fonts._families.cache_clear()
    yield
    chart_fonts._installed.cache_clear()
    chart_fonts._families.cache_clear()


def drawn(names, scores=None):
    """Draws a matrix; returns the words in it and the names as spelt."""
    labels = np.arange(len(names))
    scores = evaluation.measure_classification(
        labels, np.eye(len(names)), class_names=names
    )
    figure = Figure()
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    with chart_fonts.lettered(names) as spell:
        score_charts.draw_confusions(axes, scores, spell)
        figure.canvas.draw()
        return axes, [*map(spell, names)]


def test_letters_of_no_font_are_spelt_and_nothing_is_warned_of(
    only_the_usual, caplog
):
    with caplog.at_level(logging.WARNING):
        axes, spelt = drawn(NAMES)

    assert spelt[0] == r"\u5e3d\u5b50"
    assert spelt[3] == "Straße"
    assert spelt[2].endswith(" emoji 😀")  # Matplotlib's own font has this one
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows[0] == r"\u5e3d\u5b50  (1)"
    assert not caplog.records


def test_an_installed_font_that_has_the_letters_is_found(only_the_usual):
    usual, other = (
        chart_fonts._characters(font_manager.findfont(name))
        for name in ("DejaVu Sans", "STIXGeneral")
    )
    strange = min(c for c in other - usual if c.isprintable())

    with chart_fonts.lettered([f"a{strange}"]) as spell:
        assert spell(f"a{strange}") == f"a{strange}"
        first, second = matplotlib.rcParams["font.family"]

    assert first == "DejaVu Sans"
    path = font_manager.findfont(second)
    assert strange in chart_fonts._characters(path)


def test_long_names_keep_both_ends_and_their_number():
    names = [f"the_long_name_of_a_thing_that_was_seen_{x}" for x in "abc"]

    axes, _ = drawn(names)

    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows[1].startswith("the_long_name") and rows[1].endswith(
        "seen_b  (2)"
    )
    assert max(len(line) for line in rows[1].split("\n")) <= 29
    assert [t.get_text() for t in axes.get_xticklabels()] == ["1", "2", "3"]


def test_a_number_stays_on_the_right_of_a_name_from_right_to_left():
    assert chart_fonts.apart("hat  1") == "hat  1"
    assert chart_fonts.apart("قبعة  4") == "\u200eقبعة  \u200e4\u200e"


def test_texts_are_wrapped_where_they_can_be():
    said = printed_text.wrapped("one-two three", 8, lines=2)

    assert said == "one-two\nthree"
    assert printed_text.cut_middle("abcdefghij", 5) == "ab…ij"
    assert (
        printed_text.cut_middle("帽子帽子帽子", 7) == "帽…帽子"
    )  # two columns each
