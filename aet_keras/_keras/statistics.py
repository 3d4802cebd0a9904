"""Measures gradients, weights and updates of each group.

Measured inside the train function, where the optimizer makes its update: the
gradient there is the one the update is made of (summed over replicas,
averaged over accumulated batches, without the loss scale, clipped), and the
weight is read before and after. All of it stands in a branch that only every
n-th update takes.
"""

from collections.abc import Collection

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras.optimizer import index_of, innermost
from aet_keras._keras.strategy import scope_of
from aet_keras._keras.trainable import sublayers

NAMES = frozenset(
    {"gradient_norms", "net_gradient_norms", "update_norms", "weight_norms"}
)
_HOOK = "_distributed_tf_update_step"


class Statistics:
    """Gathers norms row by row (one row a group) while a model trains.

    BatchNormalization weights are left out. The means are taken over the
    updates that were measured since the last `reset`:

    - `gradient_norms`: L2 norm of the gradient;
    - `net_gradient_norms`: L1 norm of the mean gradient, which is what is
      left once the noise of the batches has cancelled;
    - `update_norms`: L2 norm of what the update changed, constraints and
      decoupled weight decay left out;
    - `weight_norms`: L2 norm of the weights before the update.

    Args:
        model: a compiled model whose optimizer is built on every weight that
            may ever move.
        rows: dict from the `id` of a `keras.Variable` to its row; weights
            that are not in it are not measured.
        row_count: int >= 0.
        needs: which of `NAMES` to gather; the others cost nothing.
        every_steps: int >= 1. Every how many updates to measure.

    Cost:
        One pass over the gradients or weights a name, on every n-th update.
        `net_gradient_norms` and `update_norms` hold one more copy of the
        weights each.
    """

    def __init__(
        self,
        model: keras.Model,
        rows: dict[int, int],
        row_count: int,
        *,
        needs: Collection[str],
        every_steps: int,
    ):
        for each in needs:
            check.known(self, among=NAMES, kind="statistic", needs=each)
        self._every_steps = check.positive_int(self, every_steps=every_steps)
        self._optimizer = innermost(model.optimizer)
        self._outer = None
        self._row_count = row_count
        left_out = _batch_normalization_weights(model)
        measured = {
            index_of(self._optimizer, v): (v, rows[id(v)])
            for v in self._optimizer._trainable_variables
            if id(v) in rows and id(v) not in left_out
        }
        self._rows = {index: row for index, (_, row) in measured.items()}
        shapes = {index: v.shape for index, (v, _) in measured.items()}
        with scope_of(model):
            self._counts = _zeros((row_count,), "measured")
            self._totals = {
                name: _zeros((row_count,), name)
                for name in sorted(set(needs) - {"net_gradient_norms"})
            }
            self._sums = (
                {i: _zeros(shape, f"sum_{i}") for i, shape in shapes.items()}
                if "net_gradient_norms" in needs
                else {}
            )
            self._before = (
                {i: _zeros(shape, f"before_{i}") for i, shape in shapes.items()}
                if "update_norms" in needs
                else {}
            )

    def install(self) -> None:
        """Puts the measurement around the optimizer's update."""
        optimizer = self._optimizer
        self._outer = optimizer.__dict__.get(_HOOK)
        update = self._outer or getattr(type(optimizer), _HOOK).__get__(
            optimizer
        )

        def measured_update(distribution, grads_and_vars, learning_rate):
            # All replicas hold the same gradient here: the first one's do.
            first = distribution.experimental_local_results
            found = []
            for gradient, variable in grads_and_vars:
                index = index_of(optimizer, variable)
                if index in self._rows:
                    pair = first(gradient)[0], first(variable)[0]
                    found.append((index, *pair))
            is_due = self._is_due()
            _when(is_due, lambda: self._measure(found))
            update(distribution, grads_and_vars, learning_rate)
            if self._before:
                _when(is_due, lambda: self._measure_updates(found))

        setattr(optimizer, _HOOK, measured_update)

    def uninstall(self) -> None:
        """Gives the optimizer the method back that it had."""
        self._optimizer.__dict__.pop(_HOOK, None)
        if self._outer is not None:
            setattr(self._optimizer, _HOOK, self._outer)

    def read(self) -> dict[str, np.ndarray]:
        """Returns an array `(rows,)` for each name that was asked for.

        A row that was not measured since the last `reset` (it was frozen, or
        no update was due) is NaN.
        """
        counts = self._counts.numpy()
        counts = np.where(counts > 0, counts, np.nan)
        found = {k: v.numpy() / counts for k, v in self._totals.items()}
        if self._sums:
            norms = np.zeros(self._row_count)
            for index, total in self._sums.items():
                norm = tf.reduce_sum(tf.abs(keras.ops.convert_to_tensor(total)))
                norms[self._rows[index]] += norm.numpy()
            found["net_gradient_norms"] = norms / counts
        return found

    def reset(self) -> None:
        """Starts the means anew."""
        for each in (self._counts, *self._totals.values()):
            each.assign(tf.zeros(each.shape))
        for each in self._sums.values():
            each.assign(tf.zeros(each.shape))

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint in the middle of an interval has to keep."""
        return [self._counts, *self._totals.values(), *self._sums.values()]

    def _is_due(self):
        if self._every_steps == 1:
            return True
        # Keras counts updates here, not the batches accumulated for them.
        done = keras.ops.convert_to_tensor(self._optimizer.iterations)
        return tf.equal((done + 1) % self._every_steps, 0)

    def _measure(self, found):
        gradients = [(i, tf.convert_to_tensor(g)) for i, g, _ in found]
        weights = [(i, v) for i, _, v in found]
        moving = {self._rows[index] for index, _ in weights}
        self._counts.assign_add(
            [float(row in moving) for row in range(self._row_count)]
        )
        self._add("gradient_norms", gradients)
        self._add("weight_norms", weights)
        for index, gradient in gradients if self._sums else ():
            self._sums[index].assign_add(tf.cast(gradient, tf.float32))
        for index, weight in weights if self._before else ():
            self._before[index].assign(tf.cast(weight, tf.float32))

    def _measure_updates(self, found):
        changes = [
            (i, tf.cast(v, tf.float32) - keras.ops.convert_to_tensor(before))
            for i, _, v in found
            for before in [self._before[i]]
        ]
        self._add("update_norms", changes)

    def _add(self, name, tensors):
        """Adds each row's L2 norm to its total, if it was asked for."""
        if name not in self._totals:
            return
        squares = [0.0] * self._row_count
        for index, tensor in tensors:
            half = tf.nn.l2_loss(tf.cast(tensor, tf.float32))
            squares[self._rows[index]] += 2.0 * half
        self._totals[name].assign_add(tf.sqrt(tf.stack(squares)))


def _when(is_due, measure):
    if is_due is True:
        measure()
    else:
        tf.cond(is_due, measure, lambda: None)


def _zeros(shape, name):
    return keras.Variable(
        tf.zeros(shape),
        dtype="float32",
        trainable=False,
        aggregation="only_first_replica",
        name=name,
    )


def _batch_normalization_weights(model):
    return {
        id(weight)
        for layer in sublayers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in layer.weights
    }
