"""Thaws the top groups, then all."""

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from aet_keras import _check as check
from aet_keras.policies import _undo, stall
from aet_keras.policies._undo import UndoesThaws
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import option
from aet_keras.policies.progress import Progress
from aet_keras.policies.thaw import thawed_from_the_top

# At this mean fan-in groups take the head's rate; below it all thaw at once.
_NARROW = 60.0
_POWER = 1.5
_LEAST_RATIO, _MOST_RATIO = 0.03, 2.0
_UNDO_EPOCHS = 3
_MANY_STEPS = 200  # in an epoch: one of the head alone is enough
_USUAL = 150.0  # of networks for images, where no kernel is known


@dataclass(eq=False, repr=False)
class ThawTopThenAll(UndoesThaws):
    """Thaws the top groups, and all once those stall.

    Three steps, each as long as it pays:

    1. The head trains alone, until it is solved, stalls or had `head_epochs`.
    2. The top groups train with it. They are cheap: what is below them is
       replayed. In a wide network they do most of what can be done; a narrow
       one, with a mean fan-in of at most 60, has all groups thawed at once.
    3. All groups train, once `patience_epochs` have not improved the figure
       by `min_improvement`. The rate starts anew with that (`AdaptToTrend`).

    How fast groups move follows from the network: the groups' rate is the
    head's times (60 / mean fan-in) ** 1.5, within 0.03 and 2. One step of Adam
    changes the outputs of a layer in proportion to its fan-in, so that its
    rate goes with 1 / fan-in as a network becomes wider ([Yang et al.,
    2022](https://arxiv.org/abs/2203.03466), table 3). Differs: the power was
    chosen, with the 60, on a backbone with a mean fan-in of 37, which wants
    2, and on MobileNetV2 (134), which has 0.3 and diverges at 0.56. Of several
    pretrained parts each has the rate of its own fan-in.

    A thaw that makes things worse is undone, as by `ThawOnStall`.

    Args:
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        head_epochs: optional int >= 1. The most that the head trains alone.
            Defaults to 2, or 1 if an epoch has 200 steps or more: of many
            rows, few epochs are planned.
        top_count: int >= 1. Groups in the first thaw. Defaults to `2`.
        patience_epochs: int >= 1. Epochs of theirs without improvement
            before all groups thaw. Defaults to `2`.
        min_improvement: float >= 0. What counts as improvement, as a share
            of the best figure so far. Defaults to `0.1`.
        rate_ratio: optional float > 0. The groups' rate as a share of the
            head's. Defaults to what their fan-in says.
        undo_thaw: bool. Whether a thaw that makes things worse is undone. At
            the end of `fit` any thaw is undone after which no epoch was as
            good as the best one before. Defaults to `True`.

    State:
        As that of `ThawOnStall`.

    Example:

    >>> policy = aet_keras.policies.ThawTopThenAll(
    ...     top_count=1, patience_epochs=1
    ... )
    >>> for epoch, loss in enumerate((0.9, 0.6, 0.58), start=1):
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(
    ...             epoch=epoch,
    ...             epoch_count=20,
    ...             logs={"val_loss": loss},
    ...             trainable=(False, epoch > 2),
    ...             is_head_solved=epoch == 1,
    ...         )
    ...     )
    ...     print(decision.trainable, decision.why)
    (False, True) the head is solved
    (False, True) the top groups
    (True, True) val_loss improved by less than 10 %
    """

    start_state = {**stall.START, **_undo.START, "thawed": 0, "since": 0}
    needs = frozenset({"mean_fan_in"})

    monitor: str = option("auto", check.instance, of=str)
    _: KW_ONLY
    head_epochs: int | None = option(None, check.positive_int, can_be_none=True)
    top_count: int = option(2, check.positive_int)
    patience_epochs: int = option(2, check.positive_int)
    min_improvement: float = option(0.1, check.number, least=0)
    rate_ratio: float | None = option(None, check.positive, can_be_none=True)
    undo_thaw: bool = option(True, check.boolean)

    def decide(self, progress: Progress) -> Decision:
        if not progress.is_epoch_end:
            return Decision()
        why = self._reason(progress) if progress.epoch else ""
        if self._is_failed(_UNDO_EPOCHS):
            return self._undo(progress)
        may_thaw = not (self._is_worse() or self.state["is_undone"])
        groups = len(progress.trainable)
        if why and may_thaw and self.state["thawed"] < groups:
            thawed = self._next_count(progress)
            self.state.update(thawed=thawed, since=0, wait=0)
            _undo.begin_trial(self.state)
        return self._decision(progress, why or self._phase(groups))

    def _next_count(self, progress):
        groups = len(progress.trainable)
        if self.state["thawed"] or _mean_fan_in(progress).max() <= _NARROW:
            return groups
        return min(self.top_count, groups)

    def _reason(self, progress):
        """Says why more groups should thaw now, or nothing."""
        is_seen = stall.observe(self, progress.logs, self.min_improvement)
        self.state["since"] += 1
        if not self.state["thawed"]:
            return self._reason_of_head(progress, is_seen)
        if not is_seen or self.state["wait"] < self.patience_epochs:
            return ""
        share = 100 * self.min_improvement
        return f"{self.state['monitor']} improved by less than {share:g} %"

    def _reason_of_head(self, progress, is_seen):
        if progress.is_head_solved:
            return "the head is solved"
        if is_seen and self.state["wait"]:
            return "the head has stalled"
        since = self.state["since"]
        # `fit` may begin at a later epoch: its steps count as done.
        is_long = progress.step >= _MANY_STEPS * progress.epoch
        if since < (self.head_epochs or (1 if is_long else 2)):
            return ""
        return f"the head had {since} epoch{'s' * (since != 1)}"

    def _phase(self, groups):
        thawed = self.state["thawed"]
        if not thawed:
            return "the head alone"
        return "all groups" if thawed >= groups else "the top groups"

    def _decision(self, progress, why):
        return thawed_from_the_top(
            progress,
            self.state["thawed"],
            rate_ratio=self._rate_ratio(progress),
            depth_ratio=1.0,
            why=why,
        )

    def _rate_ratio(self, progress):
        if self.rate_ratio is not None:
            return self.rate_ratio
        return rate_ratios(progress)


def rate_ratios(progress: Progress) -> float | list[float]:
    """Returns `rate_ratio_of` the network; of several parts one a group.

    Args:
        progress: `Progress` with `mean_fan_in` among its arrays.
    """
    found = [rate_ratio_of(each) for each in _mean_fan_in(progress)]
    return found[0] if len(found) == 1 else found


def rate_ratio_of(mean_fan_in: float) -> float:
    """Returns the groups' rate as a share of the head's.

    Args:
        mean_fan_in: float >= 1 (`backbones.kernels.mean_fan_in`); NaN where
            no kernel is known, which is taken for a usual network for images.

    Example:

    >>> from aet_keras.policies.top_then_all import rate_ratio_of
    >>> round(rate_ratio_of(134), 2)  # MobileNetV2
    0.3
    """
    known = mean_fan_in if mean_fan_in >= 1 else _USUAL
    return min(_MOST_RATIO, max(_LEAST_RATIO, (_NARROW / known) ** _POWER))


def _mean_fan_in(progress):
    """Returns one number, or one a group where a model has several parts."""
    given = progress.arrays.get("mean_fan_in", math.nan)
    found = np.atleast_1d(np.asarray(given, "float64"))
    return np.where(found >= 1, found, _USUAL)
