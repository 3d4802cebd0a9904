"""Policies that thaw groups, and set their rates."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.policies import _undo, stall
from aet_keras.policies._undo import UndoesThaws
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress


@dataclass(eq=False, repr=False)
class ThawAll(Policy):
    """Lets every group move from the first step on, or all but the lowest.

    Full fine-tuning; with `depth_ratio` below 1, layer-wise rate decay (0.65
    to 0.9 is usual for transformers). With `frozen_ratio` above 0, part of
    the network is never trained, and its output need not be computed again.

    Args:
        rate_ratio: float > 0. The top group's rate as a share of the head's.
            Defaults to `1.0`.
        depth_ratio: float > 0, at most 1. What each group's rate is, as a
            share of the rate of the group above. Defaults to `1.0`.
        frozen_ratio: float from 0 to 1. Share of the groups, from the stem
            on, that never thaw. Defaults to `0.0`.

    Example:

    >>> progress = aet_keras.policies.Progress(trainable=(False, False))
    >>> aet_keras.policies.ThawAll().decide(progress).trainable
    (True, True)
    >>> policy = aet_keras.policies.ThawAll(frozen_ratio=0.5)
    >>> policy.decide(progress).trainable
    (False, True)
    """

    rate_ratio: float = option(1.0, check.positive)
    _: KW_ONLY
    depth_ratio: float = option(1.0, check.positive_ratio)
    frozen_ratio: float = option(0.0, check.ratio)

    def decide(self, progress: Progress) -> Decision:
        if progress.epoch:
            return Decision()
        groups = len(progress.trainable)
        most = _most_thawed(groups, self.frozen_ratio)
        return thawed_from_the_top(
            progress,
            most,
            rate_ratio=self.rate_ratio,
            depth_ratio=self.depth_ratio,
            why="from the start"
            if most < groups
            else "everything from the start",
        )


@dataclass(eq=False, repr=False)
class ThawOnSchedule(Policy):
    """Thaws a few groups every few epochs, from the top down.

    Gradual unfreezing of [Howard and Ruder, 2018](
    https://arxiv.org/abs/1801.06146), with its rate falling from group to
    group if `depth_ratio` is below 1 (theirs is 1 / 2.6).

    Args:
        every_epochs: int >= 1. Defaults to `1`.
        first_epoch: int >= 0. Epochs that the head trains alone. Defaults to
            `1`.
        group_count: int >= 1. Groups thawed at a time. Defaults to `1`.
        rate_ratio: float > 0. The top group's rate as a share of the head's.
            Defaults to `0.3`.
        depth_ratio: float > 0, at most 1. What each group's rate is, as a
            share of the rate of the group above. Defaults to `1.0`.

    Example:

    >>> policy = aet_keras.policies.ThawOnSchedule(every_epochs=2)
    >>> policy.decide(
    ...     aet_keras.policies.Progress(epoch=3, trainable=(False,) * 3)
    ... ).trainable
    (False, True, True)
    """

    every_epochs: int = option(1, check.positive_int)
    _: KW_ONLY
    first_epoch: int = option(1, check.whole)
    group_count: int = option(1, check.positive_int)
    rate_ratio: float = option(0.3, check.positive)
    depth_ratio: float = option(1.0, check.positive_ratio)

    def decide(self, progress: Progress) -> Decision:
        past = progress.epoch - self.first_epoch
        turns = 0 if past < 0 else 1 + past // self.every_epochs
        return thawed_from_the_top(
            progress,
            turns * self.group_count,
            rate_ratio=self.rate_ratio,
            depth_ratio=self.depth_ratio,
            why=f"epoch {progress.epoch} of the schedule",
        )


@dataclass(eq=False, repr=False)
class ThawOnStall(UndoesThaws):
    """Thaws the next groups, from the top down, when the figure stalls.

    The head trains alone on frozen groups until it has stopped improving
    much, so that its random start does not spoil what the groups know
    (LP-FT, [Kumar et al., 2022](https://arxiv.org/abs/2202.10054); differs:
    group by group, and by validation instead of a fixed epoch).

    A thaw that makes things worse is undone: if each of `patience_epochs`
    epochs since was worse than the best figure before it by more than
    `min_improvement`, the weights of that best state come back, the groups
    freeze again, and no more thaw. It gets one more epoch as long as another
    gain like the last one would reach the old figure. While the figure is so
    much worse, nothing more thaws.

    Args:
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        patience_epochs: int >= 1. Epochs without improvement before the next
            thaw. Defaults to `3`.
        min_improvement: float >= 0. What counts as improvement, as a share
            of the best figure so far. Defaults to `0.1`.
        head_ratio: float from 0 to 1. After this share of the planned epochs
            the first thaw comes without a stall. Defaults to `0.15`.
        latest_ratio: float from 0 to 1. The same for the later ones, counted
            from the last thaw. Defaults to `0.35`.
        first_count: int >= 1. Groups in the first thaw. Defaults to `2`: the
            top groups are the cheapest to train and gain most, and each
            later thaw costs an epoch or two before it gains.
        group_count: int >= 1. Groups in each later thaw. Defaults to `2`.
        rate_ratio: float > 0. The thawed groups' rate as a share of the
            head's. Defaults to `0.3`.
        depth_ratio: float > 0, at most 1. What each group's rate is, as a
            share of the rate of the group above. Defaults to `1.0`.
        frozen_ratio: float from 0 to 1. Share of the groups, from the stem
            on, that never thaw: they cost most and change least. Defaults to
            `0.6`.
        undo_thaw: bool. Whether a thaw that makes things worse is undone. At
            the end of `fit` any thaw is undone after which no epoch was as
            good as the best one before. Defaults to `True`.

    State:
        `monitor`, `best`, `wait`: the figure watched, its best value and the
        epochs since; `thawed`: groups thawed; `since`: epochs since then;
        `kept`, `kept_count`: the best figure of all and the groups thawed
        then; `worse`: the figures since the last thaw, if all are worse than
        that; `is_undone`: whether a thaw was undone.

    Example:

    >>> policy = aet_keras.policies.ThawOnStall(patience_epochs=1)
    >>> for epoch, loss in enumerate((0.9, 0.6, 0.59)):
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(
    ...             epoch=epoch + 1,
    ...             epoch_count=20,
    ...             logs={"val_loss": loss},
    ...             trainable=(False, False),
    ...         )
    ...     )
    >>> decision.trainable, decision.why
    ((False, True), 'val_loss improved by less than 10 %')
    """

    start_state = {**stall.START, **_undo.START, "thawed": 0, "since": 0}

    monitor: str = option("auto", check.instance, of=str)
    _: KW_ONLY
    patience_epochs: int = option(3, check.positive_int)
    min_improvement: float = option(0.1, check.number, least=0)
    head_ratio: float = option(0.15, check.ratio)
    latest_ratio: float = option(0.35, check.ratio)
    first_count: int = option(2, check.positive_int)
    group_count: int = option(2, check.positive_int)
    rate_ratio: float = option(0.3, check.positive)
    depth_ratio: float = option(1.0, check.positive_ratio)
    frozen_ratio: float = option(0.6, check.ratio)
    undo_thaw: bool = option(True, check.boolean)

    def set_state(self, state: Mapping[str, Any]) -> None:
        # Runs saved by 0.9.0 know nothing of undoing.
        super().set_state({**_undo.START, **state})

    def decide(self, progress: Progress) -> Decision:
        why = self._reason(progress) if progress.epoch else ""
        groups = len(progress.trainable)
        most = _most_thawed(groups, self.frozen_ratio)
        if self._is_failed(self.patience_epochs):
            return self._undo(progress)
        may_thaw = not (self._is_worse() or self.state["is_undone"])
        if why and may_thaw and self.state["thawed"] < most:
            thawed = self.state["thawed"]
            more = self.group_count if thawed else self.first_count
            self.state["thawed"] = min(thawed + more, most)
            self.state.update(since=0, wait=0)
            _undo.begin_trial(self.state)
        return self._decision(progress, why or "the head alone")

    def _decision(self, progress, why):
        return thawed_from_the_top(
            progress,
            self.state["thawed"],
            rate_ratio=self.rate_ratio,
            depth_ratio=self.depth_ratio,
            why=why,
        )

    def _reason(self, progress):
        is_seen = stall.observe(self, progress.logs, self.min_improvement)
        self.state["since"] += 1
        if is_seen and self.state["wait"] >= self.patience_epochs:
            share = 100 * self.min_improvement
            return f"{self.state['monitor']} improved by less than {share:g} %"
        if progress.is_head_solved:
            return "the head is solved"
        ratio = self.latest_ratio if self.state["thawed"] else self.head_ratio
        if self.state["since"] >= max(1, ratio * progress.epoch_count):
            since = self.state["since"]
            return f"no thaw for {since} epoch{'s' * (since != 1)}"
        return ""


def _most_thawed(groups, frozen_ratio):
    return groups - int(frozen_ratio * groups)


def thawed_from_the_top(progress, count, *, rate_ratio, depth_ratio, why):
    """Decides for the map with the top `count` groups thawed.

    The multipliers of frozen groups are given too: they hold from the thaw on.
    `rate_ratio` is a float, or one a group.
    """
    groups = len(progress.trainable)
    thawed = min(count, groups)
    ratios = np.broadcast_to(rate_ratio, groups).tolist()
    return Decision(
        trainable=(False,) * (groups - thawed) + (True,) * thawed,
        multipliers=tuple(
            ratio * depth_ratio ** (groups - 1 - i)
            for i, ratio in enumerate(ratios)
        ),
        why=why,
    )
