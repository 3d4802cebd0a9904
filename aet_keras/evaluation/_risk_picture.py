"""How do a risk's calibration and its features look?"""

from aet_keras.evaluation import _text

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#E6E6E6"
_MOST = 12


def draw_calibration(axes, risk) -> None:
    """Draws what was so over what was said, and the line where they agree."""
    bins = risk.calibration
    axes.plot([0, 1], [0, 1], "--", color="#767676", linewidth=1)
    axes.plot(
        [each.predicted for each in bins],
        [each.observed for each in bins],
        "o-",
        color=_BLUE,
        ms=4,
    )
    if risk.threshold is not None:
        axes.axvline(risk.threshold, color=_ORANGE, linewidth=1.2)
    of = f" of {_text.cut(risk.positive, 18)}" if risk.positive else ""
    axes.set_xlabel(f"predicted risk{of}", parse_math=False)
    axes.set_ylabel("observed share")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    title = f"Calibration (ROC AUC {risk.roc_auc:.3f}, Brier {risk.brier:.3f})"
    _style(axes, title)


def draw_features(axes, risk) -> None:
    """Draws what each feature is worth, and how much it is looked at."""
    first = risk.importance[:_MOST][::-1]
    _style(axes, "Features: ROC AUC lost when shuffled, and attention")
    if not first:
        axes.set_axis_off()
        return
    places = range(len(first))
    names = [_text.cut(each.name, 28) for each in first]
    axes.barh(
        [place + 0.2 for place in places],
        [each.permutation for each in first],
        height=0.38,
        color=_BLUE,
        label="AUC lost",
    )
    shares = [each.attention for each in first]
    if None not in shares:
        axes.barh(
            [place - 0.2 for place in places],
            shares,
            height=0.38,
            color=_ORANGE,
            label="attention",
        )
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _style(axes, title):
    axes.set_title(title, fontsize=11, parse_math=False)
    axes.grid(color=_GREY, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
