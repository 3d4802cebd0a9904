"""Moves the groups that have the largest relative gradients."""

from dataclasses import KW_ONLY, dataclass

import numpy as np

from aet_keras import _check as check
from aet_keras.policies._arrays import per_group
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress


@dataclass(eq=False, repr=False)
class AttendToGradients(Policy):
    """Gives the most rate to the groups with the largest relative gradients.

    RGN = norm(gradient) / norm(weight) of each group, as means over the
    batches measured since the last decision. The groups are attended by a
    softmax, and the one that is attended most has the whole rate:

        attention_p = softmax over p of log(RGN_p) / temperature
        multiplier_p = rate_ratio * attention_p / max attention

    At temperature 1 that is RGN_p / max RGN: Auto-RGN, the rule of surgical
    fine-tuning. Lower temperatures send learning to fewer groups, higher
    ones spread it; towards infinity all groups have one rate. Everything is
    trainable throughout, so that there are gradients to measure; until the
    first measurement the groups stand still at multiplier 0, and the head
    learns alone. A group that was not measured keeps its multiplier.

    Args:
        temperature: float > 0. Defaults to `1.0`.
        rate_ratio: float > 0. The most attended group's rate as a share of
            the head's. Defaults to `1.0`.
        every_batches: int >= 0. Also decide after this many batches; 0 means
            at the ends of epochs only. Defaults to `0`.

    State:
        None.

    Example:

    >>> progress = aet_keras.policies.Progress(
    ...     epoch=1,
    ...     trainable=(True, True),
    ...     arrays={"gradient_norms": [1.0, 6.0], "weight_norms": [4.0, 8.0]},
    ... )
    >>> decision = aet_keras.policies.AttendToGradients().decide(progress)
    >>> [round(each, 6) for each in decision.multipliers]  # 1/4 to 3/4
    [0.333333, 1.0]

    Reference:
        [Lee et al., 2022](https://arxiv.org/abs/2210.11466). Differs: by
        group, not by tensor; a ratio of means, not a mean of ratios; the head
        is not ranked, and keeps the whole rate; the optimizer keeps its
        state. With `every_batches=0` the first epoch is the head's alone;
        theirs measures 5 batches before each epoch.
    """

    needs = frozenset({"gradient_norms", "weight_norms"})

    temperature: float = option(1.0, check.positive)
    _: KW_ONLY
    rate_ratio: float = option(1.0, check.positive)
    every_batches: int = option(0, check.whole)

    def decide(self, progress: Progress) -> Decision:
        count = len(progress.trainable)
        moving = (True,) * count if progress.is_epoch_end else None
        shares = self._shares(progress)
        if shares is None:
            first = not progress.step and not progress.epoch
            return Decision(
                trainable=moving,
                multipliers=(0.0,) * count if first else None,
                why="no new measurement",
            )
        kept = progress.multipliers or (0.0,) * count
        return Decision(
            trainable=moving,
            multipliers=tuple(
                float(old if np.isnan(new) else self.rate_ratio * new)
                for old, new in zip(kept, shares, strict=True)
            ),
            why=f"group {int(np.nanargmax(shares))} asks most",
        )

    def _shares(self, progress):
        gradients = per_group(progress, "gradient_norms")
        weights = per_group(progress, "weight_norms")
        ratios = gradients / np.where(weights > 0, weights, np.nan)
        ratios[~np.isfinite(ratios)] = np.nan
        if not np.nansum(ratios) > 0:
            return None
        return (ratios / np.nanmax(ratios)) ** (1.0 / self.temperature)
