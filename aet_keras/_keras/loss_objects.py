"""Which loss object does `compile` make of what a user writes for a loss?"""

import keras
from keras.src.losses.losses import LossFunctionWrapper


def as_loss(loss) -> keras.losses.Loss:
    """Returns a loss object, as Keras makes it of a name or a function.

    Args:
        loss: str, function of `(y_true, y_pred)`, or `keras.losses.Loss`.

    Raises:
        ValueError: if Keras knows no such loss.
    """
    found = keras.losses.get(loss)
    if isinstance(found, keras.losses.Loss):
        return found
    return LossFunctionWrapper(found, name=found.__name__)
