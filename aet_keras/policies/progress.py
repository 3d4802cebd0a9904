"""Defines the input of a policy."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Progress:
    """Tells a policy how far a run has come; holds no model and no clock.

    Args:
        epoch: int >= 0. Epochs finished; 0 before the first.
        epoch_count: int >= 1. Epochs planned.
        step: int >= 0. Batches done in this run.
        step_count: int or None. Batches planned; `None` while the length of
            an epoch is unknown.
        is_epoch_end: bool. Whether an epoch has just ended (or none has
            begun). Hard changes are taken only then.
        logs: dict from str to float. The logs of the epoch that ended; empty
            between epochs.
        rate: float > 0. The learning rate now.
        start_rate: float > 0. The rate the model was compiled with.
        trainable: tuple of bools, a group each, stem to head, the head (which
            always moves) left out.
        multipliers: tuple of floats >= 0, a group each.
        is_head_solved: bool. Whether the head has just been given the best
            weights there are for frozen groups: epochs of it alone have
            nothing left to do.
        arrays: dict from str to NumPy array: what the policy's `needs` asked
            for. `"batch_losses"` has shape `(batches of this epoch,)`. One
            value a group have, as means over the updates measured since the
            last decision, NaN where none was: `"gradient_norms"` (L2),
            `"net_gradient_norms"` (L1, of the mean gradient),
            `"update_norms"` and `"weight_norms"` (L2). `"group_seconds"` is
            what freezing a group saves in a step; `"rebuild_seconds"`, a
            single number, what a new train function costs; `"mean_fan_in"`,
            another, how many inputs a kernel of the groups adds up, as a
            geometric mean; of several pretrained parts one a group, that of
            its part. Of all weights that move:
            `"gradient_square_norms"` (the mean over the interval),
            `"mean_gradient_square_norm"` and `"interval_batches"`.

    Example:

    >>> aet_keras.policies.Progress(epoch=3, logs={"val_loss": 0.4}).epoch
    3
    """

    epoch: int = 0
    epoch_count: int = 1
    step: int = 0
    step_count: int | None = None
    is_epoch_end: bool = True
    logs: Mapping[str, float] = dataclasses.field(default_factory=dict)
    rate: float = 1e-3
    start_rate: float = 1e-3
    trainable: tuple[bool, ...] = ()
    multipliers: tuple[float, ...] = ()
    is_head_solved: bool = False
    arrays: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def done_ratio(self) -> float:
        """How much of the plan is done, 0 to 1, by batches where known."""
        if self.step_count:
            return min(1.0, self.step / self.step_count)
        return min(1.0, self.epoch / self.epoch_count)
