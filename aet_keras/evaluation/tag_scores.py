"""Holds the figures of predicted tags, and shows them to a person."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from aet_keras._wording import counted, quoted
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.features import (
    FeatureImportance,
    feature_lines,
    read_features,
)

_MOST_NAME, _MOST_TAGS = 32, 40


@dataclasses.dataclass(frozen=True)
class TagScore:
    """Holds the scores of one tag.

    They are `None` if no row of the split has the tag.

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

    >>> aet_keras.evaluation.tag_scores.TagScore(
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

    >>> aet_keras.evaluation.tag_scores.TagFigures(0.4, 0.5, 0.6).micro_f1
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
            "importance": read_features(content["importance"]),
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
        cost = "mean AP lost"
        table = feature_lines(self.importance, cost, "{:.4f}".format)
        return "\n".join([*lines, "", *self._tags(), *table])

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


def never_found(scores: Tagging) -> str:
    """Says which tags no row is rightly said to have; `""` if none."""
    missed = [each for each in scores.per_tag if each.count and not each.recall]
    if not missed:
        return ""
    names = quoted(printed_text.cut_middle(each.name, 24) for each in missed)
    return f"No row is found to have {names}."
