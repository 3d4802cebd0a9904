"""What does a decision change in a model that is training?"""

import weakref
from collections.abc import Sequence

import keras

from aet_keras import _check as check
from aet_keras._keras import functions, multipliers
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras import trainable as flags
from aet_keras.engine import _demands
from aet_keras.engine._missed import MissedSteps
from aet_keras.engine.change import Change
from aet_keras.policies import Decision

_ENGINES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class Engine:
    """Applies decisions to one model; the only owner of what they touch.

    That is the trainable map, the train function, the optimizer's list of
    weights, and the rates. Callbacks are its clients and never see each
    other. Use `Engine.of(model)`.

    Args:
        model: a compiled `keras.Model`.

    Raises:
        ValueError: if the model is not compiled, or its optimizer cannot be
            steered.

    Example:

    >>> model = keras.Sequential([keras.layers.Dense(2)])
    >>> model.build((None, 3))
    >>> model.compile("adam", "mse")
    >>> engine = aet_keras.engine.Engine.of(model)
    >>> engine is aet_keras.engine.Engine.of(model), engine.group_names
    (True, ())
    """

    def __init__(self, model: keras.Model):
        self._model = weakref.ref(model)
        self._clients = weakref.WeakSet()
        self._groups = ()
        self._is_fixed = _is_batch_normalization
        self._trainable = ()
        self._multipliers = None
        self._counted = None
        self._fit = None
        self._missed = MissedSteps(0)

    @classmethod
    def of(cls, model: keras.Model) -> "Engine":
        """Returns the engine of a model, the same one every time."""
        if not getattr(model, "compiled", False):
            raise ValueError(
                "Engine: the model must be compiled, because its optimizer is "
                "steered. Call `model.compile(...)` first."
            )
        if model not in _ENGINES:
            _ENGINES[model] = cls(model)
        return _ENGINES[model]

    @property
    def model(self) -> keras.Model:
        """The model."""
        return self._model()

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the groups under control, stem to head, head left out."""
        return tuple(group.name for group in self._groups)

    @property
    def trainable(self) -> tuple[bool, ...]:
        """Which of these groups move."""
        return self._trainable

    @property
    def multipliers(self) -> tuple[float, ...]:
        """Each group's rate as a share of the head's, warm-up left out."""
        return self._multipliers.values if self._multipliers else ()

    @property
    def rate(self) -> float:
        """The learning rate of the head."""
        rate = optimizers.innermost(self.model.optimizer).learning_rate
        return float(keras.ops.convert_to_tensor(rate).numpy())

    def attach(self, client: keras.callbacks.Callback) -> None:
        """Notes that a callback uses this engine in the `fit` that begins.

        Callbacks of one `fit` share its `params`. Those of an earlier one
        that was interrupted, and never ended, are forgotten.
        """
        if client.params is not self._fit:
            self._fit = client.params
            self._clients.clear()
            self._release()
        self._clients.add(client)

    def detach(self, client: keras.callbacks.Callback) -> None:
        """Notes that a callback is done; the last one frees the optimizer.

        The trainable map stays as it was decided. The optimizer gets its own
        methods back, and the next `fit` makes its own train function.
        """
        self._clients.discard(client)
        if not self._clients and self._multipliers is not None:
            self._release()
            functions.forget_train_function(self.model)

    def control(
        self,
        groups: Sequence,
        *,
        train_batch_normalization: bool = False,
        warmup_steps: int = 0,
    ) -> None:
        """Takes charge of some groups; everything else stays as it is.

        The optimizer is built on every weight that may ever move, and keeps
        what it knew of those it was built on.

        Args:
            groups: sequence of objects with `.name` and `.layers`, stem to
                head, the head left out.
            train_batch_normalization: bool. Whether BatchNormalization in
                these groups moves with them. Defaults to `False`: it stays
                in inference mode.
            warmup_steps: int >= 0. Steps over which the rate of a thawed
                group grows to its full size.

        Raises:
            ValueError: if the model is not built, nothing but the groups
                could learn, or the optimizer cannot give groups rates of
                their own.
        """
        model = self.model
        _demands.check_built(model)
        _demands.check_optimizer(model)
        self._groups = tuple(groups)
        self._is_fixed = (
            _is_nothing
            if train_batch_normalization
            else _is_batch_normalization
        )
        layers = [layer for group in self._groups for layer in group.layers]
        _demands.check_head(model, layers)
        flags.open_parents(model, layers)
        self._set_flags((True,) * len(self._groups))
        new = optimizers.widen(model, list(model.trainable_variables))
        rows = {
            id(weight): row
            for row, group in enumerate(self._groups)
            for layer in group.layers
            for weight in getattr(layer, "trainable_weights", ())
        }
        self._release()
        self._multipliers = multipliers.Multipliers(
            model, rows, len(self._groups), warmup_steps
        )
        self._multipliers.install()
        self._start_counts({rows[key] for key in new if key in rows})
        self._trainable = (True,) * len(self._groups)
        functions.rebuild_train_function(model)

    def apply(self, decision: Decision) -> Change | None:
        """Does what a policy decided; the next batch trains accordingly.

        Args:
            decision: `aet_keras.policies.Decision`.

        Returns:
            A `Change` if groups froze or thawed, else `None`.

        Raises:
            ValueError: if the decision has another number of groups, or the
                rate is a schedule that cannot be written.
        """
        if decision.rate is not None and decision.rate != self.rate:
            self.check_rate_writable(self)
            optimizer = optimizers.innermost(self.model.optimizer)
            optimizer.learning_rate = decision.rate
        if decision.multipliers is not None:
            self._check_length("multipliers", decision.multipliers)
            if not _close(decision.multipliers, self.multipliers):
                self._multipliers.write(decision.multipliers)
        if decision.trainable is None or decision.trainable == self.trainable:
            return None
        self._check_length("trainable", decision.trainable)
        return self._turn(tuple(decision.trainable), decision.why)

    def check_rate_writable(self, owner: object) -> None:
        """Raises a ValueError if the rate is a schedule, not a number."""
        optimizer = optimizers.innermost(self.model.optimizer)
        rate = optimizer.get_config().get("learning_rate")
        if isinstance(rate, float | int):
            return
        name = rate.get("class_name") if isinstance(rate, dict) else rate
        raise ValueError(
            f"{check.owner_name(owner)}: the optimizer's rate must be a "
            "number, because the policy writes it. Received: "
            f"learning_rate={name}. Compile with a float, or drop the "
            "callback."
        )

    def _release(self):
        if self._multipliers is not None:
            self._multipliers.uninstall()
            self._multipliers = None

    def _start_counts(self, joined):
        """Starts each row's count of steps, or goes on from an earlier `fit`.

        A new optimizer, or other groups, count anew.
        """
        optimizer = optimizers.innermost(self.model.optimizer)
        layers = [layer for group in self._groups for layer in group.layers]
        counted = (id(optimizer), [id(layer) for layer in layers])
        if counted != self._counted:
            self._counted = counted
            self._missed = MissedSteps(len(self._groups))
        steps = self._steps()
        for row in range(len(self._groups)):
            if row in joined:
                self._missed.join(row, steps)
            self._thaw_row(row, steps)

    def _thaw_row(self, row, steps):
        missed = self._missed.thaw(row, steps)
        self._multipliers.start(row, steps=steps, skipped=missed)

    def _turn(self, wanted, why):
        before, steps = self._trainable, self._steps()
        self._set_flags(wanted)
        for row, (was, now) in enumerate(zip(before, wanted, strict=True)):
            if was and not now:
                self._missed.freeze(row, steps)
            if now and not was:
                self._thaw_row(row, steps)
        self._trainable = wanted
        functions.rebuild_train_function(self.model)
        names = self.group_names
        pairs = list(zip(names, before, wanted, strict=True))
        return Change(
            thawed=tuple(n for n, was, now in pairs if now and not was),
            frozen=tuple(n for n, was, now in pairs if was and not now),
            why=why,
        )

    def _set_flags(self, wanted):
        for group, value in zip(self._groups, wanted, strict=True):
            for layer in group.layers:
                if isinstance(layer, keras.layers.Layer):
                    flags.set_trainable(layer, value, except_for=self._is_fixed)

    def _steps(self):
        optimizer = optimizers.innermost(self.model.optimizer)
        return int(optimizer.iterations.numpy())

    def _check_length(self, name, values):
        if len(values) != len(self._groups):
            raise ValueError(
                f"Engine: a decision's `{name}` must have one value for each "
                f"of {len(self._groups)} groups. Received: {len(values)}."
            )


def _close(a, b):
    return all(abs(x - y) <= 1e-6 * abs(x) for x, y in zip(a, b, strict=True))


def _is_batch_normalization(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _is_nothing(layer):
    return False
