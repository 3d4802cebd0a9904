"""Gives each group its own rate inside the user's optimizer.

The rate that reaches `update_step` is scaled, never the gradient (Adam
cancels the scale of a gradient). The scale of a row (one row a group) is

    multiplier * min(1, steps since its thaw / warmup_steps) * correction

computed in the train function from variables, so that it changes without a
rebuild. The correction gives each row its own count of steps: Adam divides
its moments by 1 - beta**steps with one count for all weights, and a weight
that joins after 500 steps would start with two to four times the rate.

Optimizers whose update is not proportional to the rate (a momentum that has
old rates in it) get the scale on what `update_step` changed.
"""

import keras
import tensorflow as tf
from keras import ops

from aet_keras._keras.fused_adam import FusedAdam
from aet_keras._keras.optimizer import OncePerStep, index_of, innermost
from aet_keras._keras.strategy import scope_of

_PROPORTIONAL = (
    keras.optimizers.Adadelta,
    keras.optimizers.Adagrad,
    keras.optimizers.Adam,
    keras.optimizers.Adamax,
    keras.optimizers.AdamW,
    keras.optimizers.Lamb,
    keras.optimizers.Lion,
    keras.optimizers.Nadam,
)
_BY_MOMENTUM = (keras.optimizers.SGD, keras.optimizers.RMSprop)
_BIAS_CORRECTED = (keras.optimizers.Adam, keras.optimizers.AdamW)
_OWN_DECAY = (keras.optimizers.Muon,)
_REFUSED = {
    # A weight of 1 and a gradient of 0 make 0 in the first step.
    "Ftrl": "it makes weights of its sums alone, and forgets what they were",
    "ScheduleFreeAdamW": "it keeps averages that follow the whole rate",
    "MultiOptimizer": "it takes no subset of its weights",
}


class Multipliers:
    """Scales the updates of a model's optimizer, row by row.

    Args:
        model: a compiled model whose optimizer is built on every weight that
            may ever move.
        rows: dict from the `id` of a `keras.Variable` to its row; weights
            that are not in it keep the whole rate.
        row_count: int >= 0.
        warmup_steps: int >= 0. Steps over which a thawed row's rate grows.
    """

    def __init__(self, model, rows, row_count, warmup_steps):
        self._optimizer = innermost(model.optimizer)
        self._rows = {
            index_of(self._optimizer, v): rows[id(v)]
            for v in self._optimizer._trainable_variables
            if id(v) in rows
        }
        self._warmup_steps = warmup_steps
        self._scales = OncePerStep(lambda: ops.unstack(self._compute()))
        with scope_of(model):
            self._values = _vector(row_count, 1.0, "multipliers")
            self._thawed_at = _vector(row_count, -1e9, "thawed_at")
            self._skipped = _vector(row_count, 0.0, "skipped_steps")
        self._known = None  # to read a variable at each batch costs too much

    def install(self) -> None:
        """Puts the scales between the optimizer and its updates."""
        optimizer = self._optimizer
        update_step = type(optimizer).update_step.__get__(optimizer)
        of_step = [self._scales]
        if FusedAdam.applies(optimizer):
            update_step = FusedAdam(optimizer)
            of_step.append(update_step.powers)
        apply_gradients = type(optimizer)._backend_apply_gradients

        def apply_in_new_step(gradients, variables):
            for each in of_step:
                each.forget()
            apply_gradients(optimizer, gradients, variables)

        scale_update = _scaled_rate if _is_proportional(optimizer) else _blend

        def scaled_update_step(gradient, variable, learning_rate):
            scale = self._scale_of(variable)
            if scale is None:
                return update_step(gradient, variable, learning_rate)
            return scale_update(
                update_step, gradient, variable, learning_rate, scale
            )

        optimizer.update_step = scaled_update_step
        optimizer._backend_apply_gradients = apply_in_new_step
        if optimizer.weight_decay is not None and not isinstance(
            optimizer, _OWN_DECAY
        ):
            optimizer._apply_weight_decay = self._apply_weight_decay
        if optimizer.use_ema:
            optimizer._overwrite_model_variables_with_average_value = (
                self._overwrite_with_averages
            )

    def uninstall(self) -> None:
        """Gives the optimizer its own methods back."""
        for name in (
            "update_step",
            "_backend_apply_gradients",
            "_apply_weight_decay",
            "_overwrite_model_variables_with_average_value",
        ):
            self._optimizer.__dict__.pop(name, None)

    @property
    def values(self) -> tuple[float, ...]:
        """The multiplier of each row, warm-up left out."""
        if self._known is None:
            self._known = tuple(self._values.numpy().tolist())
        return self._known

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint has to keep."""
        return [self._values, self._thawed_at, self._skipped]

    def write(self, values) -> None:
        """Sets the multiplier of each row; it holds from the next step on."""
        self._values.assign(ops.cast(values, "float32"))
        self._known = None

    def reread(self) -> None:
        """Notes that another has written `variables`."""
        self._known = None

    def start(self, row: int, *, steps: int, skipped: int) -> None:
        """Notes that a row thaws now, `steps` into the run.

        Args:
            row: int.
            steps: int. Updates that the optimizer has made.
            skipped: int. How many of them passed this row by.
        """
        self._thawed_at.assign(_put(self._thawed_at, row, steps))
        self._skipped.assign(_put(self._skipped, row, skipped))

    def _scale_of(self, variable):
        row = self._rows.get(index_of(self._optimizer, variable))
        if row is None:
            return None
        return self._scales()[row]

    def _compute(self):
        """Returns the scales of all rows, in as few operations as of one."""
        steps = ops.cast(self._optimizer.iterations, "float32") + 1.0
        scales = ops.convert_to_tensor(self._values)
        if self._warmup_steps:
            since = steps - ops.convert_to_tensor(self._thawed_at)
            scales = scales * ops.clip(since / self._warmup_steps, 0.0, 1.0)
        if isinstance(self._optimizer, _BIAS_CORRECTED):
            own = steps - ops.convert_to_tensor(self._skipped)
            scales = scales * (
                self._correction(ops.maximum(own, 1.0))
                / self._correction(steps)
            )
        return scales

    def _correction(self, steps):
        """Returns what Adam multiplies its rate with after some steps."""
        adam = self._optimizer
        return ops.sqrt(1.0 - adam.beta_2**steps) / (1.0 - adam.beta_1**steps)

    def _apply_weight_decay(self, variables):
        optimizer = self._optimizer

        def decay(variable):
            if not optimizer._use_weight_decay(variable):
                return
            factor = optimizer.weight_decay * optimizer.learning_rate
            scale = self._scale_of(variable)
            factor = factor if scale is None else factor * scale
            variable.assign_sub(variable * ops.cast(factor, variable.dtype))

        _update_each(optimizer, decay, variables)

    def _overwrite_with_averages(self, variables):
        """Gives each weight its own average, and frozen ones none.

        Keras pairs the trainable subset with the full list of averages.
        """
        optimizer = self._optimizer
        for variable in variables:
            index = index_of(optimizer, variable)
            average = optimizer._model_variables_moving_average[index]
            tracked = optimizer._trainable_variables[index]
            if average is not None and tracked.trainable:
                optimizer._distribution_strategy.extended.update(
                    tracked.value, lambda a, b: a.assign(b), args=(average,)
                )


def refuse_reason(optimizer) -> str | None:
    """Says why groups of an optimizer cannot have rates of their own."""
    kinds = (each.__name__ for each in type(innermost(optimizer)).__mro__)
    return next((_REFUSED[each] for each in kinds if each in _REFUSED), None)


def _vector(count, value, name):
    return keras.Variable(
        [value] * count,
        shape=(count,),
        dtype="float32",
        trainable=False,
        name=name,
    )


def _put(vector, row, value):
    array = vector.numpy().copy()
    array[row] = value
    return array


def _is_proportional(optimizer):
    if type(optimizer) in _BY_MOMENTUM:
        return not optimizer.momentum
    return type(optimizer) in _PROPORTIONAL


def _scaled_rate(update_step, gradient, variable, learning_rate, scale):
    rate = ops.cast(learning_rate, "float32") * scale
    return update_step(gradient, variable, rate)


def _blend(update_step, gradient, variable, learning_rate, scale):
    before = tf.identity(variable)
    update_step(gradient, variable, learning_rate)
    change = variable - before
    variable.assign(before + change * tf.cast(scale, variable.dtype))


def _update_each(optimizer, update, variables):
    def across_replicas(distribution, variables):
        for variable in variables:
            value = getattr(variable, "value", variable)
            distribution.extended.update(value, update, group=False)

    tf.__internal__.distribute.interim.maybe_merge_call(
        across_replicas, optimizer._distribution_strategy, variables
    )
