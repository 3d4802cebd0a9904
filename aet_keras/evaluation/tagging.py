"""Measures predicted tags against true ones, beside baselines."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aet_keras._optional import optional
from aet_keras._wording import counted, quoted
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.risk import FeatureImportance

_OWNER = "measure_tags"
_LEAST = 1e-7  # Keras's own, so that losses can be compared
_SHUFFLES = 200
_MOST_NAME, _MOST_TAGS, _FEATURES = 32, 40, 10


@dataclasses.dataclass(frozen=True)
class TagScore:
    """Holds the scores of one tag; `None` where the split has none of it.

    Args:
        name: str. The tag.
        precision: float or None. Share of the rows said to have it that do.
        recall: float or None. Share of the rows that have it that are found.
        f1: float or None. Harmonic mean of the two.
        average_precision: float or None. Mean of the precision over the rows
            that have it, in the order of their probabilities.
        threshold: float. From which probability on a row is said to have it.
        count: int. How many rows have it.

    Example:

    >>> aet_keras.evaluation.tagging.TagScore(
    ...     "wool", 1.0, 0.5, 2 / 3, 0.9, 0.4, 8
    ... ).recall
    0.5
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None
    threshold: float
    count: int


@dataclasses.dataclass(frozen=True)
class TagFigures:
    """Holds the figures of one way to predict tags.

    Args:
        macro_f1: float. Mean F1 of the tags that the split has.
        micro_f1: float. F1 of all pairs of a row and a tag.
        mean_average_precision: float. Mean over the same tags.

    Example:

    >>> aet_keras.evaluation.tagging.TagFigures(0.4, 0.5, 0.6).micro_f1
    0.5
    """

    macro_f1: float
    micro_f1: float
    mean_average_precision: float


@dataclasses.dataclass(frozen=True)
class Tagging:
    """Holds how well tags are predicted on one split, beside baselines.

    `measure_tags` makes it.

    Args:
        macro_f1: float. See `TagFigures`.
        micro_f1: float. Likewise.
        mean_average_precision: float. Likewise.
        loss: float. Mean binary cross-entropy of rows and tags, in nats.
        exact: float. Share of the rows whose tags are all right.
        per_tag: tuple of `TagScore`, in the order of the columns.
        count: int. How many rows were measured.
        baselines: dict of name to `TagFigures`.
        gains: dict of the same names to a dict of `"macro_f1"` and
            `"mean_average_precision"` to a pair: by how much the model's is
            higher, and the standard error of that, of rows drawn anew.
        importance: tuple of `FeatureImportance`: how much mean average
            precision is lost when a column is shuffled; empty where it was
            not asked for.

    Example: see `measure_tags`.

    >>> scores = aet_keras.evaluation.tagging.measure_tags(
    ...     [[1, 0], [0, 1]], [[0.9, 0.2], [0.1, 0.8]], names=["red", "wool"]
    ... )
    >>> scores.macro_f1, scores.exact
    (1.0, 1.0)
    """

    macro_f1: float
    micro_f1: float
    mean_average_precision: float
    loss: float
    exact: float
    per_tag: tuple[TagScore, ...]
    count: int
    baselines: Mapping[str, TagFigures] = dataclasses.field(
        default_factory=dict
    )
    gains: Mapping[str, Mapping[str, tuple[float, float]]] = dataclasses.field(
        default_factory=dict
    )
    importance: tuple[FeatureImportance, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as a dict of plain lists and numbers."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Tagging":
        """Returns the record that `to_json` wrote down."""
        read = {
            "per_tag": tuple(TagScore(**each) for each in content["per_tag"]),
            "baselines": {
                name: TagFigures(**each)
                for name, each in content["baselines"].items()
            },
            "gains": {
                name: {key: tuple(pair) for key, pair in each.items()}
                for name, each in content["gains"].items()
            },
            "importance": tuple(
                FeatureImportance(**each) for each in content["importance"]
            ),
        }
        return cls(**{**content, **read})

    def to_line(self) -> str:
        """Returns the first figures in one line."""
        return (
            f"macro F1 {self.macro_f1:.4f}   micro F1 {self.micro_f1:.4f}   "
            f"mean AP {self.mean_average_precision:.4f}   "
            f"({counted(self.count, 'example')})"
        )

    def to_text(self) -> str:
        """Returns figures, baselines and tags, for 80 columns."""
        own = TagFigures(
            self.macro_f1, self.micro_f1, self.mean_average_precision
        )
        rows = {"model": own, **self.baselines}
        names = max(map(len, rows))
        lines = [
            f"{counted(self.count, 'example')}, of which {self.exact:.1%} have "
            f"all tags right; loss {self.loss:.4f}",
            f"{'':<{names}}  macro F1  micro F1  mean AP",
        ]
        lines += [
            f"{name:<{names}}  {row.macro_f1:>8.4f}  {row.micro_f1:>8.4f}  "
            f"{row.mean_average_precision:>7.4f}"
            for name, row in rows.items()
        ]
        return "\n".join([*lines, "", *self._tags(), *self._features()])

    def _tags(self):
        rows = self.per_tag
        names = printed_text.widest([row.name for row in rows], most=_MOST_NAME)
        names = max(names, len("tag"))
        head = f"{'tag':<{names}}  precision  recall      F1      AP"
        if len(rows) > _MOST_TAGS:
            yield f"The {_MOST_TAGS} lowest F1 of {len(rows)} tags"
            present = [row for row in rows if row.count]
            rows = sorted(present, key=lambda row: row.f1)[:_MOST_TAGS]
        yield f"{head}  threshold   count"
        for row in rows:
            precision, recall, f1, ap = (
                "-" if value is None else f"{value:.3f}"
                for value in (
                    row.precision,
                    row.recall,
                    row.f1,
                    row.average_precision,
                )
            )
            yield (
                f"{printed_text.fit(row.name, names)}  {precision:>9}  "
                f"{recall:>6}  {f1:>6}  {ap:>6}  {row.threshold:>9.3f}  "
                f"{row.count:>6}"
            )

    def _features(self):
        if not self.importance:
            return
        first = self.importance[:_FEATURES]
        names = printed_text.widest([f.name for f in first], most=40)
        names = max(names, len("feature"))
        yield ""
        yield f"{'feature':<{names}}  mean AP lost when shuffled  attention"
        for each in first:
            seen = "-" if each.attention is None else f"{each.attention:.3f}"
            name = printed_text.fit(each.name, names)
            yield f"{name}  {each.permutation:>26.4f}  {seen:>9}"


@dataclasses.dataclass(frozen=True, eq=False)
class TagAnswers:
    """Holds what a baseline says of rows.

    Args:
        probabilities: floats `(rows, tags)`, or `(tags,)` for all rows.
        thresholds: float, or floats `(tags,)`.
    """

    probabilities: Any
    thresholds: Any = 0.5


def measure_tags(
    labels: Any,
    probabilities: Any,
    *,
    names: Sequence[str],
    thresholds: Any = 0.5,
    baselines: Mapping[str, TagAnswers] | None = None,
    importance: Sequence[FeatureImportance] = (),
) -> Tagging:
    """Measures predicted probabilities of tags against the true tags.

    Precision, recall and F1 are those of rows whose probability is at least
    the threshold; average precision is scikit-learn's. Means are over the
    tags that the split has. Precision of a tag that is never predicted is 0.

    Args:
        labels: 0 or 1, `(rows, tags)`.
        probabilities: floats `(rows, tags)`, each from 0 to 1.
        names: one str a tag.
        thresholds: float, or one a tag. Defaults to `0.5`.
        baselines: optional dict of a name to `TagAnswers`.
        importance: sequence of `FeatureImportance`.

    Returns:
        `Tagging`.

    Raises:
        ValueError: if shapes do not fit, no tag is met, or a value is no
            probability.

    Example:

    >>> from aet_keras.evaluation.tagging import measure_tags
    >>> scores = measure_tags(
    ...     [[1, 0], [1, 1], [0, 1]],
    ...     [[0.9, 0.2], [0.4, 0.7], [0.1, 0.8]],
    ...     names=["red", "wool"],
    ... )
    >>> [each.f1 for each in scores.per_tag], scores.mean_average_precision
    ([0.666..., 1.0], 1.0)
    """
    labels = np.asarray(labels, "float64")
    own = _checked(labels, TagAnswers(probabilities, thresholds), names)
    others = {
        name: _checked(labels, each, names)
        for name, each in (baselines or {}).items()
    }
    figures = _figures(labels, own)
    return Tagging(
        **dataclasses.asdict(figures),
        loss=float(losses_of_tags(own.probabilities, labels).mean()),
        exact=float((_said(own) == labels).all(axis=1).mean()),
        per_tag=tuple(_per_tag(labels, own, names)),
        count=len(labels),
        baselines={name: _figures(labels, o) for name, o in others.items()},
        gains={name: _gains(labels, own, o) for name, o in others.items()},
        importance=tuple(importance),
    )


def losses_of_tags(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the binary cross-entropy of each row, the mean of its tags."""
    clipped = np.clip(probabilities, _LEAST, 1 - _LEAST)
    return -np.where(labels > 0, np.log(clipped), np.log1p(-clipped)).mean(1)


def _checked(labels, answers, names):
    probabilities = np.asarray(answers.probabilities, "float64")
    shape = (len(labels), len(names))
    if labels.shape != shape or not labels.any():
        raise ValueError(
            f"{_OWNER}: `labels` must hold 0 or 1 for each row and tag, and a "
            f"row must have a tag. Received: shape {labels.shape} for "
            f"{len(names)} names, with {int(labels.sum())} tags."
        )
    if probabilities.ndim == 1:  # the same for each row
        probabilities = np.broadcast_to(probabilities, shape)
    is_share = (probabilities >= 0) & (probabilities <= 1)
    if probabilities.shape != shape or not is_share.all():
        raise ValueError(
            f"{_OWNER}: `probabilities` must lie from 0 to 1, one for each row "
            f"and tag. Received: shape {probabilities.shape} for labels "
            f"{labels.shape}. If these are logits, apply a sigmoid."
        )
    thresholds = np.broadcast_to(answers.thresholds, len(names))
    return TagAnswers(probabilities, thresholds)


def _said(answers):
    return (answers.probabilities >= answers.thresholds).astype("float64")


def _figures(labels, answers):
    is_met = labels.any(axis=0)
    f1 = _f1(labels, _said(answers))
    hits = (labels * _said(answers)).sum()
    micro = 2 * hits / max(labels.sum() + _said(answers).sum(), 1)
    ap = mean_average_precision(labels, answers.probabilities)
    return TagFigures(float(f1[is_met].mean()), float(micro), ap)


def mean_average_precision(labels: Any, probabilities: Any) -> float:
    """Returns the mean of average precision over the tags that are met."""
    metrics = optional("sklearn.metrics", extra="training")

    labels = np.asarray(labels)
    ap = [
        metrics.average_precision_score(true, shares)
        for true, shares in zip(labels.T, probabilities.T, strict=True)
        if true.any()
    ]
    return float(np.mean(ap))


def _f1(labels, said, weights=None):
    """Returns the F1 of each tag; with weights `(draws, rows)`, of each."""
    weights = np.ones((1, len(labels))) if weights is None else weights
    hits = weights @ (labels * said)
    total = weights @ labels + weights @ said
    found = 2 * hits / np.maximum(total, 1)  # (draws, tags)
    return found[0] if len(found) == 1 else found


def _per_tag(labels, answers, names):
    metrics = optional("sklearn.metrics", extra="training")

    said, f1 = _said(answers), _f1(labels, _said(answers))
    for tag, name in enumerate(names):
        true, called = labels[:, tag], said[:, tag]
        hits, count = float(true @ called), int(true.sum())
        scores: list[float | None] = [None] * 4
        if count:
            scores = [
                hits / max(called.sum(), 1),
                hits / count,
                float(f1[tag]),
                float(
                    metrics.average_precision_score(
                        true, answers.probabilities[:, tag]
                    )
                ),
            ]
        yield TagScore(
            str(name), *scores, float(answers.thresholds[tag]), count
        )


def _gains(labels, own, other):
    """Returns how much higher figures are, and how sure that is.

    Rows are drawn anew, with repetition, as often as there are rows: the
    spread of the difference over such draws is its standard error.
    """
    random = np.random.default_rng(0)
    count = len(labels)
    weights = random.multinomial(count, np.full(count, 1 / count), _SHUFFLES)
    is_met = labels.any(axis=0)
    mine, theirs = _figures(labels, own), _figures(labels, other)
    gains = {}
    for key, drawn in (
        ("macro_f1", _drawn_f1),
        ("mean_average_precision", _drawn_ap),
    ):
        spread = drawn(labels, own, weights) - drawn(labels, other, weights)
        error = spread[:, is_met].mean(axis=1).std()
        gain = getattr(mine, key) - getattr(theirs, key)
        gains[key] = float(gain), float(error)
    return gains


def _drawn_f1(labels, answers, weights):
    return _f1(labels, _said(answers), weights)


def _drawn_ap(labels, answers, weights):
    """Returns the average precision of each draw and tag."""
    found = []
    for true, probabilities in zip(
        labels.T, answers.probabilities.T, strict=True
    ):
        order = np.argsort(-probabilities, kind="stable")
        _, ends = np.unique(-probabilities[order], return_index=True)
        ends = np.append(ends[1:], len(order)) - 1  # equal ones count at once
        drawn = weights[:, order]
        hits = np.cumsum(drawn * true[order], axis=1)[:, ends]
        called = np.cumsum(drawn, axis=1)[:, ends]
        new = np.diff(hits, axis=1, prepend=0)
        precision = hits / np.maximum(called, 1)
        found.append((new * precision).sum(1) / np.maximum(hits[:, -1], 1))
    return np.stack(found, axis=1)


def never_found(scores: Tagging) -> str:
    """Says which tags no row is rightly said to have; `""` if none."""
    missed = [each for each in scores.per_tag if each.count and not each.recall]
    if not missed:
        return ""
    names = quoted(printed_text.cut_middle(each.name, 24) for each in missed)
    return f"No row is found to have {names}."
