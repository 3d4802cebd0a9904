"""Makes the update of Keras's Adam in one operation of TensorFlow.

Keras makes it of some fifteen small ones for each weight. In a step that runs
a few layers only, they take longer than the gradients.
"""

import keras
import tensorflow as tf

from aet_keras._keras.optimizer import OncePerStep, index_of

_KINDS = (keras.optimizers.Adam, keras.optimizers.AdamW)


class FusedAdam:
    """Stands in for `update_step` of an Adam or AdamW.

    The same numbers come out but for rounding: TensorFlow takes `1 - beta_2`
    in float32, 1.3e-5 of it away from what Keras takes, and a weight ends less
    than 1e-5 of its own update away.

    Weights that are no plain variables of float32 (there are replicas), and
    gradients that are sparse, are left to Keras.

    Args:
        optimizer: an optimizer for which `applies` is true.

    Attributes:
        powers: `OncePerStep`. Both betas to the power of the step.
    """

    def __init__(self, optimizer: keras.optimizers.Adam):
        self._optimizer = optimizer
        self._plain = type(optimizer).update_step.__get__(optimizer)
        self.powers = OncePerStep(self._compute_powers)

    @staticmethod
    def applies(optimizer) -> bool:
        """Says whether an optimizer's update is the one made here."""
        return type(optimizer) in _KINDS and not optimizer.amsgrad

    def __call__(self, gradient, variable, learning_rate) -> None:
        """Updates one weight, as `update_step` does."""
        adam = self._optimizer
        place = index_of(adam, variable)
        slots = [adam._momentums[place].value, adam._velocities[place].value]
        is_wrapped = isinstance(variable, keras.Variable)
        weight = variable.value if is_wrapped else variable
        is_dense = isinstance(gradient, tf.Tensor)
        if not (is_dense and all(map(_is_plain, [weight, *slots]))):
            self._plain(gradient, variable, learning_rate)
            return
        powers = self.powers()
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=slots[0].handle,
            v=slots[1].handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=tf.cast(learning_rate, tf.float32),
            beta1=adam.beta_1,
            beta2=adam.beta_2,
            epsilon=adam.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )

    def _compute_powers(self):
        adam = self._optimizer
        step = tf.cast(adam.iterations + 1, tf.float32)
        return [tf.pow(beta, step) for beta in (adam.beta_1, adam.beta_2)]


def _is_plain(variable):
    """Whether an operation may write a variable by its handle."""
    return (
        isinstance(variable, tf.Variable)
        and not hasattr(variable, "values")  # one for each replica
        and variable.dtype == tf.float32
    )
