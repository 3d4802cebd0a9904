"""How do confusions look: as a matrix, or, of many classes, as a list?"""

from collections.abc import Callable, Sequence
from typing import Any

from aet_keras.evaluation import _lettering, _text
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.mistakes import most_confused

MOST_CLASSES = 40
_INK, _BLUE, _GREY = "#333333", "#0072B2", "#E6E6E6"
_FEW = 12
_SHORT = 14
_LONG, _WIDE = 24, 34
_PAIRS = 20


def draw(
    axes: Any, scores: Classification, spell: Callable[[str], str]
) -> None:
    """Draws what the test rows were taken for.

    Up to 40 classes it is a matrix; of more its cells could not be read, and
    the largest confusions are listed.

    Args:
        axes: of Matplotlib.
        scores: `Classification`.
        spell: function of a text, as `_lettering.lettered` lends it.
    """
    if len(scores.per_class) <= MOST_CLASSES:
        _draw_matrix(axes, scores, spell)
    else:
        _draw_pairs(axes, scores, spell)


def extra_inches(scores: Classification) -> float:
    """Returns how much wider and higher many classes are than few."""
    return 0.14 * max(0, min(len(scores.per_class), MOST_CLASSES) - 20)


def _draw_matrix(axes, scores, spell):
    names = [spell(score.name) for score in scores.per_class]
    count = len(names)
    size = 9 if count <= _FEW else 8 if count <= 20 else 6.5
    image = axes.imshow(_shares(scores), cmap="Blues", vmin=0, vmax=1)
    _write_counts(axes, scores, size if count <= 20 else 5.5)
    style = {"fontsize": size, "parse_math": False}
    lines = 2 if count <= 20 else 1
    if count <= _FEW and max(map(_text.width, names)) <= _SHORT:
        room = count * max(map(_text.width, names))
        turn = {"rotation": 45, "ha": "right"} if room > 40 else {}
        axes.set_xticks(range(count), names, **turn, **style)
        axes.set_yticks(range(count), names, **style)
        axes.set_xlabel("predicted class")
    else:
        rows = [
            _lettering.apart(
                f"{_text.wrapped(name, _LONG, lines=lines)}  ({number})"
            )
            for number, name in enumerate(names, start=1)
        ]
        numbers = [str(number) for number in range(1, count + 1)]
        axes.set_xticks(range(count), numbers, **style)
        axes.set_yticks(range(count), rows, **style)
        axes.set_xlabel("predicted class, numbered as on the left")
    axes.set_ylabel("true class")
    axes.set_title(
        f"Test split: what {scores.count} examples were taken for", fontsize=11
    )
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("colour: share of the true class (row)", fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _write_counts(axes, scores, fontsize):
    """Writes the count into each cell that is not empty."""
    counts, shares = scores.confusion_matrix, _shares(scores)
    cells = range(len(counts))
    for row, column in ((r, c) for r in cells for c in cells if counts[r][c]):
        axes.text(
            column,
            row,
            counts[row][column],
            ha="center",
            va="center",
            fontsize=fontsize,
            color="white" if shares[row][column] > 0.5 else _INK,
        )


def _shares(scores: Classification) -> Sequence[Sequence[float]]:
    return [
        [count / (sum(row) or 1) for count in row]
        for row in scores.confusion_matrix
    ]


def _draw_pairs(axes, scores, spell):
    pairs = most_confused(scores, most=_PAIRS)
    total = len(scores.per_class)
    wrong = round(scores.count * (1 - scores.accuracy))
    axes.spines[["top", "right"]].set_visible(False)
    if not pairs:
        axes.set_title(f"Test split: no confusions of {total} classes")
        axes.set_axis_off()
        return
    names = [
        "\n\N{RIGHTWARDS ARROW} ".join(
            _lettering.apart(_text.cut_middle(spell(name), _WIDE))
            for name in (pair.true, pair.predicted)
        )
        for pair in pairs
    ]
    places = range(len(pairs))
    bars = axes.barh(places, [p.count for p in pairs], color=_BLUE, height=0.6)
    labels = [
        f"{p.count} of {round(p.count / p.share)} ({p.share:.0%})"
        for p in pairs
    ]
    axes.bar_label(bars, labels, padding=3, fontsize=8)
    axes.set_yticks(places, names, fontsize=7, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.margins(x=0.35, y=0.02)
    axes.set_title(
        f"Test split: the {len(pairs)} largest confusions of {total} classes\n"
        f"(true class \N{RIGHTWARDS ARROW} what it was called; {wrong} of "
        f"{scores.count} examples are wrong)",
        fontsize=11,
    )
    axes.set_xlabel("examples (share of the true class)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="x", color=_GREY, linewidth=0.8)
    axes.set_axisbelow(True)
