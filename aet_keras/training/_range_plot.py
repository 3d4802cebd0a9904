"""How does a learning-rate range test look?"""

import io
import math

_BLUE, _ORANGE, _GREY = "#0072B2", "#D55E00", "#E6E6E6"  # Okabe and Ito's


def png(found) -> bytes:
    """Returns the picture of a `RateRange`, losses over rates."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)  # never pyplot: it keeps state
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.plot(
        found.rates,
        found.losses,
        ".",
        color=_BLUE,
        alpha=0.45,
        label="loss of one step",
    )
    axes.plot(
        found.rates,
        found.smoothed_losses,
        color=_BLUE,
        linewidth=2,
        label="smoothed",
    )
    if found.suggestion is not None:
        axes.axvline(
            found.suggestion,
            color=_ORANGE,
            linestyle="--",
            label=f"suggestion: {found.suggestion:.3g}",
        )
    axes.set_ylim(*_limits(found.smoothed_losses))
    axes.set_title(found.why, fontsize=10, wrap=True)
    axes.set(xlabel="learning rate (log scale)", ylabel="training loss")
    axes.grid(color=_GREY, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _limits(losses):
    """Shows the way down, and as much of the way up, which may be endless."""
    losses = [loss for loss in losses if math.isfinite(loss)]
    low = min(losses)
    span = max(losses[: losses.index(low) + 1]) - low or abs(low) or 1.0
    return low - 0.15 * span, low + 1.3 * span
