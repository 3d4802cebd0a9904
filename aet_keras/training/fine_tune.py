"""Adapts the user's own model in one call."""

import dataclasses
import math
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import callbacks as parts
from aet_keras._keras.copies import NotCopied
from aet_keras.backbones.attention import graft_attention
from aet_keras.engine.change import Change
from aet_keras.policies import AdaptToTrend, ThawTopThenAll
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.training import last_head
from aet_keras.training.by_chief import by_chief
from aet_keras.training.longer import Longer, train_longer
from aet_keras.training.self_training import SelfTraining

_LEAST_PATIENCE_EPOCHS = 5
_LEAST_AVERAGED_PATIENCE_EPOCHS = 4  # figures of averages are less noisy
_SETTLED_EPOCHS = 2
# At a high rate validation is noisy, and patience ends: the rate falls before.
_HOLD_RATIO = 0.4


@dataclasses.dataclass(frozen=True)
class Run:
    """Holds the results of a call of `fine_tune`.

    Args:
        model: the `keras.Model`, with the best epoch's weights.
        history: dict from str to list of floats, one an epoch.
        best_epoch: int. Counted from 1; 0 means the weights it began with.
        is_best_solved: bool. Whether the kept weights are those of
            `best_epoch` with the head that was solved after it.
        solved: optional `aet_keras.replay.dense_head.SolvedHead`.
        longer: optional `aet_keras.training.longer.Longer`. What came of more
            steps on few rows.
        unlabelled: optional str. Whether rows without labels were used, and
            the figures that decided it.
        validation_outputs: optional array. What the model said of the
            validation rows, where it has learned them since.
        group_names: tuple of str, stem to head, the head left out.
        trained_groups: list of tuples of bools, one an epoch.
        events: list of `(epoch, Change)`.
        cache_events: list of `(epoch, str)`.
        stopped: str or None. Why it ended before the last epoch.
        seconds: float. What it took.

    Example:

    >>> from aet_keras.training.fine_tune import Run  # what it returns
    >>> run = Run(
    ...     model=None, history={"val_loss": [0.5, 0.4]}, best_epoch=2,
    ...     group_names=("stem",), trained_groups=[(False,), (True,)],
    ...     events=[], cache_events=[], stopped=None, seconds=1.5,
    ... )
    >>> run.best_figures
    {'val_loss': 0.4}
    """

    model: keras.Model
    history: dict[str, list[float]]
    best_epoch: int
    group_names: tuple[str, ...]
    trained_groups: list[tuple[bool, ...]]
    events: list[tuple[int, Change]]
    cache_events: list[tuple[int, str]]
    stopped: str | None
    seconds: float
    is_best_solved: bool = False
    solved: SolvedHead | None = None
    longer: Longer | None = None
    unlabelled: str | None = None
    validation_outputs: np.ndarray | None = None

    @property
    def best_figures(self) -> dict[str, float]:
        """The logs of the kept weights; empty if those are of no epoch."""
        if not self.best_epoch:
            return {}
        row = self.best_epoch - 1
        figures = {key: values[row] for key, values in self.history.items()}
        if self.longer is not None:
            figures.update(self.longer.logs)
        if self.is_best_solved and self.solved is not None:
            figures.update(self.solved.logs)
        return figures


def fine_tune(
    model: keras.Model,
    train,
    *,
    validation_data,
    epochs: int = 20,
    attention: str | None = None,
    freezing: parts.ElasticFreezing | None = None,
    rate: parts.AdaptiveLearningRate | None = None,
    best: parts.KeepBest | None = None,
    average: parts.AverageWeights | bool = True,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    unlabelled: Any = None,
    **fit_arguments,
) -> Run:
    """Adapts a compiled model to new data: the whole recipe in one call.

    It is `model.fit` with four callbacks, and can be written so: weights are
    averaged, groups thaw as validation asks, the rate follows, the best
    weights are kept, and the run stops when nothing becomes better any more.

    Two things come after it, for a classifier that few rows taught. Of at
    most 500, the groups that thawed first train for 200 more steps: few rows
    have few steps an epoch. What the head puts out is then divided by the
    temperature that suits the validation rows. That is kept unless their loss
    rises by more than half the standard error of the difference; it is done
    with the default policies, and without `ElasticAnchor`. Then, of at most
    200 rows, the dense layer at the end is solved again on what the groups
    put out, which is kept if the loss falls by more than that. `cache_events`
    has the figures. `ElasticFreezing(solve_head=False)` leaves both out.

    Args:
        model: a compiled `keras.Model` with a head for the new task, as in
            Keras's transfer-learning guide; what is frozen in it makes no
            difference. The rate it was compiled with is the head's.
        train: what `fit` takes as `x`, or a tuple `(x, y)` or
            `(x, y, sample_weight)` of arrays.
        validation_data: as in `fit`. What decisions are made on.
        epochs: int >= 1. The most there will be. Defaults to `20`.
        attention: optional `"se"`, `"eca"`, `"cbam"`, `"soft"` or
            `"pooling"`. Trains a copy with attention grafted into it
            (`graft_attention`), compiled alike.
        freezing: optional `ElasticFreezing`, to set what it does.
        rate: optional `AdaptiveLearningRate`. Defaults to one with
            `AdaptToTrend(hold_ratio=0.4)`: its last cosine begins early, as
            a run whose validation is noisy stops before it is at an end.
        best: optional `KeepBest`. Defaults to one that watches `val_loss` and
            stops after `max(4, epochs // 4)` epochs without a better one
            while the rate is high, and after 2 once it has fallen; without
            averages after `max(5, epochs // 2)`, because then gains come
            with the fall of the rate.
        average: bool or `AverageWeights`. Whether averages of the weights are
            judged and kept, in place of the weights themselves. Defaults to
            `True`, which is `AverageWeights()`.
        callbacks: more callbacks; they come after ours.
        unlabelled: optional array, or dict of arrays, as `x`: rows without
            labels, for a classifier, with `train` and `validation_data` as
            tuples of arrays. After training, the head is solved anew on the
            labels and on what it says of them, and kept if it is better on
            the validation rows; see `Run.unlabelled`. Rows that have labels
            are left out.
        **fit_arguments: other arguments of `fit`, such as `batch_size`,
            `class_weight` and `verbose`.

    Returns:
        `Run`. The model in it is the one that was given, or its copy with
        attention.

    Raises:
        ValueError: if the model is not compiled, or cannot be steered, or
            rows without labels do not go with it; the sentence says what to
            do.
        TypeError: if there is `unlabelled`, and the rows with labels are no
            arrays.

    Example:

    >>> x, y = np.ones((8, 4)), np.ones((8, 1))
    >>> backbone = keras.Sequential(
    ...     [keras.layers.Dense(4), keras.layers.Dense(4)], name="old"
    ... )
    >>> model = keras.Sequential(
    ...     [keras.Input((4,)), backbone, keras.layers.Dense(1)]
    ... )
    >>> model.compile("adam", "mse")
    >>> run = aet_keras.fine_tune(
    ...     model, (x, y), validation_data=(x, y), epochs=3, verbose=0
    ... )
    >>> len(run.history["val_loss"]), run.trained_groups[0]
    (3, (False, False))
    """
    if attention is not None:
        model = _with_attention(model, attention)
    freezing = parts.ElasticFreezing() if freezing is None else freezing
    if rate is None:
        policy = AdaptToTrend(hold_ratio=_HOLD_RATIO)
        rate = parts.AdaptiveLearningRate(policy)
    if best is None:
        best = stop_early(epochs, is_averaged=bool(average))
    check.instance(fine_tune.__name__, of=parts.KeepBest, best=best)
    history = keras.callbacks.History()
    later = None
    if unlabelled is not None:
        later = SelfTraining(
            model,
            train,
            validation_data,
            unlabelled,
            class_weight=fit_arguments.get("class_weight"),
        )
    settings = dict(fit_arguments)
    if isinstance(train, tuple):
        names = ("x", "y", "sample_weight")
        fit_arguments.update(zip(names, train, strict=False))
    else:
        fit_arguments["x"] = train
    if average is True:
        average = parts.AverageWeights()
    first = [average] if average else []  # before ElasticFreezing
    begun = time.perf_counter()
    try:
        model.fit(
            validation_data=validation_data,
            epochs=epochs,
            callbacks=[*first, freezing, rate, best, *callbacks, history],
            **fit_arguments,
        )
    except KeyboardInterrupt:
        best.restore()  # what was learned is not lost
        raise
    run = Run(
        model=model,
        history=history.history,
        best_epoch=best.best_epoch,
        group_names=freezing.group_names,
        trained_groups=freezing.history,
        events=freezing.events,
        cache_events=freezing.cache_events,
        stopped=best.stopped,
        seconds=time.perf_counter() - begun,
        is_best_solved=best.is_best_solved,
        solved=freezing.solved,
    )
    if freezing.solve_head and best.monitor == "val_loss":

        def finish(run):
            if _is_default(freezing, rate, callbacks):
                run = _trained_longer(
                    run, train, validation_data, freezing, settings
                )
            return _with_last_head(run, train, validation_data, settings)

        def is_needed():
            has_moved = any(map(any, run.trained_groups))
            if not (has_moved and last_head.may_be_few(train)):
                return False
            given = keras.tree.flatten(freezing.groups or ())
            if not all(isinstance(each, str) for each in given):
                raise NotCopied(
                    "its groups were given, and a copy has others, if they "
                    "are not given as names of layers"
                )
            return True

        run = by_chief(run, finish, is_needed=is_needed)
    said = None if later is None else later.solve_head()
    if later is not None and later.kept is not None:
        figures = last_head.evaluated(model, validation_data)
        epoch = max(1, len(run.trained_groups))
        solved = SolvedHead(epoch, *later.kept, figures)
        run = dataclasses.replace(run, is_best_solved=True, solved=solved)
    seconds = time.perf_counter() - begun
    return dataclasses.replace(run, unlabelled=said, seconds=seconds)


def _is_default(freezing, rate, others):
    """Says whether groups and rate go as this recipe has them go."""
    return (
        type(freezing.policy) is ThawTopThenAll
        and type(rate.policy) is AdaptToTrend
        and not any(isinstance(each, parts.ElasticAnchor) for each in others)
    )


def _trained_longer(run, train, validation, freezing, settings):
    """Returns a run whose top groups had more steps, if its rows are few."""
    logged = run.best_figures.get("val_loss")
    if logged is None or not math.isfinite(logged):
        return run
    found = train_longer(
        run.model,
        train,
        validation,
        logged=logged,
        moved=next(filter(any, run.trained_groups), ()),
        freezing=freezing,
        settings=settings,
    )
    if found is None:
        return run
    run.cache_events.append((len(run.trained_groups), found.sentence))
    run = dataclasses.replace(run, longer=found)
    return (
        dataclasses.replace(run, is_best_solved=False) if found.is_kept else run
    )


def _with_last_head(run, train, validation, settings):
    """Returns a run whose head was solved again, if groups had moved."""
    moved = any(map(any, run.trained_groups[: run.best_epoch]))
    moved = moved or (run.longer is not None and run.longer.is_kept)
    logged = run.best_figures.get("val_loss")
    if not moved or logged is None or not math.isfinite(logged):
        return run
    found = last_head.solve_again(
        run.model,
        train,
        validation,
        epoch=run.best_epoch,
        logged=logged,
        settings=settings,
    )
    if found is None:
        return run
    run.cache_events.append((len(run.trained_groups), found.sentence))
    if found.solved is None:
        return run
    return dataclasses.replace(run, is_best_solved=True, solved=found.solved)


def _with_attention(model, kind):
    if not model.compiled:
        raise ValueError(
            "fine_tune: the model must be compiled, because its copy with "
            "attention is compiled alike. Call `model.compile(...)` first."
        )
    grafted = graft_attention(model, kind)
    grafted.compile_from_config(model.get_compile_config())
    return grafted


def stop_early(epochs: int, *, is_averaged: bool = False) -> parts.KeepBest:
    """Returns what ends a planned run, and keeps its best weights.

    Args:
        epochs: int >= 1. As planned.
        is_averaged: bool. Whether averages of the weights are judged.
    """
    patience = max(_LEAST_PATIENCE_EPOCHS, epochs // 2)
    if is_averaged:
        patience = max(_LEAST_AVERAGED_PATIENCE_EPOCHS, epochs // 4)
    return parts.KeepBest(
        patience_epochs=patience, settled_epochs=_SETTLED_EPOCHS
    )
