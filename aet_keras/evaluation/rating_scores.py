"""Measures predicted ratings and the ranks of rated items."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras._wording import counted
from aet_keras.evaluation.intervals import mean_and_error


@dataclasses.dataclass(frozen=True)
class RatingScore:
    """Holds the three figures of one way to recommend.

    Args:
        rmse: float or None. Root of the mean squared error of the ratings.
        hit_rate: float or None. Share of held-out ratings whose item is among
            the first k.
        ndcg: float or None. Mean of 1 / log2(1 + rank) of those items, 0
            beyond k: the best rank, 1, gives 1.

    Example:

    >>> aet_keras.evaluation.rating_scores.RatingScore(1.2, 0.1, 0.05).hit_rate
    0.1
    """

    rmse: float | None
    hit_rate: float | None
    ndcg: float | None


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """Holds how well a recommender did on one split, beside baselines.

    `measure_recommendation` makes it.

    Args:
        rmse: float or None. See `RatingScore`.
        hit_rate: float. Likewise.
        ndcg: float. Likewise.
        k: int. How many items are looked at.
        count: int. How many ratings were measured.
        baselines: dict of name to `RatingScore`.
        gains: dict of the same names to the gain of the model on each, row by
            row: `"rmse"`, by how much squared errors are lower, and `"ndcg"`.
            Each is a pair: the mean, and its standard error.

    Example: see `measure_recommendation`.

    >>> aet_keras.evaluation.rating_scores.Recommendation(
    ...     1.2, 0.1, 0.05, k=10, count=3
    ... ).to_json()["rmse"]
    1.2
    """

    rmse: float | None
    hit_rate: float
    ndcg: float
    k: int
    count: int
    baselines: Mapping[str, RatingScore] = dataclasses.field(
        default_factory=dict
    )
    gains: Mapping[str, Mapping[str, tuple[float, float]]] = dataclasses.field(
        default_factory=dict
    )

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Recommendation":
        """Returns the record that `to_json` wrote down."""
        baselines = {
            name: RatingScore(**score)
            for name, score in content["baselines"].items()
        }
        gains = {
            name: {key: tuple(pair) for key, pair in each.items()}
            for name, each in content.get("gains", {}).items()
        }
        return cls(**{**content, "baselines": baselines, "gains": gains})

    def to_line(self) -> str:
        """Returns the figures of `to_text`: one line would be too long."""
        return self.to_text()

    def to_text(self) -> str:
        """Returns a table of the model and its baselines, for 80 columns."""
        own = RatingScore(self.rmse, self.hit_rate, self.ndcg)
        rows = {"model": own, **self.baselines}
        names = max(map(len, rows))
        at = f"@{self.k}"
        head = f"{'':<{names}}    RMSE  {'hits' + at:>8}  {'NDCG' + at:>8}"
        what = "rating" if self.rmse is not None else "interaction"
        lines = [counted(self.count, what), head]
        for name, score in rows.items():
            cells = (score.rmse, score.hit_rate, score.ndcg)
            rmse, *others = ("-" if c is None else f"{c:.4f}" for c in cells)
            ranks = "  ".join(f"{cell:>8}" for cell in others)
            lines.append(f"{name:<{names}}  {rmse:>6}  {ranks}")
        return "\n".join(lines)


def measure_recommendation(
    ratings: Any,
    predicted: Any,
    ranks: Any,
    *,
    k: int = 10,
    baselines: Mapping[str, tuple[Any, Any]] | None = None,
) -> Recommendation:
    """Measures predicted ratings, and the ranks of rated items.

    Args:
        ratings: floats `(count,)`. The true ones.
        predicted: floats `(count,)`; `None` of interactions.
        ranks: ints `(count,)`. How many items are ranked above the rated
            one, other items that its user rated left out; see `rank_items`.
        k: int >= 1. How many items a user is shown. Defaults to `10`.
        baselines: optional dict of a name to a pair of `predicted` and
            `ranks`, either of them `None` if a baseline does not predict it.

    Returns:
        `Recommendation`.

    Raises:
        ValueError: if there are no ratings, the lengths differ, or a
            prediction is not finite.

    Example:

    >>> result = aet_keras.evaluation.measure_recommendation(
    ...     [4, 2], [3, 2], [0, 12], baselines={"popularity": (None, [2, 30])}
    ... )
    >>> result.hit_rate, result.ndcg, result.baselines["popularity"].ndcg
    (0.5, 0.5, 0.25)
    """
    owner = "measure_recommendation"
    check.positive_int(owner, k=k)
    ratings = np.asarray(ratings, "float64")
    pairs = {"": (predicted, ranks), **(baselines or {})}
    scores = {
        name: _score(owner, ratings, *pair, k) for name, pair in pairs.items()
    }
    own = scores.pop("")
    assert own.hit_rate is not None and own.ndcg is not None
    return Recommendation(
        rmse=own.rmse,
        hit_rate=own.hit_rate,
        ndcg=own.ndcg,
        k=k,
        count=len(ratings),
        baselines=scores,
        gains={
            name: _gains(ratings, (predicted, ranks), pair, k)
            for name, pair in pairs.items()
            if name
        },
    )


def rank_items(
    scores: np.ndarray, items: Any, rated: list[np.ndarray]
) -> np.ndarray:
    """Returns how many items are ranked above one, for each row.

    Of items with equal scores, half count as above: a model that scores all
    items the same gains nothing by it. An item whose score is NaN is last.

    Args:
        scores: float array `(rows, items)`. Higher is better.
        items: ints `(rows,)`. The columns whose ranks are wanted; -1, an item
            that is unknown, is ranked last.
        rated: list of int arrays, one a row: the columns that are not shown.
            The item itself may be among them.

    Returns:
        Int array `(rows,)`, 0 for the best.

    Example:

    >>> scores = np.array([[0.9, 0.5, 0.7]])
    >>> from aet_keras.evaluation.rating_scores import rank_items
    >>> rank_items(scores, [1], [np.array([0])])
    array([1])
    """
    items = np.asarray(items)
    ranks = np.full(len(items), scores.shape[1])
    for row in np.flatnonzero(items >= 0):
        own = scores[row, items[row]]
        shown = np.ones(scores.shape[1], bool)
        shown[rated[row]] = False
        shown[items[row]] = False
        others = scores[row, shown]
        # What is not lower is above: NaN is neither, and earns no rank.
        ties = int((others == own).sum())
        above = len(others) - int((others < own).sum()) - ties
        ranks[row] = above + ties // 2
    return ranks


def _score(owner, ratings, predicted, ranks, k):
    rmse = hit_rate = ndcg = None
    for name, values in (("predicted", predicted), ("ranks", ranks)):
        if values is not None and np.shape(values) != (len(ratings),):
            raise ValueError(
                f"{owner}: `{name}` must hold one number a rating. Received: "
                f"shape {np.shape(values)} for {len(ratings)} ratings."
            )
    if not len(ratings):
        raise ValueError(f"{owner}: there must be a rating. Received: none.")
    if predicted is not None:
        error = np.asarray(predicted, "float64") - ratings
        rmse = float(np.sqrt(np.mean(error**2)))
        if not np.isfinite(rmse):
            raise ValueError(
                f"{owner}: `predicted` must be finite. Received: NaN or "
                "infinity. Train with a lower rate."
            )
    if ranks is not None:
        hit_rate = float((np.asarray(ranks) < k).mean())
        ndcg = float(discounted(ranks, k).mean())
    return RatingScore(rmse, hit_rate, ndcg)


def discounted(ranks: np.ndarray, k: int) -> np.ndarray:
    """Returns 1 / log2(2 + rank) of each rank from 0 on; 0 from `k` on."""
    ranks = np.asarray(ranks)
    return np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)


def _gains(ratings, own, other, k):
    """Returns mean and error of the gains on a baseline, row by row."""
    found = {}
    if own[0] is not None and other[0] is not None:
        errors = [
            np.asarray(p, "float64") - ratings for p in (own[0], other[0])
        ]
        found["rmse"] = mean_and_error(errors[1] ** 2 - errors[0] ** 2)
    if own[1] is not None and other[1] is not None:
        gain = discounted(own[1], k) - discounted(other[1], k)
        found["ndcg"] = mean_and_error(gain)
    return found
