"""Freezes a prefix of groups by a criterion, and thaws it.

The state that these functions share with a policy has the keys of `START`.
"""

from collections.abc import Sequence
from typing import Any

from aet_keras.policies import _stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.progress import Progress

START: dict[str, Any] = {
    **_stall.START,
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


def turn(
    owner: Any,
    progress: Progress,
    *,
    patience_intervals: int,
    least_intervals: int,
    thaw_ratio: float | None,
    monitor: str,
    why: str,
) -> Decision:
    """Freezes the longest calm prefix, or thaws all, at the end of an epoch.

    Args:
        owner: the policy that asks; its `state` has the keys of `START`.
        progress: the numbers of this decision.
        patience_intervals: int >= 1. For how long a group must be calm.
        least_intervals: int >= 1. From one change of the map (or the start)
            to the next freeze.
        thaw_ratio: optional float >= 0. Thaw all when the figure is worse
            than its best by more than this share of it, or the rate is a
            tenth of what it was at the last freeze.
        monitor: str. The figure.
        why: str. What a calm group is.
    """
    if not progress.is_epoch_end:
        return Decision()
    state, count = owner.state, len(progress.trainable)
    reason = _thaw_reason(owner, progress, monitor, thaw_ratio)
    if reason:
        state.update(START, monitor=state["monitor"], calm=[0] * count)
        return Decision(trainable=(True,) * count, why=reason)
    frozen = to = frozen_count(progress)
    while to < len(state["calm"]) and state["calm"][to] >= patience_intervals:
        to += 1
    if to == frozen or state["since"] < least_intervals:
        return Decision()
    return Decision(
        trainable=(False,) * to + tuple(progress.trainable[to:]), why=why
    )


def _thaw_reason(owner, progress, monitor, thaw_ratio):
    if thaw_ratio is None:
        return ""
    state = owner.state
    seen = _stall.observe(
        owner, state, progress.logs, monitor=monitor, min_improvement=0.0
    )
    if not frozen_count(progress):
        return ""
    if seen and _fell(state, progress.logs, thaw_ratio):
        return f"{state['monitor']} fell back"
    if state["rate"] and progress.rate <= RATE_DROP * state["rate"]:
        return "the rate dropped tenfold"
    return ""


def _fell(state, logs, thaw_ratio):
    key, best = state["monitor"], state["best"]
    if best is None:
        return False
    loss = float(logs[key]) - best
    loss = -loss if _stall.is_higher_better(key) else loss
    return loss > thaw_ratio * abs(best)
