"""Trials of a search: the values of each, and its outcome."""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aet_keras import _files
from aet_keras.evaluation import chart_fonts
from aet_keras.policies.stall import is_higher_better

OUTCOME = "outcome.json"


@dataclasses.dataclass(frozen=True)
class Trial:
    """Holds one set of values that was tried, and its outcome.

    Args:
        number: int >= 1. In the order in which trials were begun.
        values: dict from names of the space to what was chosen.
        figures: dict from str to float: the logs of the kept epoch; empty if
            the trial failed.
        error: optional str. What it failed with, in one sentence.
        traceback: optional str. Where it failed.
        worker: str. Which process ran it.
        begun: float. Seconds since 1970.
        seconds: float. What it took.

    Example:

    >>> from aet_keras.tuning.trials import Trial
    >>> trial = Trial(
    ...     1, {"thaw": "ThawAll", "ThawAll/rate_ratio": 0.5, "dropout": 0.0},
    ...     {"val_accuracy": 0.9},
    ... )
    >>> trial.to_text()
    'thaw ThawAll (rate_ratio 0.5), dropout 0'
    """

    number: int
    values: Mapping[str, Any]
    figures: Mapping[str, float] = dataclasses.field(default_factory=dict)
    error: str | None = None
    traceback: str | None = None
    worker: str = "tuner0"
    begun: float = 0.0
    seconds: float = 0.0

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Trial":
        """Reads the file of the process that ran it.

        Raises:
            ValueError: if the file is damaged.
        """
        try:
            return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(damaged(path, error)) from error

    @property
    def settings(self) -> dict[str, Any]:
        """The values, without those that KerasTuner adds for itself."""
        kept = {k: v for k, v in self.values.items() if k[:6] != "tuner/"}
        if "tuner/epochs" in self.values:
            kept["epochs"] = self.values["tuner/epochs"]
        return kept

    def to_text(self) -> str:
        """Returns the values on one line, numbers behind their policy."""
        plain = {k: v for k, v in self.settings.items() if "/" not in k}
        nested = {k: v for k, v in self.settings.items() if "/" in k}
        parts = []
        for name, value in plain.items():
            own = [
                f"{key.partition('/')[2]} {_short(number)}"
                for key, number in nested.items()
                if key.partition("/")[0] == value
            ]
            inside = f" ({', '.join(own)})" if own else ""
            parts.append(f"{name} {_short(value)}{inside}")
        return ", ".join(parts)


@dataclasses.dataclass(frozen=True)
class Search:
    """Holds the trials of a search that have ended.

    Args:
        trials: tuple of `Trial`, in the order in which they were begun.
        objective: str. The figure that they are judged by.

    Example:

    >>> from aet_keras.tuning.trials import Trial
    >>> trials = [
    ...     Trial(i + 1, {"dropout": i / 10}, {"val_loss": x})
    ...     for i, x in enumerate((0.5, 0.4, 0.6))
    ... ]
    >>> search = aet_keras.tuning.trials.Search(tuple(trials), "val_loss")
    >>> search.best.number, search.scores
    (2, (0.5, 0.4, 0.6))
    """

    trials: tuple[Trial, ...]
    objective: str = "val_accuracy"

    @classmethod
    def read(cls, folder: str | os.PathLike, objective: str) -> "Search":
        """Reads the outcomes in the folder of a search."""
        paths = Path(folder).glob(f"trial_*/{OUTCOME}")
        trials = sorted(map(Trial.load, paths), key=lambda t: t.number)
        return cls(tuple(trials), objective)

    @property
    def scores(self) -> tuple[float | None, ...]:
        """The objective of each trial, `None` where it failed."""
        return tuple(t.figures.get(self.objective) for t in self.trials)

    @property
    def best(self) -> Trial | None:
        """The best trial; of equal ones that with the lower `val_loss`.

        `None` if all have failed.
        """
        first = self.ranked[:1]
        return first[0] if first and first[0].error is None else None

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials, the best first and the failed last."""
        return tuple(sorted(self.trials, key=self._rank))

    @property
    def best_so_far(self) -> tuple[float | None, ...]:
        """The best objective up to each trial."""
        key, best, found = self._key(), None, []
        for score in self.scores:
            if score is not None and (best is None or key(score) > key(best)):
                best = score
            found.append(best)
        return tuple(found)

    def save_csv(self, path: str | os.PathLike) -> Path:
        """Writes a line a trial; returns the path."""
        names = list(dict.fromkeys(k for t in self.trials for k in t.settings))
        columns = ["trial", self.objective, "seconds", "worker", "error"]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*columns, *names])
        for trial, score in zip(self.trials, self.scores, strict=True):
            own = [trial.number, score, round(trial.seconds, 2), trial.worker]
            values = [trial.settings.get(name) for name in names]
            writer.writerow([*own, trial.error, *values])
        return _files.write_whole(path, text.getvalue().encode())

    def draw(self, path: str | os.PathLike) -> Path:
        """Draws the objective of each trial, and the best so far, as a PNG."""
        return _files.write_whole(path, _png(self))

    def _rank(self, trial):
        """Returns a sort key that is lower for a better trial."""
        score = trial.figures.get(self.objective)
        if score is None:
            return (1,)
        # Accuracies on few images have many equals.
        return 0, -self._key()(score), trial.figures.get("val_loss") or 0.0

    def _key(self) -> Callable[[float], float]:
        sign = 1 if is_higher_better(self.objective) else -1
        return lambda score: sign * score


def damaged(path: str | os.PathLike, error: Exception) -> str:
    """Returns the error message of a file that cannot be read."""
    reason = str(error).partition("\n")[0][:200]
    return (
        "search: the files of a search must be as they were written, because "
        f"its trials would be lost. Received: {path}, which cannot be read: "
        f"{reason}. Bring it back from a copy, or name another folder."
    )


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _png(search) -> bytes:
    """Returns the chart of a `Search`, as a PNG: objectives over trials."""
    figure = chart_fonts.new_figure(8, 5, layout="constrained")
    axes = figure.add_subplot()
    _draw(axes, search)
    chart_fonts.style(axes, _title(search))
    chart_fonts.count_on_x(axes, "trial", most=12)
    axes.set_ylabel(search.objective)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9, loc="best")
    return chart_fonts.png_of(figure)


def _draw(axes, search):
    rows = zip(search.trials, search.scores, search.best_so_far, strict=True)
    rows = [(trial.number, score, best) for trial, score, best in rows]
    ended = [(number, score) for number, score, _ in rows if score is not None]
    so_far = [(number, best) for number, _, best in rows if best is not None]
    failed = [number for number, score, _ in rows if score is None]
    if so_far:
        axes.step(
            *zip(*so_far, strict=True),
            where="post",
            color=chart_fonts.ORANGE,
            linewidth=2,
            label="best so far",
        )
    if ended:
        axes.plot(
            *zip(*ended, strict=True),
            "o",
            color=chart_fonts.BLUE,
            ms=6,
            label="a trial",
        )
    if failed:
        axes.plot(
            failed,
            [0.02] * len(failed),
            "x",
            color="#555555",
            label="failed",
            transform=axes.get_xaxis_transform(),
        )
    last = max((number for number, *_ in rows), default=1)
    axes.set_xlim(0.5, last + 0.5)


def _title(search):
    best = search.best
    if best is None:
        return "No trial has ended well"
    score = best.figures[search.objective]
    return f"Best {search.objective}: {score:.4f}, trial {best.number}"
