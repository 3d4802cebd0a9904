"""Measures gradients, weights and updates of each group.

The weights are read before and after the update. All of it is in a branch of
the graph that only every n-th update takes.
"""

from collections.abc import Collection

import keras
import numpy as np
import tensorflow as tf

from aet_keras import _check as check
from aet_keras._keras.optimizer import index_of
from aet_keras._keras.strategy import scope_of
from aet_keras._keras.trainable import sublayers
from aet_keras._keras.update_hook import UpdateHook, zeros

NAMES = frozenset(
    {"gradient_norms", "net_gradient_norms", "update_norms", "weight_norms"}
)


class Statistics(UpdateHook):
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
        super().__init__(model)
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
            self._counts = zeros((row_count,), "measured")
            self._totals = {
                name: zeros((row_count,), name)
                for name in sorted(set(needs) - {"net_gradient_norms"})
            }
            self._sums = (
                {i: zeros(shape, f"sum_{i}") for i, shape in shapes.items()}
                if "net_gradient_norms" in needs
                else {}
            )
            self._before = (
                {i: zeros(shape, f"before_{i}") for i, shape in shapes.items()}
                if "update_norms" in needs
                else {}
            )

    def read(self) -> dict[str, np.ndarray]:
        """Returns an array `(rows,)` for each name that was asked for.

        A row that was not measured since the last `reset` (it was frozen, or
        no update was due) is NaN.
        """
        counts = self._counts.numpy()
        counts = np.where(counts > 0, counts, np.nan)
        means = {k: v.numpy() / counts for k, v in self._totals.items()}
        if self._sums:
            norms = np.zeros(self._row_count)
            for index, total in self._sums.items():
                norm = tf.reduce_sum(tf.abs(keras.ops.convert_to_tensor(total)))
                norms[self._rows[index]] += norm.numpy()
            means["net_gradient_norms"] = norms / counts
        return means

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._counts, *self._totals.values(), *self._sums.values()]

    def _around(self, gradients, update):
        measured = [each for each in gradients if each[0] in self._rows]
        is_due = self._is_due()
        _when(is_due, lambda: self._measure(measured))
        update()
        if self._before:
            _when(is_due, lambda: self._measure_updates(measured))

    def _is_due(self):
        if self._every_steps == 1:
            return True
        # Keras counts updates here, not the batches accumulated for them.
        done = keras.ops.convert_to_tensor(self._optimizer.iterations)
        return tf.equal((done + 1) % self._every_steps, 0)

    def _measure(self, measured):
        gradients = [(i, tf.convert_to_tensor(g)) for i, g, _ in measured]
        weights = [(i, v) for i, _, v in measured]
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

    def _measure_updates(self, measured):
        changes = [
            (i, tf.cast(v, tf.float32) - keras.ops.convert_to_tensor(before))
            for i, _, v in measured
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


def _batch_normalization_weights(model):
    return {
        id(weight)
        for layer in sublayers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        for weight in layer.weights
    }
