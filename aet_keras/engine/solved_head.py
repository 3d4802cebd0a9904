"""How good was a head that was solved?"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class SolvedHead:
    """Says what solving the head brought, measured as `fit` measures it.

    Args:
        epoch: int >= 1. Epochs finished when it was solved.
        before: float. The validation loss of that epoch.
        after: float. The validation loss with the solved head.
        logs: dict from str to float. All validation figures with the solved
            head, under the keys of the logs: `val_loss`, `val_accuracy`.

    Example:

    >>> print(aet_keras.engine.SolvedHead(1, 1.8245, 0.9357, {}))
    validation loss 1.8245 to 0.9357 after epoch 1
    """

    epoch: int
    before: float
    after: float
    logs: dict[str, float]

    def __str__(self):
        return (
            f"validation loss {self.before:.4f} to {self.after:.4f} after "
            f"epoch {self.epoch}"
        )
