"""Policies that train in cycles: a thaw, and a cosine of the rate, in each.

`ThawInCycles` and `CosineRestarts` are made for each other. They do not talk:
both count the same epochs from the same thaw.
"""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.policies import _undo, stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress

# A group's rate as a share of the head's, times the inputs of a neuron.
_RATIO_OF_ONE_INPUT = 50.0
_LEAST_RATIO, _MOST_RATIO = 0.01, 3.0
_USUAL_RATIO = 0.3  # where no layer says how many inputs it has
_SHORTEST = 2  # epochs; a cycle that left fewer takes them too


@dataclass(eq=False, repr=False)
class ThawInCycles(Policy):
    """Thaws all groups at once, for as many cycles of the rate as pay.

    The head trains alone until it is solved, or for `head_ratio` of the
    planned epochs. Then everything joins, because nothing that is measured
    before tells how deep it pays to go. If no epoch of the first cycle is as
    good as the best before, the thaw is undone: those weights come back, and
    the groups freeze again. After a cycle that improved the best figure by less
    than `min_improvement` only the top groups go on, which costs little.

    A thawed group's rate follows from its layers. A step of Adam moves each
    weight by about the rate, and what a neuron puts out by that times its
    inputs; so the rate falls with their number ([Yang et al., 2022](
    https://arxiv.org/abs/2203.03466), table 3). Narrow networks need higher
    rates than wide ones.

    Args:
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        head_ratio: float from 0 to 1. Share of the planned epochs that a head
            which cannot be solved trains alone. Defaults to `0.15`.
        cycle_epochs: int >= 1. Epochs of a cycle. Defaults to `4`.
        top_count: int >= 0. Groups that go on alone once a cycle has not paid.
            Defaults to `2`.
        rate_ratio: optional float > 0. The thawed groups' rate as a share of
            the head's. Defaults to 50 over the number of inputs of a neuron,
            as a geometric mean over the groups' kernels, from 0.01 to 3; 0.3
            where no layer says it.
        frozen_ratio: float from 0 to 1. Share of the groups, from the stem
            on, that never thaw. Defaults to `0.0`.
        min_improvement: float >= 0. What a cycle must gain for another one,
            as a share of the best figure before it. Defaults to `0.05`.
        undo_thaw: bool. Whether a thaw after which no epoch was as good as the
            best before is undone. Defaults to `True`.

    State:
        `thawed`: groups thawed; `since`: epochs of this cycle that are done,
        of `length`; `before`: the best figure when it began; `is_settled`:
        whether the top groups go on alone; `judged`, `kept`, `kept_count`,
        `worse`, `is_undone`: as of `ThawOnStall`.

    Example:

    >>> policy = aet_keras.policies.ThawInCycles()
    >>> for epoch in range(3):
    ...     progress = aet_keras.policies.Progress(
    ...         epoch=epoch, epoch_count=14, trainable=(False,) * 4,
    ...         is_head_solved=epoch == 1,
    ...     )
    ...     print(epoch, sum(policy.decide(progress).trainable))
    0 0
    1 4
    2 4
    """

    needs = frozenset({"fan_in"})
    start_state = {
        **_undo.START,
        "thawed": 0,
        "since": 0,
        "length": 0,
        "before": None,
        "is_settled": False,
    }

    monitor: str = option("auto", check.instance, of=str)
    _: KW_ONLY
    head_ratio: float = option(0.15, check.ratio)
    cycle_epochs: int = option(4, check.positive_int)
    top_count: int = option(2, check.whole)
    rate_ratio: float | None = option(None, check.positive, can_be_none=True)
    frozen_ratio: float = option(0.0, check.ratio)
    min_improvement: float = option(0.05, check.number, least=0)
    undo_thaw: bool = option(True, check.boolean)

    def judge(self, logs: Mapping[str, float]) -> bool:
        key = stall.find_key(logs, self.monitor, self.state["judged"])
        if key is None:
            return False
        if key != self.state["judged"]:
            self.state.update(_undo.START, judged=key)
        thawed = self.state["thawed"]
        is_best = _undo.judge(self.state, key, float(logs[key]), thawed)
        return is_best and self.undo_thaw

    def finish(self, progress: Progress) -> Decision:
        is_worse = self.undo_thaw and self.state["worse"]
        return self._undo(progress) if is_worse else Decision()

    def decide(self, progress: Progress) -> Decision:
        state = self.state
        if progress.epoch:
            state["since"] += 1
        most = len(progress.trainable)
        most -= int(self.frozen_ratio * most)
        why = f"epoch {state['since']} of {state['length']} of the cycle"
        if state["is_undone"] or state["is_settled"]:
            why = "no more cycles"
        elif not state["thawed"]:
            why = self._reason_to_begin(progress)
            if why:
                _undo.begin_trial(state)
                self._begin(progress, most)
        elif state["since"] >= state["length"]:
            if self.undo_thaw and state["worse"]:
                return self._undo(progress)
            if self._has_paid():
                self._begin(progress, most)
            else:
                why = "the last cycle gained little"
                state["is_settled"] = True
                state["thawed"] = min(self.top_count, most)
        return self._decision(progress, why or "the head alone")

    def _reason_to_begin(self, progress):
        if progress.is_head_solved:
            return "the head is solved"
        alone = max(1, round(self.head_ratio * progress.epoch_count))
        if progress.epoch >= alone:
            return f"the head had {progress.epoch} epochs"
        return ""

    def _has_paid(self):
        """Whether this cycle improved the best figure by enough."""
        before = self.state["before"]
        if before is None:  # nothing is validated
            return True
        gain = abs(self.state["kept"] - before)
        return gain >= self.min_improvement * abs(before)

    def _begin(self, progress, count):
        length = _length(
            self.cycle_epochs, progress.epoch, progress.epoch_count
        )
        before = self.state["kept"]
        self.state.update(thawed=count, since=0, length=length, before=before)

    def _undo(self, progress):
        key, kept = self.state["judged"], self.state["kept"]
        self.state.update(
            thawed=self.state["kept_count"], worse=None, is_undone=True, since=0
        )
        why = f"{key} was {kept:.4g} before, and no epoch since was as good"
        return replace(self._decision(progress, why), undo=True)

    def _decision(self, progress, why):
        groups, thawed = len(progress.trainable), self.state["thawed"]
        ratio = self.rate_ratio or _ratio_of(progress.arrays.get("fan_in"))
        return Decision(
            trainable=(False,) * (groups - thawed) + (True,) * thawed,
            multipliers=(ratio,) * groups,
            why=why,
        )


@dataclass(eq=False, repr=False)
class CosineRestarts(Policy):
    """Lowers the rate along a cosine, and starts again when groups thaw.

    Warm restarts ([Loshchilov and Hutter, 2017](
    https://arxiv.org/abs/1608.03983)); differs: a cycle without a thaw before
    it starts from `restart_ratio` of the last one's rate, and all are equally
    long. Each end of a cycle is a model that has settled. While no group moves
    the cosine is that of the whole run, as it is where no groups are
    controlled.

    Args:
        cycle_epochs: int >= 1. Epochs of a cycle. Defaults to `4`. A cycle
            that would leave one epoch of the plan takes it too.
        restart_ratio: float above 0, at most 1. Defaults to `0.5`.
        least_ratio: float above 0, at most 1. The rate at the end of a cycle
            over the one it began with. Defaults to `0.01`.

    State:
        `moving`: how many groups moved last; `begun`, `length`, `peak`: epoch,
        epochs and highest rate (as a share of the run's) of this cycle.

    Example:

    >>> policy = aet_keras.policies.CosineRestarts()
    >>> for step in (100, 150, 200):
    ...     progress = aet_keras.policies.Progress(
    ...         step=step, step_count=1000, epoch_count=10, epoch=step // 100,
    ...         is_epoch_end=False, trainable=(False, True),
    ...     )
    ...     print(f"{policy.decide(progress).rate:.6f}")
    0.001000
    0.000962
    0.000855
    """

    every_batches = 8  # to write a rate takes a millisecond
    start_state = {"moving": 0, "begun": 0, "length": 0, "peak": 1.0}

    _: KW_ONLY
    cycle_epochs: int = option(4, check.positive_int)
    restart_ratio: float = option(0.5, check.positive_ratio)
    least_ratio: float = option(0.01, check.positive_ratio)

    def decide(self, progress: Progress) -> Decision:
        state = self.state
        moving, before = sum(progress.trainable), state["moving"]
        done = progress.done_ratio * progress.epoch_count
        if not moving:
            state["moving"] = 0
            return self._decision(progress, progress.done_ratio, 1.0)
        if moving > before:
            self._begin(progress, done, peak=1.0)
        elif moving < before or self._is_over(progress, done):
            peak = state["peak"] * self.restart_ratio
            self._begin(progress, done, peak=peak)
        state["moving"] = moving
        share = (done - state["begun"]) / state["length"]
        return self._decision(progress, share, state["peak"])

    def _is_over(self, progress, done):
        """Whether the next cycle is due; the end of one is its lowest rate."""
        end = self.state["begun"] + self.state["length"]
        return not progress.is_epoch_end and done > end

    def _begin(self, progress, done, *, peak):
        begun = math.floor(done + 1e-6)
        self.state.update(
            begun=begun,
            length=_length(self.cycle_epochs, begun, progress.epoch_count),
            peak=peak,
        )

    def _decision(self, progress, done, peak):
        cosine = (1.0 + math.cos(math.pi * min(1.0, done))) / 2.0
        share = self.least_ratio + (1.0 - self.least_ratio) * cosine
        return Decision(rate=progress.start_rate * peak * share, why="cosine")


def _length(epochs, begun, epoch_count):
    """Returns the epochs of a cycle, so that none is too short."""
    rest = epoch_count - begun
    return max(1, rest if rest < epochs + _SHORTEST else epochs)


def _ratio_of(fan_in: Any) -> float:
    """Returns a group's rate over the head's, for its neurons' inputs."""
    if fan_in is None or not np.isfinite(fan_in):
        return _USUAL_RATIO
    ratio = _RATIO_OF_ONE_INPUT / float(fan_in)
    return min(_MOST_RATIO, max(_LEAST_RATIO, ratio))
