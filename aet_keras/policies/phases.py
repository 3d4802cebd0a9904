"""Policies that follow a plan made beforehand.

These policies write the head's rate too: no other policy should.
"""

import math
from dataclasses import KW_ONLY, dataclass

from aet_keras import _check as check
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress

_LEAST_SHARE = 1e-4  # a rate must be above 0


@dataclass(eq=False, repr=False)
class TrainHeadThenAll(Policy):
    """Trains the head alone for some epochs, then everything slowly (LP-FT).

    Args:
        first_epoch: int >= 0. Epochs that the head trains alone. Defaults to
            `2`.
        rate_ratio: float > 0. The rate of head and groups after that, as a
            share of the rate that the model was compiled with. Defaults to
            `0.1`.

    Example:

    >>> policy = aet_keras.policies.TrainHeadThenAll()
    >>> decision = policy.decide(
    ...     aet_keras.policies.Progress(epoch=2, trainable=(False, False))
    ... )
    >>> decision.trainable, round(decision.rate, 6)
    ((True, True), 0.0001)

    Reference:
        [Kumar et al., 2022](https://arxiv.org/abs/2202.10054). Differs: no
        grid of rates; one optimizer through both phases.
    """

    first_epoch: int = option(2, check.whole)
    _: KW_ONLY
    rate_ratio: float = option(0.1, check.positive)

    def decide(self, progress: Progress) -> Decision:
        if not progress.is_epoch_end:
            return Decision()
        count = len(progress.trainable)
        is_thawed = progress.epoch >= self.first_epoch
        share = self.rate_ratio if is_thawed else 1.0
        return Decision(
            trainable=(is_thawed,) * count,
            multipliers=(1.0,) * count,
            rate=progress.start_rate * share,
            why="all, slowly" if is_thawed else "the head alone",
        )


@dataclass(eq=False, repr=False)
class ThawBetweenCycles(Policy):
    """Trains the head for one cycle, then everything for another (fastai).

    A cycle is a rate that rises along a cosine from 1 / divisor of its peak,
    and falls along one to a hundred-thousandth of it. The first cycle peaks
    at the rate that the model was compiled with, after 99 % of it, divisor
    25; the second at half of that, with the groups' rates in a geometric
    series from the head's down to 1 / `spread` of it. Compile with
    `learning_rate=2e-3` and plan 1 + n epochs for fastai's `fine_tune(n)`.

    Args:
        first_epoch: int >= 1. Epochs of the first cycle. Defaults to `1`.
        spread: float >= 1. The head's rate over the first group's. Defaults
            to `100.0`.
        rise_ratio: float above 0, below 1. Share of the second cycle in which
            the rate rises. Defaults to `0.3`.
        divisor: float >= 1. The second cycle's peak over its start. Defaults
            to `5.0`.

    Example:

    >>> policy = aet_keras.policies.ThawBetweenCycles()
    >>> policy.decide(
    ...     aet_keras.policies.Progress(
    ...         epoch=1, epoch_count=5, trainable=(False, False)
    ...     )
    ... ).multipliers
    (0.01, 0.1)

    Reference:
        [Howard and Gugger, 2020](https://arxiv.org/abs/2002.04688). Differs:
        the momentum does not cycle; one optimizer through both cycles; and
        BatchNormalization follows the callback, where fastai always trains
        it.
    """

    every_batches = 1

    first_epoch: int = option(1, check.positive_int)
    _: KW_ONLY
    spread: float = option(100.0, check.number, least=1)
    rise_ratio: float = option(0.3, check.number, above=0, most=0.999)
    divisor: float = option(5.0, check.number, least=1)

    def decide(self, progress: Progress) -> Decision:
        count = len(progress.trainable)
        is_thawed = progress.epoch >= self.first_epoch
        return Decision(
            trainable=(is_thawed,) * count if progress.is_epoch_end else None,
            multipliers=tuple(
                self.spread ** ((row - count) / count) for row in range(count)
            ),
            rate=progress.start_rate * self._share(progress, is_thawed),
            why="the second cycle" if is_thawed else "the first cycle",
        )

    def _share(self, progress, is_thawed):
        done = progress.done_ratio * progress.epoch_count  # epochs
        if not is_thawed:
            return _cycle(done / self.first_epoch, 0.99, 25.0)
        rest = max(1, progress.epoch_count - self.first_epoch)
        done = (done - self.first_epoch) / rest
        return 0.5 * _cycle(done, self.rise_ratio, self.divisor)


@dataclass(eq=False, repr=False)
class FreezeOnSchedule(Policy):
    """Anneals each group's rate to zero, the stem's first, then freezes it.

    The rate of group i of n (the head is the n-th) follows a cosine that ends
    when the share t_i of the run is done:

        t_i = (first_ratio + (1 - first_ratio) * i / n) ** power
        rate_i = rate / (t_i if scaled else 1) * (1 + cos(pi * done / t_i)) / 2

    Between epochs a group whose time is over stands at multiplier 0; it
    freezes at the end of the epoch.

    Args:
        first_ratio: float above 0, at most 1. Share of the run after which
            the first group stands, before the power. Defaults to `0.8`.
        power: int >= 1. 1 is linear, 3 cubic. Defaults to `3`.
        scaled: bool. Whether groups that stop earlier start faster, so that
            each travels as far. Defaults to `True`.
        rate_ratio: float > 0. The groups' rate as a share of the head's.
            Defaults to `1.0`.

    Example:

    >>> policy = aet_keras.policies.FreezeOnSchedule()
    >>> policy.decide(
    ...     aet_keras.policies.Progress(
    ...         epoch=6, epoch_count=10, trainable=(True, True)
    ...     )
    ... ).trainable  # t is 0.8 ** 3 and 0.9 ** 3
    (False, True)

    Reference:
        [Brock et al., 2017](https://arxiv.org/abs/1706.04983). Differs: by
        group, not by layer. Their 20 % is of whole networks from scratch;
        it is not reproduced.
    """

    every_batches = 1

    first_ratio: float = option(0.8, check.positive_ratio)
    _: KW_ONLY
    power: int = option(3, check.positive_int)
    scaled: bool = option(True, check.boolean)
    rate_ratio: float = option(1.0, check.positive)

    def decide(self, progress: Progress) -> Decision:
        done = progress.done_ratio
        ends = self._ends(len(progress.trainable))
        head = max(_LEAST_SHARE, _annealed(done))
        starts = [1 / end if self.scaled else 1.0 for end in ends]
        return Decision(
            trainable=(
                tuple(done < end for end in ends)
                if progress.is_epoch_end
                else None
            ),
            multipliers=tuple(
                self.rate_ratio * start * _annealed(done / end) / head
                for start, end in zip(starts, ends, strict=True)
            ),
            rate=progress.start_rate * head,
            why="their time is over",
        )

    def _ends(self, count):
        return [
            (self.first_ratio + (1 - self.first_ratio) * row / count)
            ** self.power
            for row in range(count)
        ]


def _cycle(done, rise_ratio, divisor):
    """Returns the rate of a cycle as a share of its peak."""
    done = min(1.0, max(0.0, done))
    if done < rise_ratio:
        start = 1 / divisor
        return start + (1 - start) * (1 - _annealed(done / rise_ratio))
    return 1e-5 + (1 - 1e-5) * _annealed((done - rise_ratio) / (1 - rise_ratio))


def _annealed(done):
    """Returns a cosine from 1 to 0, and exactly 0 from then on."""
    if done >= 1.0:
        return 0.0
    return (1.0 + math.cos(math.pi * done)) / 2.0
