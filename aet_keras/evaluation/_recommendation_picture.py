"""How does a recommender look beside its baselines?"""

from typing import Any

from aet_keras.evaluation.recommendation import Recommendation

_COLOURS = ("#0072B2", "#A9D3E8", "#BBBBBB", "#D9D9D9")  # the model's first


def draw_figure(axes: Any, scores: Recommendation, name: str) -> None:
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
