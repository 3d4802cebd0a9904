"""Tries which groups to thaw, and keeps those that validation prefers."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from aet_keras import _check as check
from aet_keras.policies import stall
from aet_keras.policies.decision import Decision
from aet_keras.policies.policy import Policy, option
from aet_keras.policies.progress import Progress

_NAMES = ("the head", "the first", "the middle", "the last", "all")


@dataclass(eq=False, repr=False)
class ThawByTrial(Policy):
    """Tries parts of the network in turn, then trains the best of them.

    Which part has to move depends on how data differ: the first groups where
    a sensor has changed, the head where labels mean something else. After
    some epochs of the head alone, the head, the first third of the groups,
    the middle, the last, and all train for a few epochs each, all from the
    same weights. The part with the best validation figure then trains for
    the rest of the run. A few dozen validation rows like the new data are
    enough, since the parts differ by much.

    Args:
        monitor: str. A key of the logs. Defaults to `"auto"`: `val_loss`, or
            `loss` where there is no validation.
        head_epochs: int >= 1. Epochs that the head trains alone. Defaults to
            `1`.
        trial_epochs: int >= 1. Epochs of each trial. Defaults to `1`.
        rate_ratio: float > 0. The groups' rate as a share of the head's.
            Defaults to `0.3`.

    State:
        `judged`: the key of the figure; `trial`: which part trains, -1 for
        none yet; `since`: the epochs that it has; `figures`: those of the
        parts that were tried; `chosen`: the part that was kept, or `None`.

    Cost:
        `head_epochs` and up to five times `trial_epochs`, before the epochs
        that count.

    Example:

    >>> policy = aet_keras.policies.ThawByTrial()
    >>> for epoch, loss in enumerate((0.9, 0.8, 0.5, 0.7, 0.75, 0.6)):
    ...     decision = policy.decide(
    ...         aet_keras.policies.Progress(
    ...             epoch=epoch + 1,
    ...             epoch_count=20,
    ...             logs={"val_loss": loss},
    ...             trainable=(False,) * 3,
    ...         )
    ...     )
    >>> decision.trainable, decision.undo, decision.why
    ((True, False, False), True, 'val_loss was best with the first, 0.5')

    Reference:
        [Lee et al., 2022](https://arxiv.org/abs/2210.11466), surgical
        fine-tuning. Differs: the part is chosen by validation, not by what is
        known of the shift or by gradients; the head always trains.
    """

    start_state = {
        "judged": None,
        "trial": -1,
        "since": 0,
        "figures": [],
        "chosen": None,
    }

    monitor: str = option("auto", check.instance, of=str)
    _: KW_ONLY
    head_epochs: int = option(1, check.positive_int)
    trial_epochs: int = option(1, check.positive_int)
    rate_ratio: float = option(0.3, check.positive)

    def judge(self, logs: Mapping[str, float]) -> bool:
        """Keeps the weights that all trials begin with."""
        return self.state["trial"] < 0

    def decide(self, progress: Progress) -> Decision:
        parts = _parts(len(progress.trainable))
        if not progress.is_epoch_end or self.state["chosen"] is not None:
            return Decision()
        if progress.epoch < self.head_epochs:
            return self._decision(parts[0][1], "the head alone")
        if self.state["trial"] < 0:
            return self._begin(parts, 0, undo=False)
        self.state["since"] += 1
        self._look(progress.logs)
        if self.state["since"] < self.trial_epochs:
            return Decision()
        if self.state["trial"] + 1 < len(parts):
            return self._begin(parts, self.state["trial"] + 1, undo=True)
        return self._choose(parts)

    def _begin(self, parts, trial, *, undo):
        self.state.update(trial=trial, since=0)
        self.state["figures"].append(None)
        name, chosen = parts[trial]
        return self._decision(chosen, f"a trial of {name}", undo=undo)

    def _look(self, logs):
        key = stall.find_key(logs, self.monitor, self.state["judged"])
        if key is None:
            return
        self.state["judged"] = key
        figure = float(logs[key])
        self.state["figures"][-1] = figure if math.isfinite(figure) else None

    def _choose(self, parts):
        key, figures = self.state["judged"], self.state["figures"]
        costs = [_cost(key, figure) for figure in figures]
        best = costs.index(min(costs))
        self.state["chosen"] = best
        name, chosen = parts[best]
        told = "" if figures[best] is None else f", {figures[best]:.4g}"
        # The last trial goes on; the others begin again.
        undo = best + 1 < len(parts)
        why = f"{key or 'no figure'} was best with {name}{told}"
        return self._decision(chosen, why, undo=undo)

    def _decision(self, chosen, why, *, undo=False):
        ratios = (self.rate_ratio,) * len(chosen)
        return Decision(
            trainable=chosen, multipliers=ratios, why=why, undo=undo
        )


def _parts(count):
    """Returns names and maps of the parts; each map once."""
    first, second = round(count / 3), round(2 * count / 3)
    ends = ((0, 0), (0, first), (first, second), (second, count), (0, count))
    maps: dict[tuple[bool, ...], str] = {}
    for name, (start, end) in zip(_NAMES, ends, strict=True):
        maps.setdefault(tuple(start <= i < end for i in range(count)), name)
    return [(name, chosen) for chosen, name in maps.items()]


def _cost(key: str | None, figure: Any) -> float:
    """Returns a figure as something to be low; inf if there is none."""
    if key is None or figure is None:
        return math.inf
    return -figure if stall.is_higher_better(key) else figure
