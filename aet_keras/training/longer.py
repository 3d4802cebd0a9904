"""Trains the groups that moved for more steps, where rows are few."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from scipy import optimize

from aet_keras import callbacks as parts
from aet_keras._keras import detached
from aet_keras._progress import report
from aet_keras.policies import Decision, Policy, WarmupCosine
from aet_keras.policies.thaw import thawed_from_the_top
from aet_keras.policies.top_then_all import rate_ratios
from aet_keras.replay import lbfgs
from aet_keras.training import last_head
from aet_keras.training.soft_labels import ERRORS, row_losses

STEPS = 200
MOST_ROWS = 500  # to train on; it was measured with 100, 200 and 500
_MOST_TEMPERATURE = 10.0
_BATCH = 32  # of Keras
_PASSED_ON = ("batch_size", "class_weight", "shuffle")


@dataclasses.dataclass(eq=False, repr=False)
class _TopGroups(Policy):
    """Has some groups train from the first step on, as fast as usual."""

    needs = frozenset({"mean_fan_in"})
    count: int

    def decide(self, progress):
        if progress.epoch:
            return Decision()
        return thawed_from_the_top(
            progress,
            self.count,
            rate_ratio=rate_ratios(progress),
            depth_ratio=1.0,
            why="more steps",
        )


@dataclasses.dataclass(frozen=True)
class Longer:
    """Says what came of training for more steps.

    Args:
        sentence: str. Whether the weights are kept, and the figures that
            decided it.
        logs: dict. The validation figures of the weights that are kept; empty
            where the model has those from before again.
    """

    sentence: str
    logs: Mapping[str, float]

    @property
    def is_kept(self) -> bool:
        """Whether the model has the weights of these steps."""
        return bool(self.logs)


def train_longer(
    model: keras.Model,
    train: Any,
    validation: Any,
    *,
    logged: float,
    moved: Sequence[bool],
    freezing: parts.ElasticFreezing,
    settings: Mapping[str, Any],
) -> Longer | None:
    """Trains a classifier of few rows on for 200 steps along a cosine.

    An epoch of 100 rows has four steps: the planned epochs end before groups
    that thawed have learned. More steps make a network sure of what it has
    seen, and its loss on other rows rises while its answers become better. So
    what the head puts out is divided by the temperature, of 1 to 10, that is
    best on the validation rows ([Guo et al.,
    2017](https://arxiv.org/abs/1706.04599)), before and after; and the head
    is divided by it.

    Args:
        model: a compiled `keras.Model`, as training left it.
        train: tuple `(x, y)` or `(x, y, sample_weight)` of arrays, or a
            `tf.data.Dataset` of batches of them.
        validation: the same.
        logged: float. The validation loss of its weights, as Keras had it.
        moved: sequence of bools. Which groups train, from the stem.
        freezing: `ElasticFreezing` that trained it.
        settings: dict. Other arguments of `fit`.

    Returns:
        `Longer`; None where it does not apply: more than 500 rows to train
        on, or what `last_head.solve_again` names.
    """
    if not any(moved):
        return None
    few = last_head.FewRows.of(
        model,
        train,
        validation,
        logged=logged,
        settings=settings,
        most=MOST_ROWS,
    )
    if few is None:
        return None
    weights = model.get_weights()
    history = getattr(model, "history", None)
    head = few.head
    kernel, bias = head.get_weights()
    before, _ = softened(kernel, bias, few.held)
    is_kept = False
    try:
        count = len(few.rows.features)
        _fit(model, train, count, moved, freezing, settings)
        kernel, bias = head.get_weights()
        after, temperature = softened(kernel, bias, few.read())
        gains = before - after
        error = float(gains.std(ddof=1) / np.sqrt(len(gains)))
        is_kept = bool(gains.mean() > -ERRORS * error)
    finally:
        model.history = history
        if not is_kept:  # or stopped halfway
            model.set_weights(weights)
    logs: dict[str, float] = {}
    if is_kept:
        head.set_weights([kernel / temperature, bias / temperature])
        logs = last_head.evaluated(model, validation)
    verb = "trained" if is_kept else "did not keep what was trained"
    return Longer(
        f"{verb} for {STEPS} more steps: validation loss, softened, "
        f"{before.mean():.4f} to {after.mean():.4f} (standard error of the "
        f"gain {error:.4f}, temperature {temperature:.2f})",
        logs,
    )


def softened(
    kernel: np.ndarray, bias: np.ndarray, rows: lbfgs.Rows
) -> tuple[np.ndarray, float]:
    """Returns the loss of each row at the best temperature, and that.

    Args:
        kernel: float array `(width, classes)`. Of the head.
        bias: float array `(classes,)`.
        rows: `lbfgs.Rows` that say which temperature is best.
    """

    def losses(log):
        factor = math.exp(-log)
        return row_losses(kernel * factor, bias * factor, rows)

    found = optimize.minimize_scalar(
        lambda log: float(losses(log).mean()),
        bounds=(0.0, math.log(_MOST_TEMPERATURE)),
        method="bounded",
    )
    best = min((0.0, float(found.x)), key=lambda log: losses(log).mean())
    return losses(best), math.exp(best)


def _fit(model, train, count, moved, freezing, settings):
    arguments = {key: settings[key] for key in _PASSED_ON if key in settings}
    if detached.is_dataset(train):
        # Its orders begin anew, also in a run that goes on at this point.
        arguments["x"] = detached.detached(train)
        steps = int(train.cardinality())
    else:
        names = ("x", "y", "sample_weight")
        arguments.update(zip(names, train, strict=False))
        steps = math.ceil(count / (arguments.get("batch_size") or _BATCH))
    epochs = math.ceil(STEPS / steps)
    show = functools.partial(
        report, "training on, because rows are few", total=epochs, unit="epoch"
    )
    show(0)
    model.fit(
        **arguments,
        epochs=epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: show(epoch + 1)
            ),
            parts.ElasticFreezing(
                _TopGroups(sum(moved)),
                groups=freezing.groups,
                # By name: the model may be a copy of the one that it was of.
                backbone=getattr(freezing.backbone, "name", freezing.backbone),
                train_batch_normalization=freezing.train_batch_normalization,
                cache=freezing.cache,
                cache_limit_bytes=freezing.cache_limit_bytes,
                solve_head=False,
            ),
            parts.AdaptiveLearningRate(WarmupCosine()),
        ],
    )
