"""Detects that a thaw made things worse and should be undone.

The state that these functions share with a policy has the keys of `START`.
"""

import abc
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aet_keras.policies import stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy
from aet_keras.policies.progress import Progress

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


class UndoesThaws(Policy):
    """What policies have in common that undo a thaw which made things worse.

    A subclass has the options `monitor`, `undo_thaw` and `min_improvement`,
    keeps `thawed`, `since` and `wait` in its state beside `START`, and makes
    the decision for the groups that have thawed in `_decision`.
    """

    monitor: str
    undo_thaw: bool
    min_improvement: float

    def judge(self, logs: Mapping[str, float]) -> bool:
        key = stall.find_key(logs, self.monitor, self.state["judged"])
        if key is None or not self.undo_thaw:
            return False
        if key != self.state["judged"]:
            self.state.update(START, judged=key)
        return judge(self.state, key, float(logs[key]), self.state["thawed"])

    def finish(self, progress: Progress) -> Decision:
        if not self.state["worse"]:
            return Decision()
        return self._undo(progress)

    def _is_worse(self):
        """Says whether the last thaw has made things clearly worse."""
        if self.state["is_undone"]:
            return False
        return is_clearly_worse(
            self.state, self.state["judged"], self.min_improvement
        )

    def _is_failed(self, patience):
        """Says whether it had its time, so many epochs, as well."""
        return self._is_worse() and is_over(
            self.state, self.state["judged"], patience
        )

    def _undo(self, progress):
        """Goes back to the best state; what is trained then is on trial."""
        key, kept = self.state["judged"], self.state["kept"]
        count = len(self.state["worse"])
        self.state.update(
            thawed=self.state["kept_count"],
            worse=[],
            is_undone=True,
            since=0,
            wait=0,
        )
        why = (
            f"{key} was {kept:.4g} before, and worse in each of the {count} "
            f"epoch{'s' * (count != 1)} since"
        )
        return replace(self._decision(progress, why), undo=True)

    @abc.abstractmethod
    def _decision(self, progress, why):
        """Returns the decision for the groups that have thawed."""


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
