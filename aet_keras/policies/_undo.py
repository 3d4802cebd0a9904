"""Detects that a thaw made things worse and should be undone.

The state that these functions share with a policy has the keys of `START`.
"""

import math
from typing import Any

from aet_keras.policies import stall

# `judged`: what the figure is called; `kept`: the best one so far, which stays;
# `kept_count`: groups thawed then; `worse`: the figures since the last thaw
# while all are worse than it, None once one was not; `is_undone`: whether a
# thaw was undone.
START: dict[str, Any] = {
    "judged": None,
    "kept": None,
    "kept_count": 0,
    "worse": None,
    "is_undone": False,
}


def judge(state: dict[str, Any], key: str, value: float, thawed: int) -> bool:
    """Notes the figure of an epoch; says whether it is the best so far.

    Args:
        state: dict with the keys of `START`; changed in place.
        key: str. What the figure is called.
        value: float.
        thawed: int >= 0. Groups that have thawed.
    """
    cost = _cost(key, value)
    kept = math.inf if state["kept"] is None else _cost(key, state["kept"])
    if cost < kept:
        state.update(kept=float(value), kept_count=thawed, worse=None)
        return True
    if cost == kept:
        state["worse"] = None
    elif state["worse"] is not None:
        state["worse"].append(float(value) if math.isfinite(value) else None)
    return False


def begin_trial(state: dict[str, Any]) -> None:
    """Notes that groups thaw now: from here on they are on trial."""
    if state["kept"] is not None:
        state["worse"] = []


def is_clearly_worse(state: dict[str, Any], key: str, margin: float) -> bool:
    """Says whether each epoch since the thaw was worse by more than a share."""
    if not state["worse"]:
        return False
    kept = _cost(key, state["kept"])
    best = min(_costs(state, key))
    return best > kept + margin * abs(kept)


def is_over(state: dict[str, Any], key: str, patience: int) -> bool:
    """Says whether a thaw had its time, and is not about to pay.

    It is about to if what the last epoch gained, gained once more, would
    reach the figure from before it.
    """
    costs = _costs(state, key)
    if len(costs) < patience:
        return False
    before, last = costs[-2:] if len(costs) > 1 else costs * 2
    gain = before - last if math.isfinite(before) else 0.0
    return last - gain > _cost(key, state["kept"])


def _costs(state, key):
    return [_cost(key, each) for each in state["worse"]]


def _cost(key, value):
    """Returns a figure as something to be low; inf if it is not finite."""
    if value is None or not math.isfinite(value):
        return math.inf
    return -value if stall.is_higher_better(key) else value
