"""Policies that freeze groups which have stopped changing."""

from dataclasses import dataclass

import numpy as np

from aet_keras import _check as check
from aet_keras.policies import _prefix
from aet_keras.policies._arrays import per_group
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress


@dataclass(eq=False, repr=False)
class FreezeSettled(_prefix.PrefixOptions, Policy):
    """Freezes the longest prefix whose mean gradient no longer changes.

    After each interval (from decision to decision), n is the L1 norm of a
    group's mean gradient, and eta = abs(n_before - n) / n_before how much it
    changed. A group is calm where eta is below the median of the groups that
    still move (AutoFreeze's rule) and below `floor`: the median alone
    freezes something even where nothing has settled. The groups from the
    stem up that were calm for `patience_intervals` freeze. All thaw again
    once validation falls back or the rate has dropped tenfold.

    `FreezeSettled(None, patience_intervals=1, thaw_ratio=None)` is
    AutoFreeze's rule.

    Args:
        floor: float > 0, or None for no floor. Defaults to `0.1`.
        patience_intervals: int >= 1. Defaults to `2`.
        least_intervals: int >= 1. Before the first freeze, and between one
            freeze or thaw and the next freeze. Defaults to `1`.
        thaw_ratio: float >= 0, or None to thaw never. How much worse than its
            best the figure may become, as a share of it. Defaults to `0.05`.
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        rate_ratio: float > 0. The groups' rate as a share of the head's.
            Defaults to `1.0`.
        every_batches: int >= 0. Also judge after this many batches; groups
            freeze at the ends of epochs. Defaults to `0`.

    State:
        `norms`: each group's n of the interval before; `calm`: for how many
        intervals it has been calm; `frozen`, `since`, `rate`: how many groups
        are frozen, the intervals since, and the rate then; `monitor`,
        `best`, `wait`: the figure, its best and the epochs since.

    Example:

    >>> policy = aet_keras.policies.FreezeSettled(patience_intervals=1)
    >>> for epoch, norms in enumerate(([4.0, 8.0], [3.9, 2.0])):
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(
    ...             epoch=epoch + 1,
    ...             trainable=(True, True),
    ...             arrays={"net_gradient_norms": norms},
    ...         )
    ...     )
    >>> decision.trainable  # changes of 0.025 and 0.75, median 0.3875
    (False, True)

    Reference:
        [Liu et al., 2021](https://arxiv.org/abs/2102.01386). Differs: the
        mean gradient for the sum (the same ratio where intervals are equally
        long), over the measured batches, clipped where the optimizer clips;
        groups freeze at the ends of epochs; the optimizer keeps its state.
        Their 2.55x is of BERT with caching; no figure of it is reproduced.
    """

    needs = frozenset({"net_gradient_norms"})
    start_state = {**_prefix.START, "norms": []}
    floor: float | None = option(0.1, check.positive, can_be_none=True)

    def decide(self, progress: Progress) -> Decision:
        if not progress.epoch and progress.is_epoch_end:
            return _prefix.start(progress, self.rate_ratio)
        changes = self._changes(progress)
        _prefix.count_calm(self.state, progress, self._verdicts(changes))
        return _prefix.turn(self, progress, "the gradient has settled")

    def _changes(self, progress):
        """Returns each moving group's eta; NaN where there is none."""
        now = per_group(progress, "net_gradient_norms")
        now[~np.isfinite(now)] = np.nan
        before = [np.nan if n is None else n for n in self.state["norms"]]
        before = np.array(before or [np.nan] * len(now))
        known = np.where(np.isnan(now), before, now)
        known[~np.array(progress.trainable, bool)] = np.nan  # stale on a thaw
        self.state["norms"] = [None if np.isnan(n) else float(n) for n in known]
        safe = np.where(before > 0, before, np.nan)
        changes = np.abs(before - now) / safe
        return np.where(np.isnan(known), np.nan, changes)

    def _verdicts(self, changes):
        if np.isnan(changes).all():
            return [None] * len(changes)
        bound = min(np.nanmedian(changes), self.floor or np.inf)
        return [None if np.isnan(each) else each < bound for each in changes]


@dataclass(eq=False, repr=False)
class FreezeSlow(_prefix.PrefixOptions, Policy):
    """Freezes the longest prefix that hardly moves any more.

    A group is slow where norm(update) / norm(weight), as means over the
    measured batches, is below `threshold`. The groups from the stem up that
    were slow for `patience_intervals` freeze. All thaw again once validation
    falls back or the rate has dropped tenfold. The update has the rate in it:
    a rate that falls slows all groups.

    Args:
        threshold: float > 0. Defaults to `1e-4`; healthy training is near
            `1e-3` a step.
        patience_intervals: int >= 1. Defaults to `2`.
        least_intervals: int >= 1. Before the first freeze, and between one
            freeze or thaw and the next freeze. Defaults to `1`.
        thaw_ratio: float >= 0, or None to thaw never. How much worse than its
            best the figure may become, as a share of it. Defaults to `0.05`.
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        rate_ratio: float > 0. The groups' rate as a share of the head's.
            Defaults to `1.0`.
        every_batches: int >= 0. Also judge after this many batches; groups
            freeze at the ends of epochs. Defaults to `0`.

    State:
        As `FreezeSettled`, without `norms`.

    Example:

    >>> policy = aet_keras.policies.FreezeSlow(patience_intervals=1)
    >>> policy.decide(
    ...     aet_keras.policies.Progress(
    ...         epoch=1,
    ...         trainable=(True, True),
    ...         arrays={"update_norms": [1e-4, 0.1], "weight_norms": [9, 9]},
    ...     )
    ... ).trainable
    (False, True)
    """

    needs = frozenset({"update_norms", "weight_norms"})
    start_state = _prefix.START
    threshold: float = option(1e-4, check.positive)

    def decide(self, progress: Progress) -> Decision:
        if not progress.epoch and progress.is_epoch_end:
            return _prefix.start(progress, self.rate_ratio)
        updates = per_group(progress, "update_norms")
        weights = per_group(progress, "weight_norms")
        verdicts = [
            # by multiplication: weights may be zero
            bool(update < self.threshold * weight)
            if np.isfinite(update) and np.isfinite(weight)
            else None
            for update, weight in zip(updates, weights, strict=True)
        ]
        _prefix.count_calm(self.state, progress, verdicts)
        return _prefix.turn(self, progress, "the updates are small")
