"""Freezes only if that saves more seconds than the rebuild costs."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from aet_keras import _check as check
from aet_keras.policies._arrays import per_group
from aet_keras.policies.decision import Decision
from aet_keras.policies.description import describe_policy, read_policy
from aet_keras.policies.policy import Policy
from aet_keras.policies.progress import Progress


class FreezeWhenItPays(Policy):
    """Lets a freeze through where it saves more seconds than it costs.

    What another policy decides passes, but for a freeze that does not pay:

        seconds saved = group seconds of the new frozen groups * steps left
        pays where seconds saved > least_gain * rebuild seconds

    Then the map stays as it is, and the policy may ask again. A decision that
    thaws as well passes: its rebuild is paid already. While the seconds or
    the steps left are not known, nothing freezes. A thaw that the policy
    undoes always passes.

    Args:
        then: `Policy` that decides what would be frozen.
        least_gain: float > 0. How many rebuilds a freeze has to save.
            Defaults to `1.0`; `2.0` allows for a thaw.

    State:
        `then`: the state of the other policy.

    Example:

    >>> policy = aet_keras.policies.FreezeWhenItPays(
    ...     aet_keras.policies.FreezeOnSchedule()
    ... )
    >>> progress = aet_keras.policies.Progress(
    ...     epoch=9,
    ...     epoch_count=10,
    ...     step=90,
    ...     step_count=100,
    ...     trainable=(True, True),
    ...     arrays={"group_seconds": [0.1, 0.1], "rebuild_seconds": 3.0},
    ... )
    >>> decision = policy.decide(progress)
    >>> decision.trainable is None, decision.why
    (True, 'a freeze would save 2 s and cost 3 s')
    """

    start_state = {"then": {}}

    def __init__(self, then: Policy, *, least_gain: float = 1.0):
        self.then = check.instance(self, of=Policy, then=then)
        self.least_gain = check.positive(self, least_gain=least_gain)
        self.needs = then.needs | {"group_seconds", "rebuild_seconds"}
        self.every_batches = then.every_batches

    @property
    def state(self) -> dict[str, Any]:
        """What training has taught the other policy."""
        return self.get_state()

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.set_state(state)

    def get_state(self) -> dict[str, Any]:
        return {"then": self.then.get_state()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        super().set_state(state)  # refuses foreign keys
        self.then.set_state(state["then"])

    def reset(self) -> None:
        self.then.reset()

    def get_config(self) -> dict[str, Any]:
        return {
            "then": describe_policy(self.then),
            "least_gain": self.least_gain,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FreezeWhenItPays":
        then = read_policy(config["then"], owner=cls.__name__)
        return cls(**{**config, "then": then})

    def judge(self, logs: Mapping[str, float]) -> bool:
        return self.then.judge(logs)

    def finish(self, progress: Progress) -> Decision:
        return self.then.finish(progress)

    def decide(self, progress: Progress) -> Decision:
        decision = self.then.decide(progress)
        if decision.trainable is None or decision.undo:
            return decision
        pairs = list(zip(progress.trainable, decision.trainable, strict=True))
        frozen = [was and not now for was, now in pairs]
        if not any(frozen) or any(now and not was for was, now in pairs):
            return decision
        saved = float(
            np.sum(per_group(progress, "group_seconds")[frozen])
            * _steps_left(progress)
        )
        cost = float(progress.arrays.get("rebuild_seconds", math.nan))
        if saved > self.least_gain * cost:
            return decision
        why = f"a freeze would save {saved:.3g} s and cost {cost:.3g} s"
        return dataclasses.replace(decision, trainable=None, why=why)

    def __repr__(self):
        gain = self.least_gain
        more = "" if gain == 1.0 else f", least_gain={gain!r}"
        return f"FreezeWhenItPays(then={self.then!r}{more})"


def _steps_left(progress):
    if progress.step_count:
        return max(0, progress.step_count - progress.step)
    if not progress.epoch or not progress.step:
        return math.nan
    each = progress.step / progress.epoch
    return each * (progress.epoch_count - progress.epoch)
