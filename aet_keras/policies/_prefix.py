"""Freezes a prefix of groups by a criterion, and thaws it.

The state that these functions share with a policy has the keys of `START`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aet_keras import _check as check
from aet_keras.policies import stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import option
from aet_keras.policies.progress import Progress

START: dict[str, Any] = {
    **stall.START,
    "calm": [],
    "since": 0,
    "frozen": 0,
    "rate": None,
}
RATE_DROP = 0.1  # Egeria's: below a tenth of the rate there is more to learn


def start(progress: Progress, rate_ratio: float) -> Decision:
    """Lets everything move, before there is anything to judge."""
    count = len(progress.trainable)
    return Decision(
        trainable=(True,) * count,
        multipliers=(rate_ratio,) * count,
        why="everything until it has settled",
    )


def frozen_count(progress: Progress) -> int:
    """Returns how many groups at the stem do not move."""
    trainable = progress.trainable
    return trainable.index(True) if True in trainable else len(trainable)


def count_calm(
    state: dict[str, Any], progress: Progress, verdicts: Sequence[bool | None]
) -> None:
    """Counts for how many intervals in a row each group has been calm.

    Args:
        state: dict with the keys of `START`; changed in place.
        progress: the numbers of this decision.
        verdicts: a group each; `None` where nothing was measured.
    """
    frozen = frozen_count(progress)
    if frozen != state["frozen"]:
        state.update(frozen=frozen, since=0, rate=progress.rate)
    if all(verdict is None for verdict in verdicts):
        return
    counts = state["calm"] or [0] * len(verdicts)
    state["since"] += 1
    state["calm"] = [
        count if verdict is None else (count + 1) * bool(verdict)
        for count, verdict in zip(counts, verdicts, strict=True)
    ]


@dataclass(eq=False, repr=False, kw_only=True)
class PrefixOptions:
    """The options that these policies share, as their docstrings have them."""

    patience_intervals: int = option(2, check.positive_int)
    least_intervals: int = option(1, check.positive_int)
    thaw_ratio: float | None = option(
        0.05, check.number, can_be_none=True, least=0
    )
    monitor: str = option("auto", check.instance, of=str)
    rate_ratio: float = option(1.0, check.positive)
    every_batches: int = option(0, check.whole)


def turn(policy: Any, progress: Progress, why: str) -> Decision:
    """Freezes the longest calm prefix, or thaws all, at the end of an epoch.

    Args:
        policy: has `PrefixOptions`; its `state` has the
            keys of `START`.
        progress: the numbers of this decision.
        why: str. What a calm group is.
    """
    if not progress.is_epoch_end:
        return Decision()
    state, count = policy.state, len(progress.trainable)
    calm, patience = state["calm"], policy.patience_intervals
    reason = _thaw_reason(policy, progress)
    if reason:
        state.update(START, monitor=state["monitor"], calm=[0] * count)
        return Decision(trainable=(True,) * count, why=reason)
    frozen = to = frozen_count(progress)
    while to < len(calm) and calm[to] >= patience:
        to += 1
    if to == frozen or state["since"] < policy.least_intervals:
        return Decision()
    return Decision(
        trainable=(False,) * to + tuple(progress.trainable[to:]), why=why
    )


def _thaw_reason(policy, progress):
    if policy.thaw_ratio is None:
        return ""
    state = policy.state
    is_seen = stall.observe(policy, progress.logs)
    if not frozen_count(progress):
        return ""
    if is_seen and _fell(state, progress.logs, policy.thaw_ratio):
        return f"{state['monitor']} fell back"
    if state["rate"] and progress.rate <= RATE_DROP * state["rate"]:
        return "the rate dropped tenfold"
    return ""


def _fell(state, logs, thaw_ratio):
    key, best = state["monitor"], state["best"]
    if best is None:
        return False
    loss = float(logs[key]) - best
    loss = -loss if stall.is_higher_better(key) else loss
    return loss > thaw_ratio * abs(best)
