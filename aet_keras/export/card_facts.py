"""Reads what a version's files say of it, for its card."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aet_keras import _regular_file
from aet_keras.evaluation.baseline import is_small
from aet_keras.evaluation.intervals import sizes_of_draws, wilson

_DRAWS = 1000
_MOST_CLASSES = 200  # of more, intervals by drawing again take seconds
_FILES = ("recipe.json", "report.json", "manifest.json", "adaptation.json")


@dataclasses.dataclass(frozen=True)
class Facts:
    """Holds what is known of a version; what is not known is empty.

    Args:
        name: str. What the model is called.
        directory: path of the version.
        recipe: content of `recipe.json`.
        report: content of `report.json`.
        manifest: content of `manifest.json`.
        adaptation: content of `adaptation.json`.
        splits: dict of a split to how many rows it has.
    """

    name: str
    directory: Path
    recipe: Mapping[str, Any]
    report: Mapping[str, Any]
    manifest: Mapping[str, Any]
    adaptation: Mapping[str, Any]
    splits: Mapping[str, int]

    @property
    def kind(self) -> str:
        """What a row is, `""` where it is not known."""
        return self.recipe.get("kind") or self.manifest.get("kind") or ""

    @property
    def test(self) -> Mapping[str, Any]:
        """The figures of the test split."""
        return self.report.get("test") or {}

    @property
    def task(self) -> str:
        """What a model hub calls the task."""
        is_number = "r2" in self.test
        ending = "regression" if is_number else "classification"
        if is_number and self.kind != "table":
            return "other"  # hubs have no word for it
        return {
            "image": "image-classification",
            "text": "text-classification",
            "table": f"tabular-{ending}",
        }.get(self.kind, "other")

    def sizes(self) -> dict[str, int]:
        """Returns the bytes of each file but the card's own."""
        files = [each for each in self.directory.rglob("*") if each.is_file()]
        return {
            str(each.relative_to(self.directory)): each.stat().st_size
            for each in sorted(files)
            if each.name not in ("card.html", "card.md", "manifest.json")
        }


def read_facts(directory: Path, name: str) -> Facts:
    """Reads a version; a file that is not there says nothing.

    Args:
        directory: path of the version.
        name: str. What the model is called.
    """
    found = {}
    for file in _FILES:
        path = directory / file
        is_there = not _regular_file.why_not(path)
        content = path.read_text(encoding="utf-8") if is_there else "{}"
        found[file.removesuffix(".json")] = json.loads(content)
    report = found["report"]
    counts = {"train": report.get("train_count")}
    for split in ("validation", "test"):
        counts[split] = (report.get(split) or {}).get("count")
    known = {split: count for split, count in counts.items() if count}
    return Facts(name=name, directory=directory, splits=known, **found)


@dataclasses.dataclass(frozen=True)
class Measured:
    """Holds a figure of the test rows.

    Args:
        name: str.
        value: float or None.
        ends: optional pair, its 95 % interval.
        baseline: str. The same figure without the model, in words.
    """

    name: str
    value: float | None
    ends: tuple[float, float] | None = None
    baseline: str = ""


def measured(facts: Facts) -> list[Measured]:
    """Returns all figures of the test rows that are known."""
    test, risk = facts.test, facts.report.get("risk") or {}
    found = _figures_of(test)
    counts = _counts_of(risk, test)
    for key, name in _OF_RISK.items():
        if risk.get(key) is not None:
            ends = _ends_of(key, risk)
            if ends is None and key in counts:
                count = counts[key]
                ends = wilson(round(risk[key] * count), count)
            found.append(Measured(name, risk[key], ends))
    besides: dict[str, list[str]] = {}
    for each in facts.report.get("baselines") or ():
        value = each["baseline"]
        shown = "unknown" if value is None else shown_number(value)
        besides.setdefault(each["figure"], []).append(
            f"{shown}, {each['name']}"
            + ("" if each["is_better"] else " (not shown to be better)")
        )
    names = {"balanced accuracy": "macro recall"}
    by_name = {names.get(k, k): "; ".join(v) for k, v in besides.items()}
    return [
        dataclasses.replace(each, baseline=by_name.get(each.name, ""))
        for each in found
    ]


# As `evaluation.baseline` calls them, so that both stand in one row.
_NAMES = {
    "exact": "all tags right",
    "macro_f1": "macro F1",
    "mean_average_precision": "mean AP",
    "micro_f1": "micro F1",
    "ndcg": "NDCG",
    "rmse": "RMSE",
}
_OF_RISK = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "cost": "mean cost",
}


def _counts_of(risk, test):
    """Returns how many rows two shares are of."""
    rows = {e["name"]: e["count"] for e in test.get("per_class") or ()}
    positive = rows.get(risk.get("positive"))
    if not positive:
        return {}
    others = sum(rows.values()) - positive
    return {"sensitivity": positive, "specificity": others}


def _ends_of(key, risk):
    low, high = risk.get(f"{key}_low"), risk.get(f"{key}_high")
    return None if low is None or high is None else (low, high)


def _figures_of(test):
    if "confusion_matrix" in test:
        return _of_classes(test)
    if "r2" in test:
        return _of_numbers(test)
    return [
        Measured(_NAMES.get(name, name.replace("_", " ")), value)
        for name, value in test.items()
        if isinstance(value, int | float) and name not in ("count", "k")
    ]


def _of_classes(test):
    matrix = np.array(test["confusion_matrix"])
    right, count = int(np.trace(matrix)), int(matrix.sum())
    macro = {}
    if len(matrix) <= _MOST_CLASSES:
        macro = _drawn_again(matrix)
    return [
        Measured("accuracy", test["accuracy"], wilson(right, count)),
        *(
            Measured(f"macro {name}", test[f"macro_{key}"], macro.get(key))
            for key, name in (
                ("precision", "precision"),
                ("recall", "recall"),
                ("f1", "F1"),
            )
        ),
        Measured("cross-entropy", test["loss"]),
    ]


def _drawn_again(matrix):
    """Returns intervals of macro figures of rows that are drawn again."""
    random = np.random.default_rng(0)
    count, shape = int(matrix.sum()), matrix.shape
    found = []
    for size in sizes_of_draws(matrix.size):
        drawn = random.multinomial(count, matrix.ravel() / count, size)
        drawn = drawn.reshape(size, *shape)
        right = drawn.diagonal(axis1=1, axis2=2)  # (draws, classes)
        true, called = drawn.sum(axis=2), drawn.sum(axis=1)
        figures = [
            right / np.maximum(called, 1),
            right / np.maximum(true, 1),
            2 * right / np.maximum(true + called, 1),
        ]
        found.append([_mean_where(true > 0, each) for each in figures])
    names = "precision", "recall", "f1"
    values = np.concatenate(found, axis=1)
    return {k: _middle(v) for k, v in zip(names, values, strict=True)}


def _mean_where(is_there, figures):
    return (figures * is_there).sum(axis=1) / is_there.sum(axis=1)


def _of_numbers(test):
    """Returns the figures of numbers.

    A report keeps some of many rows: figures of these scatter more, around
    figures of their own.
    """
    points = np.array(test.get("points") or np.zeros((0, 2)))
    ends: dict[str, tuple[float, float]] = {}
    if len(points) > 2:
        random = np.random.default_rng(0)
        drawn = points[random.integers(0, len(points), (_DRAWS, len(points)))]
        own, found = map(_drawn_numbers, (points[np.newaxis], drawn))
        narrower = math.sqrt(len(points) / max(test["count"], len(points)))
        ends = {
            key: _middle(test[key] + narrower * (found[key] - own[key]))
            for key in own
            if test[key] is not None
        }
    return [
        Measured(name, test[key], ends.get(key))
        for key, name in (("rmse", "RMSE"), ("mae", "MAE"), ("r2", "R2"))
    ]


def _drawn_numbers(drawn):
    """Returns figures of pairs of numbers, `(draws, rows, 2)`."""
    error = drawn[..., 1] - drawn[..., 0]
    squares = (error**2).mean(axis=1)
    varied = np.maximum(drawn[..., 0].var(axis=1), 1e-30)
    return {
        "rmse": np.sqrt(squares),
        "mae": np.abs(error).mean(axis=1),
        "r2": 1 - squares / varied,
    }


def _middle(values):
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def shown_number(value: float | None) -> str:
    """Returns a figure as a person reads it."""
    if value is None:
        return "unknown"
    if is_small(value):
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
