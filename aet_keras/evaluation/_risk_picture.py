"""How do a risk's calibration and its features look?"""

from aet_keras.evaluation import _text

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#E6E6E6"
_MOST = 12


def draw_calibration(axes, risk, spell) -> None:
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
    positive = _text.cut_middle(spell(risk.positive), 28)
    of = f" of {positive}" if positive else ""
    axes.set_xlabel(f"predicted risk{of}", parse_math=False)
    axes.set_ylabel("observed share")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    title = f"Calibration (ROC AUC {risk.roc_auc:.3f}, Brier {risk.brier:.3f})"
    _style(axes, title)


def draw_features(axes, risk, spell) -> None:
    """Draws what each feature is worth, and how much it is looked at."""
    first = risk.importance[:_MOST][::-1]
    title = f"Features: ROC AUC lost when shuffled{_of_all(risk)}"
    if not first:
        _style(axes, "Features: not measured")
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
        color=_BLUE,
        label="AUC lost",
    )
    if is_seen:
        title += ", and attention"
        axes.barh(
            [place - shift for place in places],
            shares,
            height=height,
            color=_ORANGE,
            label="attention (share)",
        )
    _style(axes, title)
    names = [_text.cut_middle(spell(each.name), 36) for each in first]
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


def _of_all(risk):
    count = len(risk.importance)
    return f" (the first {_MOST} of {count})" if count > _MOST else ""


def _style(axes, title):
    axes.set_title(title, fontsize=11, parse_math=False)
    axes.grid(color=_GREY, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
