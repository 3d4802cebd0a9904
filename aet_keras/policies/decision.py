"""Defines the output of a policy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Decision:
    """Asks for a change; what is `None` stays as it is.

    Args:
        trainable: optional tuple of bools, a group each, stem to head, the
            head left out. Whether the group may move.
        multipliers: optional tuple of floats >= 0, a group each. What the
            group's rate is, as a share of the head's.
        rate: optional float > 0. The head's learning rate.
        why: str. The reason, as it is logged.
        undo: bool. Whether the weights of the best state so far come back, as
            `Policy.judge` told it. Defaults to `False`.

    Example:

    >>> decision = aet_keras.policies.Decision(rate=1e-4, why="val_loss rose")
    >>> decision.trainable is None
    True
    """

    trainable: tuple[bool, ...] | None = None
    multipliers: tuple[float, ...] | None = None
    rate: float | None = None
    why: str = ""
    undo: bool = False
