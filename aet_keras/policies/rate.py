"""Policies of the learning rate."""

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from aet_keras import _check as check
from aet_keras.policies import stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress
from aet_keras.policies.trend import Trend

_EPOCHS_OF_A_TREND = 5


@dataclass(eq=False, repr=False)
class DecayOnStall(Policy):
    """Lowers the rate when a figure stalls, and counts again after a thaw.

    Args:
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        rate_ratio: float above 0, below 1. What the rate is multiplied by.
            Defaults to `0.3`.
        patience_epochs: int >= 1. Defaults to `2`.
        min_improvement: float >= 0. What counts as improvement, as a share
            of the best figure so far. Defaults to `0.01`.
        least_ratio: float from 0 to 1. The rate never falls below this share
            of the rate it started with. Defaults to `0.01`.

    State:
        `monitor`, `best`, `wait`, and `moving`: which groups moved last.

    Example:

    >>> policy = aet_keras.policies.DecayOnStall(patience_epochs=1)
    >>> for loss in (0.5, 0.6):
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(epoch=1, logs={"val_loss": loss})
    ...     )
    >>> round(decision.rate, 6)
    0.0003
    """

    start_state = {**stall.START, "moving": []}

    monitor: str = option("auto", check.instance, of=str)
    _: KW_ONLY
    rate_ratio: float = option(0.3, check.number, above=0, most=0.999)
    patience_epochs: int = option(2, check.positive_int)
    min_improvement: float = option(0.01, check.number, least=0)
    least_ratio: float = option(0.01, check.ratio)

    def decide(self, progress: Progress) -> Decision:
        if not progress.epoch:
            return Decision()
        if _are_others(progress, self.state["moving"]):
            self.state["wait"] = 0
        self.state["moving"] = _moving(progress)
        stall.observe(self, progress.logs, self.min_improvement)
        if self.state["wait"] < self.patience_epochs:
            return Decision()
        self.state["wait"] = 0
        least = min(progress.rate, self.least_ratio * progress.start_rate)
        rate = max(least, progress.rate * self.rate_ratio)
        return Decision(rate=rate, why=f"{self.state['monitor']} stalled")


@dataclass(eq=False, repr=False)
class WarmupCosine(Policy):
    """Raises the rate step by step, then lowers it along a cosine.

    rate = start * (step + 1) / warmup, then start * (least + (1 - least) *
    (1 + cos(pi * share of the rest that is done)) / 2), with steps counted
    from 0 (by epochs, while the length of one is unknown); over the whole run,
    or again and again (warm restarts), as in
    [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983). Each end
    of a cosine is a model that has settled: of a run with restarts one can be
    kept that was trained for an epoch only.

    Args:
        warmup_steps: int >= 0. Batches. Defaults to `0`.
        least_ratio: float from 0 to 1. Share of the start rate that is left
            at the end. Defaults to `0.0`, of which one ten-thousandth is
            kept, since a rate must be above 0.
        every_epochs: optional int >= 1. Epochs after which it starts again,
            with a warm-up of at most a fifth of them. Defaults to the whole
            run.

    Example:

    >>> policy = aet_keras.policies.WarmupCosine(warmup_steps=10)
    >>> halfway = aet_keras.policies.Progress(
    ...     step=60, step_count=110, start_rate=0.1
    ... )
    >>> round(policy.decide(halfway).rate, 6)
    0.05
    """

    every_batches = 1

    warmup_steps: int = option(0, check.whole)
    _: KW_ONLY
    least_ratio: float = option(0.0, check.ratio)
    every_epochs: int | None = option(
        None, check.positive_int, can_be_none=True
    )

    def decide(self, progress: Progress) -> Decision:
        step, warmup, done = self._place(progress)
        if step < warmup:
            share = (step + 1) / warmup
            return Decision(rate=progress.start_rate * share, why="warm-up")
        share = max(1e-4, _cosine(done, self.least_ratio))
        return Decision(rate=progress.start_rate * share, why="cosine")

    def _place(self, progress):
        """Returns step, steps of warm-up and share done, of the cosine now."""
        again = self.every_epochs is not None
        epochs = self.every_epochs or progress.epoch_count
        if not progress.step_count:
            epoch = progress.epoch % epochs if again else progress.epoch
            return progress.step, self.warmup_steps, epoch / epochs
        count = round(progress.step_count * epochs / progress.epoch_count)
        step, warmup = progress.step, self.warmup_steps
        if again:
            count = max(1, count)
            step, warmup = step % count, min(warmup, count // 5)
        return step, warmup, (step - warmup) / max(1, count - warmup)


@dataclass(eq=False, repr=False)
class AdaptToTrend(Policy):
    """Holds the rate while the loss falls, lowers it where noise takes over.

    After each epoch a straight line is fitted to the mean losses of the last
    epochs, at most five, and its slope is measured in standard errors, which
    follow from the noise of the batch losses. A fall of at least
    `significance` holds the rate; so does less, until five epochs have shown
    it. Then the rate is multiplied by 1 / (1 + complexity), where the data's
    complexity is the noise of the batch losses over their level: a noisy loss
    says that the steps are too long for what one batch knows. A rise of as
    much halves it. Either way the line begins anew. Once groups thaw there is
    more to learn, and the rate starts from the top; while others are still
    frozen it falls along a cosine again, so that what moves settles before
    more joins (warm restarts,
    [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983)).
    Over the last part of the planned run the rate falls along a cosine,
    whatever the trend.

    Args:
        significance: float > 0. Standard errors. Defaults to `2.0`.
        hold_ratio: float from 0 to 1. Share of the run after which the
            cosine begins. A run that may stop early needs an earlier one:
            `fine_tune` has 0.4. Defaults to `0.8`.
        cycle_ratio: float above 0, at most 1. The share of the run over which
            the rate falls to a tenth after a thaw, while some groups are
            still frozen. Defaults to `0.35`.
        least_ratio: float above 0, at most 1. The rate never falls below this
            share of the rate it started with. Defaults to `0.01`.

    State:
        `levels`: mean losses of the last epochs, each with its standard
        error; `share`: what the trend has left of the start rate; `moving`:
        which groups moved last; `thawed_at`: how much of the run was done
        then.

    Example:

    >>> policy = aet_keras.policies.AdaptToTrend()
    >>> for losses in [[1.0, 1.2, 0.8, 1.0]] * 5:  # epochs
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(
    ...             epoch=1, epoch_count=9, arrays={"batch_losses": losses}
    ...         )
    ...     )
    >>> 0.0008 < decision.rate < 0.0009, decision.why
    (True, 'the loss is lost in its noise')
    """

    needs = frozenset({"batch_losses"})
    every_batches = 8  # to write a rate takes a millisecond
    start_state = {"levels": [], "share": 1.0, "moving": [], "thawed_at": 0.0}

    _: KW_ONLY
    significance: float = option(2.0, check.positive)
    hold_ratio: float = option(0.8, check.ratio)
    cycle_ratio: float = option(0.35, check.positive_ratio)
    least_ratio: float = option(0.01, check.positive_ratio)

    def decide(self, progress: Progress) -> Decision:
        why = "cosine"
        if progress.is_epoch_end and progress.epoch:
            why = self._follow(progress)
        moving = _moving(progress)
        if _are_others(progress, self.state["moving"]):
            self.state.update(
                share=1.0, levels=[], thawed_at=progress.done_ratio
            )
            why = "groups thawed"
        self.state["moving"] = moving
        done = progress.done_ratio - self.hold_ratio
        anneal = _cosine(max(0.0, done) / max(1e-9, 1.0 - self.hold_ratio), 0)
        if 0 < len(moving) < len(progress.trainable):
            since = progress.done_ratio - self.state["thawed_at"]
            anneal = min(anneal, _cosine(since / self.cycle_ratio, 0.1))
        share = max(self.least_ratio, self.state["share"] * anneal)
        return Decision(rate=progress.start_rate * share, why=why)

    def _follow(self, progress):
        trend = Trend.of(progress.arrays["batch_losses"])
        if not trend.count:
            return "no loss was finite"
        levels = [*self.state["levels"], [trend.level, trend.error]]
        fall, is_whole = _fall(levels), len(levels) == _EPOCHS_OF_A_TREND
        self.state["levels"] = levels[1:] if is_whole else levels
        if fall >= self.significance:
            return "the loss falls"
        if fall <= -self.significance:
            self.state.update(
                share=0.5 * self.state["share"], levels=levels[-1:]
            )
            return "the loss rises"
        if not is_whole:
            return "the loss is followed"
        share = self.state["share"] / (1.0 + trend.complexity)
        self.state.update(share=share, levels=levels[-1:])
        return "the loss is lost in its noise"

    def set_state(self, state):
        state = dict(state)
        if "level" in state:  # older saves hold that of one epoch
            del state["level"]
            state["levels"] = []
        super().set_state(state)


def _fall(levels):
    """Returns how steeply mean losses fall, in standard errors of a slope.

    The least-squares slope of k losses with the error s each has the error
    s / sqrt(k (k^2 - 1) / 12).
    """
    if len(levels) < 2:
        return math.inf  # there is nothing to compare with
    losses, errors = np.transpose(levels)
    steps = np.arange(len(losses)) - (len(losses) - 1) / 2
    slope = -(steps @ losses) / (steps @ steps)
    error = errors.mean() / math.sqrt(steps @ steps)
    if error == 0.0:
        return math.copysign(math.inf, slope) if slope else 0.0
    return slope / error


def _moving(progress):
    """Returns the numbers of the groups that move.

    Not how many: a trial of other groups may have as many.
    """
    return [row for row, moves in enumerate(progress.trainable) if moves]


def _are_others(progress, before):
    """Says whether other groups move than before."""
    moving = _moving(progress)
    if isinstance(before, int):  # saves of 0.10.0 hold how many
        return len(moving) != before
    return moving != before


def _cosine(done, least):
    done = min(1.0, done)
    return least + (1.0 - least) * (1.0 + math.cos(math.pi * done)) / 2.0
