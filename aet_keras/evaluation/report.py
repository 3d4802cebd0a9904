"""Holds what a run did and how good its result is."""

import os
import textwrap
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from aet_keras import _files
from aet_keras.evaluation import printed_text
from aet_keras.evaluation.baseline import (
    Baseline,
    compare_with_baselines,
    figure_text,
)
from aet_keras.evaluation.by_group import ByGroup
from aet_keras.evaluation.classification import Classification
from aet_keras.evaluation.covered import Coverage
from aet_keras.evaluation.earlier_model import EarlierModel
from aet_keras.evaluation.forgetting import Forgetting
from aet_keras.evaluation.judgement import judge
from aet_keras.evaluation.mistakes import (
    Mistake,
    mistakes_text,
    most_confused,
    wrong_tags_text,
)
from aet_keras.evaluation.parts import Parts
from aet_keras.evaluation.rating_scores import Recommendation
from aet_keras.evaluation.regression import Miss, Regression, misses_text
from aet_keras.evaluation.risk import Risk
from aet_keras.evaluation.robustness import Robustness
from aet_keras.evaluation.tag_scores import Tagging

Scores = Classification | Recommendation | Regression | Tagging

# Of the figures of the test split, all but these are given twice.
_NOT_LIFTED = {
    "baselines",
    "calibration",
    "cost",
    "cost_at_half",
    "count",
    "gains",
    "importance",
    "k",
    "points",
    "positive",
}
# What reports of earlier versions do not have.
_NOT_IN_OLDER = (
    "coverage",
    "earlier",
    "kind",
    "old_task",
    "parts",
    "risk",
    "solved_head",
    "stress",
    "train_count",
)


@dataclass(frozen=True)
class Report:
    """Holds a run measured: how it went, and how good its result is.

    `to_json` gives the figures of the test split twice, under `"test"` and at
    the top, where a script that wants only `"accuracy"` finds it. It adds
    `"baselines"`, the same figures without a model, `"verdict"`, which says
    where the model is not better than those, and `"most_confused"`.

    Args:
        name: str. What the run is called.
        created: str. When it ended, in ISO 8601.
        test: `Classification` of the kept weights on the test split, or
            `Regression` of numbers, `Tagging` of tags, or `Recommendation`.
        validation: the same on the validation split, or `None`.
        history: what Keras's `History` holds: one list of floats a log key,
            one float an epoch.
        rates: the learning rate of each epoch.
        group_names: the groups of the model, stem to head.
        trained_groups: one tuple an epoch, of one bool a group: did it move?
        events: one line a freeze or thaw: epoch, what, why, seconds.
        best_epoch: int. The epoch whose weights were kept, counted from 1;
            0 for the weights that the run began with.
        solved_head: what solving the head brought, or `None`: after which
            epoch, the validation loss before and after, and whether these
            weights are the kept ones: `{"after_epoch": 1, "loss_before": 1.8,
            "loss_after": 0.9, "is_kept": True}`.
        seconds: how long the parts took: `{"training": 61.2, "total": 70.0}`.
        versions: the versions of what ran: `{"keras": "3.15.1"}`.
        notes: sentences for the reader, such as which images were skipped.
        stopped: str or None. Why the run ended before its last epoch.
        old_task: `Forgetting` of what the model knew before, or `None`.
        risk: `Risk` of table rows of the test split, or `None`; its figures
            are at the top of `to_json`, too.
        mistakes: tuple of `Mistake`, or of numbers `Miss`: the test rows that
            are most wrong.
        kind: str or None. What a row is: `"image"`, `"text"`, `"table"`,
            `"rating"` or `"item"`.
        coverage: `Coverage` of sets or intervals on test rows, or `None`.
        groups: tuple of `ByGroup`, the figures of test rows by a column.
        train_count: int or None. How many rows there were to learn from.
        stress: `Robustness` of test images that were corrupted, or `None`.
        parts: `Parts`, what each part of items decides, or `None`.
        earlier: `EarlierModel`, what the one that the run began with answers
            on the test rows, or `None`.

    Raises:
        ValueError: if an epoch of `trained_groups` has not one bool a group.

    Example:

    >>> test = aet_keras.evaluation.measure_classification(
    ...     [0, 1], [[0.9, 0.1], [0.2, 0.8]], class_names=["hat", "shoe"]
    ... )
    >>> report = aet_keras.evaluation.Report(
    ...     "clothes", "2026-01-31T12:00:00", test, history={"loss": [0.7]}
    ... )
    >>> report.to_json()["test"]["accuracy"]
    1.0
    """

    name: str
    created: str
    test: Scores
    validation: Scores | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    group_names: tuple[str, ...] = ()
    trained_groups: list[tuple[bool, ...]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    best_epoch: int = 0
    solved_head: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stopped: str | None = None
    old_task: Forgetting | None = None
    risk: Risk | None = None
    mistakes: tuple[Mistake | Miss, ...] = ()
    kind: str | None = None
    coverage: Coverage | None = None
    groups: tuple[ByGroup, ...] = ()
    train_count: int | None = None
    stress: Robustness | None = None
    parts: Parts | None = None
    earlier: EarlierModel | None = None

    def __post_init__(self):
        for epoch, row in enumerate(self.trained_groups, start=1):
            if len(row) != len(self.group_names):
                raise ValueError(
                    "Report: `trained_groups` must hold one bool a group in "
                    f"each epoch. Received: {len(row)} bools in epoch {epoch} "
                    f"for {len(self.group_names)} group names."
                )

    @property
    def epochs(self) -> int:
        """How many epochs the run trained."""
        rows = [len(each) for each in self.history.values()]
        return max(*rows, len(self.rates), len(self.trained_groups))

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """The figures of the test split, compared with baselines."""
        return compare_with_baselines(self.test, self.risk)

    @property
    def verdict(self) -> str:
        """Where the model is not better than its baselines, in words."""
        return judge(self.test, self.risk)

    def to_json(self) -> dict[str, Any]:
        """Returns a dict that JSON can hold; NaN and infinities are `None`."""
        content = asdict(self)
        lifted = _lifted(content["test"]) | _lifted(content["risk"] or {})
        lifted["baselines"] = [asdict(each) for each in self.baselines]
        lifted["verdict"] = self.verdict or None
        if isinstance(self.test, Classification):
            pairs = most_confused(self.test)
            lifted["most_confused"] = [asdict(each) for each in pairs]
        return _files.plain({**content, **lifted})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Report":
        """Returns the report that `to_json` wrote down; `None` reads as NaN."""
        older = dict.fromkeys(_NOT_IN_OLDER)
        older |= {"mistakes": [], "groups": []}
        content = {**older, **content}
        known = {item.name: content[item.name] for item in fields(cls)}
        history, validation = known["history"], known["validation"]
        old_task = known["old_task"]
        covered = known["coverage"]
        known |= {
            "earlier": known["earlier"]
            and EarlierModel.from_json(known["earlier"]),
            "parts": known["parts"] and Parts.from_json(known["parts"]),
            "stress": known["stress"] and Robustness.from_json(known["stress"]),
            "groups": tuple(map(ByGroup.from_json, known["groups"])),
            "coverage": covered and Coverage.from_json(covered),
            "test": _scores(known["test"]),
            "validation": validation and _scores(validation),
            "history": {key: _floats(row) for key, row in history.items()},
            "rates": _floats(known["rates"]),
            "group_names": tuple(known["group_names"]),
            "trained_groups": [tuple(row) for row in known["trained_groups"]],
            "notes": tuple(known["notes"]),
            "old_task": old_task and Forgetting.from_json(old_task),
            "risk": known["risk"] and Risk.from_json(known["risk"]),
            "mistakes": tuple(map(_mistake, known["mistakes"])),
        }
        return cls(**known)

    def save(self, path: str | os.PathLike) -> Path:
        """Writes the report as JSON, whole or not at all; returns the path."""
        return _files.write_whole(path, _files.json_bytes(self.to_json()))

    def to_text(self) -> str:
        """Returns a printed summary of the run, for 80 columns."""
        parts = [
            _title(self),
            _headline(self),
            f"test\n{self.test.to_text()}",
            self.risk and f"risk\n{self.risk.to_text()}",
            *(f"by {e.column}\n{e.to_text()}" for e in self.groups),
            self.parts and f"parts\n{self.parts.to_text()}",
            self.stress and f"under stress\n{self.stress.to_text()}",
            self.coverage and f"coverage\n{self.coverage.to_text()}",
            self.earlier and f"earlier model\n{self.earlier.to_text()}",
            _validation(self),
            self.old_task and f"old task\n{self.old_task.to_text()}",
            _mistakes(self),
            _list("freezes and thaws", self.events),
            _list("notes", self.notes),
            _seconds(self),
        ]
        return "\n\n".join(part for part in parts if part)


def _lifted(figures):
    return {k: v for k, v in figures.items() if k not in _NOT_LIFTED}


def _scores(content):
    """Returns a record of the kind that alone has a figure."""
    if "hit_rate" in content:
        return Recommendation.from_json(content)
    if "micro_f1" in content:
        return Tagging.from_json(content)
    kind = Regression if "r2" in content else Classification
    return kind.from_json(content)


def _mistake(row):
    return Mistake(**row) if "probability" in row else Miss(**row)


def _floats(values):
    return [float("nan") if value is None else value for value in values]


def _title(report):
    count = report.epochs
    kept = f"epoch {report.best_epoch}" if report.best_epoch else "the start"
    if (report.solved_head or {}).get("is_kept"):
        kept += ", with the head solved after it,"
    lines = [
        f"{printed_text.cut(report.name, 50)}   {report.created}",
        f"{count} epoch{'s' * (count != 1)}, weights of {kept} kept",
    ]
    if report.stopped:
        lines += textwrap.wrap(
            f"Ended early: {report.stopped}", printed_text.COLUMNS
        )
    return "\n".join(lines)


def _headline(report):
    """Returns the figures, their baselines and the verdict."""
    rows = report.baselines
    lines = []
    if rows:
        names = max(len(each.figure) for each in rows)
        lines.append(f"{'on the test split':<{names}}   model  without a model")
    for each in rows:
        what = each.name + ("" if each.is_better else "; not better")
        lines.append(
            f"{each.figure:<{max(names, 17)}}  {figure_text(each.value)}  "
            f"{figure_text(each.baseline)}, {what}"
        )
    if report.verdict:
        lines += ["", *textwrap.wrap(report.verdict, printed_text.COLUMNS)]
    return "\n".join(lines)


def _mistakes(report):
    if isinstance(report.test, Regression):
        lines = ["most wrong", *misses_text(report.mistakes)]
    elif isinstance(report.test, Tagging):
        lines = ["most wrong", *wrong_tags_text(report.mistakes)]
    elif isinstance(report.test, Classification):
        lines = ["most confused", *mistakes_text(report.test, report.mistakes)]
    else:
        return ""
    return "\n".join(lines) if len(lines) > 1 else ""


def _validation(report):
    scores = report.validation
    if scores is None:
        return ""
    return f"validation\n{scores.to_line()}"


def _list(title, lines):
    if not lines:
        return ""
    wrapped = (
        textwrap.fill(line, printed_text.COLUMNS, subsequent_indent="    ")
        for line in lines
    )
    return "\n".join([title, *wrapped])


def _seconds(report):
    if not report.seconds:
        return ""
    parts = [f"{key} {value:.1f}" for key, value in report.seconds.items()]
    return textwrap.fill("seconds   " + "   ".join(parts), printed_text.COLUMNS)
