"""Draws confusions, risk and rating scores as panels."""

from collections.abc import Callable, Sequence
from typing import Any

from aet_keras.evaluation import chart_fonts, printed_text
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.mistakes import most_confused
from aet_keras.evaluation.rating_scores import Recommendation
from aet_keras.evaluation.tag_scores import Tagging

MOST_CLASSES = 40
_MOST = 12
_FEW = 12
_SHORT = 14
_LONG, _WIDE = 24, 34
_PAIRS = 20
_MOST_TAGS = 25


def draw_confusions(
    axes: Any, scores: Classification, spell: Callable[[str], str]
) -> None:
    """Draws which classes were predicted for the test rows.

    Up to 40 classes are drawn as a matrix; of more, the largest confusions
    are listed.

    Args:
        axes: of Matplotlib.
        scores: `Classification`.
        spell: function of a text, as `chart_fonts.lettered` lends it.
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
    if count <= _FEW and max(map(printed_text.width, names)) <= _SHORT:
        letters = count * max(map(printed_text.width, names))
        turn = {"rotation": 45, "ha": "right"} if letters > 40 else {}
        axes.set_xticks(range(count), names, **turn, **style)
        axes.set_yticks(range(count), names, **style)
        axes.set_xlabel("predicted class")
    else:
        rows = [
            chart_fonts.apart(
                f"{printed_text.wrapped(name, _LONG, lines=lines)}  ({number})"
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
            color="white" if shares[row][column] > 0.5 else chart_fonts.INK,
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
    if not pairs:
        axes.set_title(f"Test split: no confusions of {total} classes")
        axes.set_axis_off()
        return
    names = [
        "\n\N{RIGHTWARDS ARROW} ".join(
            chart_fonts.apart(printed_text.cut_middle(spell(name), _WIDE))
            for name in (pair.true, pair.predicted)
        )
        for pair in pairs
    ]
    places = range(len(pairs))
    bars = axes.barh(
        places, [p.count for p in pairs], color=chart_fonts.BLUE, height=0.6
    )
    labels = [pair.share_text for pair in pairs]
    axes.bar_label(bars, labels, padding=3, fontsize=8)
    axes.set_yticks(places, names, fontsize=7, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.margins(x=0.35, y=0.02)
    title = (
        f"Test split: the {len(pairs)} largest confusions of {total} classes\n"
        f"(true class \N{RIGHTWARDS ARROW} what it was called; {wrong} of "
        f"{scores.count} examples are wrong)"
    )
    chart_fonts.style(axes, title, axis="x")
    axes.set_xlabel("examples (share of the true class)")
    axes.xaxis.get_major_locator().set_params(integer=True)


def draw_calibration(axes, risk, spell) -> None:
    """Draws observed over predicted risk, and the line of equality."""
    bins = risk.calibration
    axes.plot([0, 1], [0, 1], "--", color=chart_fonts.DIM, linewidth=1)
    axes.plot(
        [each.predicted for each in bins],
        [each.observed for each in bins],
        "o-",
        color=chart_fonts.BLUE,
        ms=4,
    )
    if risk.threshold is not None:
        axes.axvline(risk.threshold, color=chart_fonts.ORANGE, linewidth=1.2)
    positive = printed_text.cut_middle(spell(risk.positive), 28)
    of = f" of {positive}" if positive else ""
    axes.set_xlabel(f"predicted risk{of}", parse_math=False)
    axes.set_ylabel("observed share")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    title = f"Calibration (ROC AUC {risk.roc_auc:.3f}, Brier {risk.brier:.3f})"
    chart_fonts.style(axes, title)


def draw_features(axes, importance, spell, *, figure="ROC AUC lost") -> None:
    """Draws the importance of each feature, and its attention.

    Args:
        axes: of Matplotlib.
        importance: tuple of `FeatureImportance`.
        spell: function of a text, as `chart_fonts.lettered` lends it.
        figure: str. What is lost or gained when a column is shuffled.
    """
    first = importance[:_MOST][::-1]
    title = f"Features: {figure} when shuffled{_of_all(importance)}"
    if not first:
        chart_fonts.style(axes, "Features: not measured")
        axes.set_axis_off()
        return
    places = range(len(first))
    shares = [each.attention for each in first]
    is_seen = None not in shares
    # A bar alone stands at its tick; two share it.
    height, shift = (0.38, 0.2) if is_seen else (0.6, 0.0)
    axes.barh(
        [place + shift for place in places],
        [each.permutation for each in first],
        height=height,
        color=chart_fonts.BLUE,
        label=figure.removeprefix("ROC "),
    )
    if is_seen:
        title += ", and attention"
        axes.barh(
            [place - shift for place in places],
            shares,
            height=height,
            color=chart_fonts.ORANGE,
            label="attention (share)",
        )
    chart_fonts.style(axes, title)
    names = [printed_text.cut_middle(spell(each.name), 36) for each in first]
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.legend(
        ncols=2,
        frameon=False,
        fontsize=9,
        loc="upper right",
        bbox_to_anchor=(1.0, -0.08),
    )


def _of_all(importance):
    count = len(importance)
    return f" (the first {_MOST} of {count})" if count > _MOST else ""


def draw_numbers(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    """Draws predicted numbers over true ones, and the line of equality.

    Args:
        axes: of Matplotlib.
        points: pairs of a true number and the predicted one.
    """
    true, predicted = zip(*points, strict=True)
    ends = [min(*true, *predicted), max(*true, *predicted)]
    axes.plot(ends, ends, "--", color=chart_fonts.DIM, linewidth=1)
    axes.plot(true, predicted, "o", color=chart_fonts.BLUE, ms=4, alpha=0.6)
    chart_fonts.style(axes, "Test: predicted over true (dashed: equal)")
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")


def draw_residuals(axes: Any, points: Sequence[tuple[float, float]]) -> None:
    """Draws by how much predictions are too high or too low.

    Args:
        axes: of Matplotlib.
        points: pairs of a true number and the predicted one.
    """
    predicted = [each for _, each in points]
    residuals = [each - true for true, each in points]
    axes.axhline(0, linestyle="--", color=chart_fonts.DIM, linewidth=1)
    axes.plot(
        predicted, residuals, "o", color=chart_fonts.ORANGE, ms=4, alpha=0.6
    )
    chart_fonts.style(axes, "Test: residuals (predicted less true)")
    axes.set_xlabel("predicted")
    axes.set_ylabel("residual")


def draw_tags(axes: Any, scores: Tagging, spell: Any) -> None:
    """Draws F1 and average precision of each tag, and their thresholds.

    Args:
        axes: of Matplotlib.
        scores: `Tagging`. Of more than 25 tags those of the lowest F1.
        spell: function of a text, as `chart_fonts.lettered` lends it.
    """
    met = [each for each in scores.per_tag if each.count]
    first = sorted(met, key=lambda each: each.f1 or 0.0)[:_MOST_TAGS]
    places = range(len(first))
    for key, shift, colour, label in (
        ("f1", 0.2, chart_fonts.BLUE, "F1"),
        ("average_precision", -0.2, "#A9D3E8", "average precision"),
    ):
        axes.barh(
            [place + shift for place in places],
            [getattr(each, key) for each in first],
            height=0.38,
            color=colour,
            label=label,
        )
    axes.plot(
        [each.threshold for each in first],
        places,
        "|",
        color=chart_fonts.ORANGE,
        ms=14,
        mew=2,
        label="threshold",
    )
    few = (
        f" (the lowest {_MOST_TAGS} of {len(met)})"
        if len(met) > _MOST_TAGS
        else ""
    )
    chart_fonts.style(axes, f"Test: each tag{few}")
    names = [
        f"{printed_text.cut_middle(spell(each.name), 28)} ({each.count})"
        for each in first
    ]
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, 1)
    axes.legend(
        ncols=3,
        frameon=False,
        fontsize=9,
        loc="upper right",
        bbox_to_anchor=(1.0, -0.05),
    )


_COLOURS = ("#0072B2", "#A9D3E8", "#BBBBBB", "#D9D9D9")  # the model's first


def draw_rating_scores(axes: Any, scores: Recommendation, name: str) -> None:
    """Draws a bar for the model and one for each baseline.

    Args:
        axes: of Matplotlib.
        scores: `Recommendation`.
        name: str. Which figure: `"rmse"`, `"hit_rate"` or `"ndcg"`.
    """
    rows = {"model": scores, **scores.baselines}
    values = {who: getattr(row, name) for who, row in rows.items()}
    values = {who: each for who, each in values.items() if each is not None}
    names = list(values)
    colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(names))]
    bars = axes.barh(names, list(values.values()), color=colours)
    axes.bar_label(bars, fmt="%.4f", padding=3, fontsize=9)
    axes.invert_yaxis()  # the model on top
    axes.margins(x=0.25)
    axes.set_title(_TITLES[name].format(scores.k), fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


_TITLES = {
    "rmse": "Test: RMSE, lower is better",
    "hit_rate": "Test: hit rate at {}",
    "ndcg": "Test: NDCG at {}",
}
