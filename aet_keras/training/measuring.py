"""Makes the report of a finished run."""

import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from aet_keras import _log_keys as log_keys
from aet_keras import data, evaluation
from aet_keras._optional import versions
from aet_keras.evaluation.mistakes import Mistake
from aet_keras.evaluation.regression import Miss
from aet_keras.training.fine_tune import Run
from aet_keras.training.objectives import objective_of


class Clock:
    """Tells how long each part of a run took, and the whole."""

    def __init__(self):
        self._begin = self._last = time.perf_counter()
        self.seconds = {}

    def lap(self, name: str) -> None:
        """Ends a part: what went by since the last one is its time."""
        now = time.perf_counter()
        self.seconds.pop("total", None)  # the last one stands at the end
        self.seconds = {
            **self.seconds,
            name: now - self._last,
            "total": now - self._begin,
        }
        self._last = now


def predict(model: keras.Model, split: data.Split) -> np.ndarray:
    """Returns what a model says of the images of a split."""
    batches = data.make_batches(split, batch_size=128)
    return model.predict(batches, verbose=0)


def measure(
    run: Run,
    name: str,
    dataset: data.Dataset,
    *,
    predict: Callable[[keras.Model, data.Split], np.ndarray] = predict,
    score: Callable[[keras.Model, data.Split], Any] | None = None,
    baselines: Callable[[data.Split], Mapping[str, Any]] = lambda split: {},
    content: Callable[[int], str] = lambda row: "",
) -> evaluation.Report:
    """Returns the report of a finished run, its times left out.

    Args:
        run: `Run`.
        name: str. What it is called.
        dataset: `data.Dataset`.
        predict: function of model and split that returns probabilities, or
            numbers `(rows, 1)`.
        score: optional function of model and split that returns a record, of
            what has no target, such as ratings.
        baselines: function of a split that returns what other models predict
            of a number, or `TagAnswers` of tags, by their names.
        content: function of a row of test that returns it in words.
    """
    model, history = run.model, run.history
    mistakes: tuple[Mistake | Miss, ...] = ()
    if score is None:
        objective = objective_of(dataset)
        predicted = predict(model, dataset.test)
        mistakes = objective.find_mistakes(
            dataset.test.labels, predicted, dataset, dataset.test.names, content
        )

        held = {id(dataset.test): predicted}
        if run.validation_outputs is not None:
            held[id(dataset.validation)] = run.validation_outputs

        def score(model, split):
            outputs = held.get(id(split))
            if outputs is None:
                outputs = predict(model, split)
            others = baselines(split)
            return objective.score(split.labels, outputs, dataset, others)

    # What groups and cache did, in the order of the epochs.
    events = sorted([*run.events, *run.cache_events], key=lambda each: each[0])
    return evaluation.Report(
        name=name,
        created=datetime.datetime.now().isoformat(timespec="seconds"),
        test=score(model, dataset.test),
        validation=score(model, dataset.validation),
        history=history,
        rates=history[log_keys.RATE],
        group_names=(*run.group_names, "head"),
        trained_groups=[(*moved, True) for moved in run.trained_groups],
        events=[f"after epoch {epoch}: {what}" for epoch, what in events],
        best_epoch=run.best_epoch,
        solved_head=_solved(run),
        versions=versions(),
        notes=(*dataset.notes, *_notes(run, dataset)),
        mistakes=mistakes,
        kind=dataset.specification.kind,
        train_count=dataset.train.count,
    )


def _notes(run, dataset):
    kind = dataset.specification.target_kind
    if run.unlabelled is not None:
        yield run.unlabelled
    if run.validation_outputs is not None and kind == "tags":
        yield (
            "The thresholds of the tags are those of the highest F1 on the "
            "validation rows: F1 on these is flattered by that."
        )
    elif run.validation_outputs is not None:
        yield (
            "Once the validation rows had decided, the linear path has learned "
            "them, too: the figures on them are those from before, and new "
            "rows are compared with the test rows."
        )


def _solved(run):
    """Returns the entry of a report about a head that was solved."""
    if run.solved is None:
        return None
    return {
        "after_epoch": run.solved.epoch,
        "loss_before": run.solved.before,
        "loss_after": run.solved.after,
        "is_kept": run.is_best_solved,
    }
