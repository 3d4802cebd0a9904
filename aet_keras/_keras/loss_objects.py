"""Which loss object does `compile` make of what a user writes for a loss?"""

import keras
from keras.src.losses.loss import scale_loss_for_distribution
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


def share_of_replica(value):
    """Returns what one replica adds of a term that there is once in all.

    Keras adds the losses of all replicas up; means over rows are divided by
    their number already.
    """
    return scale_loss_for_distribution(value)
