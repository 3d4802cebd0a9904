"""Applies decisions to a model that is training."""

import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras._keras import (
    functions,
    gradient_noise,
    multipliers,
    statistics,
)
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras import trainable as flags
from aet_keras._progress import report
from aet_keras.engine import _state, preconditions
from aet_keras.engine.change import Change
from aet_keras.engine.kept_weights import KeptWeights
from aet_keras.engine.skipped_steps import SkippedSteps
from aet_keras.policies import Decision
from aet_keras.replay.boundary import sums_of
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.replay.replay import Replay

# What can be measured of each group, and of all weights that move.
MEASURED = statistics.NAMES
NOISE = gradient_noise.NAMES
_WATCHED = ("gradient_norms", "weight_norms")
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
        self._clients: weakref.WeakSet = weakref.WeakSet()
        self._groups: tuple[Any, ...] = ()
        self._is_fixed = _is_batch_normalization
        self._trainable: tuple[bool, ...] = ()
        self._is_steering = False
        self._multipliers: multipliers.Multipliers | None = None
        self._statistics: statistics.Statistics | None = None
        self._noise: gradient_noise.GradientNoise | None = None
        self._watched: statistics.Statistics | None = None
        self._installed: list[
            Any
        ] = []  # what stands around the update, outermost last
        self._counted = None
        self._fit = None
        self._is_head_held = False
        self._is_end_chosen = False
        self._solved: SolvedHead | None = None
        self._solved_sums: dict[Any, Any] = {}
        self._kept = KeptWeights()
        self._held = flags.Held()
        self._missed = SkippedSteps(0)
        self.own_rate: float | None = None  # what was written here last
        self.rate_owner: str | None = None  # who decides it in this `fit`

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
        rate = self._optimizer.learning_rate
        return float(keras.ops.convert_to_tensor(rate).numpy())

    def take_rate(self) -> None:
        """Takes the rate that is there now for one that was written here."""
        self.own_rate = self.rate

    def attach(self, client: keras.callbacks.Callback) -> None:
        """Notes that a callback uses this engine in the `fit` that begins.

        Callbacks of one `fit` share its `params`. Those of an earlier one
        that was interrupted, and never ended, are forgotten.
        """
        if client.params is not self._fit:
            self._fit = client.params
            self._is_head_held = self._is_end_chosen = False
            self.rate_owner = None
            self._clients.clear()
            self._release()
        self._clients.add(client)

    def detach(self, client: keras.callbacks.Callback) -> None:
        """Notes that a callback is done; the last one frees the optimizer.

        The trainable map stays as it was decided. The optimizer gets its own
        methods back, and the next `fit` makes its own train function.
        """
        self._clients.discard(client)
        if not self._clients and self._is_steering:
            self._release()
            functions.forget_train_function(self.model)

    def rebuild(self) -> None:
        """Has the next batch trace what a train step is made of anew."""
        self._is_steering = True
        functions.rebuild_train_function(self.model)

    def control(
        self,
        groups: Sequence,
        *,
        train_batch_normalization: bool = False,
        warmup_steps: int = 0,
        needs: Collection[str] = (),
        every_steps: int = 10,
        cache=None,
        views: int = 1,
        seed: int = 0,
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
            needs: names of statistics of gradients to gather, of `MEASURED`.
            every_steps: int >= 1. One update in so many is measured.
            cache: optional `aet_keras.replay.FeatureCache`. Where what
                the frozen prefix puts out is kept, to be replayed.
            views: int >= 1. How many passes over the data are recorded; more
                than one for rows or layers that are random.
            seed: int >= 0. Of the order of replayed rows.

        Raises:
            ValueError: if the model is not built, nothing but the groups
                could learn, or the optimizer cannot give groups rates of
                their own.
        """
        model = self.model
        preconditions.check_built(model)
        preconditions.check_optimizer(model)
        self._groups = tuple(groups)
        self._is_fixed = (
            _is_nothing
            if train_batch_normalization
            else _is_batch_normalization
        )
        preconditions.check_head(model, self._grouped_layers)
        layers = [group.layers for group in self._groups]
        self._held = flags.Held.of(model, layers, before=self._held)
        flags.open_parents(model, self._grouped_layers)
        self._set_flags((True,) * len(self._groups))
        new = optimizers.widen(model, list(model.trainable_variables))
        rows = {
            id(weight): row
            for row, group in enumerate(self._groups)
            for layer in group.layers
            for weight in getattr(layer, "trainable_weights", ())
        }
        self._release()
        self._solved = None
        self._rows = rows
        self._multipliers = multipliers.Multipliers(
            model, rows, len(self._groups), warmup_steps
        )
        self._multipliers.install()
        if needs:
            self._statistics = self._measure(needs, every_steps)
        self._start_counts({rows[key] for key in new if key in rows})
        self._trainable = (True,) * len(self._groups)
        self.rebuild()
        if cache is not None:
            self._replay = Replay(model, self._groups, cache, seed, views)

    def begin_epoch(
        self, epoch: int, *, batch_count: int | None, is_last: bool
    ) -> list[str]:
        """Chooses how the epoch runs: plainly, recorded or replayed.

        Args:
            epoch: int >= 0. Epochs finished.
            batch_count: int >= 1, or `None` while that is not known.
            is_last: bool. Whether no epoch follows.

        Returns:
            Sentences that say what the cache does now and did not say before.
        """
        if self._replay is None:
            return []
        self._replay.begin_epoch(
            epoch,
            self._trainable,
            batch_count=batch_count or 0,
            is_last=is_last,
        )
        return self.take_sentences()

    def solve_head(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Gives a dense head the best weights there are for fixed features.

        It is done only where the problem is proved to be the one that `fit`
        works on: layer and loss are Keras's own, nothing of them is replaced,
        and the loss of the present weights is the one in the logs. If not,
        `take_sentences` says why.

        Args:
            epoch: int >= 1. Epochs finished.
            logs: dict from str to float. Of the last one of them.

        Returns:
            Whether there is such a head, what goes into it was recorded, and
            its validation loss improved. Then `solved` says how.
        """
        if self._is_head_held or self._replay is None:
            return False
        report("solving the head")
        found = self._replay.solve_head(logs, self._trainable)
        if found is None:
            return False
        self._solved = SolvedHead(
            epoch, float(logs["val_loss"]), found["val_loss"], found
        )
        self._solved_sums = sums_of(self._free_layers)
        return True

    @property
    def solved(self) -> SolvedHead | None:
        """The head as it was solved; `None` once it has trained on."""
        if self._solved is None:
            return None
        if sums_of(self._free_layers) != self._solved_sums:
            self._solved = None
        return self._solved

    def hold_head(self) -> None:
        """Says that the head knows something, and is not to be solved anew.

        It holds for the `fit` in which the client that says so is attached.
        """
        self._is_head_held = True

    def choose_end(self) -> None:
        """Says that a callback chooses the weights that `fit` ends with.

        It holds for the `fit` in which the client that says so is attached.
        """
        self._is_end_chosen = True

    @property
    def is_end_chosen(self) -> bool:
        """Whether a callback chooses the weights that `fit` ends with."""
        return self._is_end_chosen

    def keep_state(self) -> None:
        """Keeps the weights as they are, to come back by `Decision.undo`.

        Frozen groups are left out until they thaw.
        """
        frozen = self._weights_of_rows(
            row for row, moves in enumerate(self._trainable) if not moves
        )
        self._kept.keep(self.model, frozen)

    def take_statistics(self) -> dict[str, np.ndarray]:
        """Returns what was measured of each group, and starts anew."""
        if self._statistics is None:
            return {}
        found = self._statistics.read()
        self._statistics.reset()
        return found

    def measure_noise(self) -> None:
        """Has the gradients' noise measured until `fit` ends.

        Called when an epoch begins: all callbacks have begun by then, and
        the optimizer knows every weight that may move.
        """
        if self._noise is None:
            self._noise = gradient_noise.GradientNoise(self.model)
            self._install(self._noise)
            self._is_steering = True

    def take_noise(self) -> dict[str, np.ndarray]:
        """Returns what was measured of all weights, and starts anew."""
        if self._noise is None:
            return {}
        found = self._noise.read()
        self._noise.reset()
        return found

    def watch_gradients(self, *, every_steps: int = 10) -> None:
        """Has gradients of groups measured for a reader who only looks.

        Until `fit` ends, and apart from what policies need: neither reader
        takes anything from the other. Without groups it does nothing. Called
        when an epoch begins, as `measure_noise`.

        Args:
            every_steps: int >= 1. One update in so many is measured.
        """
        if self._watched is None and self._multipliers is not None:
            self._watched = self._measure(_WATCHED, every_steps)

    def take_watched(self) -> dict[str, np.ndarray]:
        """Returns what was measured to be looked at, and starts anew.

        `gradient_norms` and `weight_norms`, as `take_statistics` has them.
        """
        if self._watched is None:
            return {}
        found = self._watched.read()
        self._watched.reset()
        return found

    def keep_records(self) -> None:
        """Leaves what was recorded to other runs, if they have a folder."""
        if self._replay is not None:
            self._replay.keep_records()

    def take_sentences(self) -> list[str]:
        """Returns what the cache has to say since it was asked last."""
        if self._replay is None:
            return []
        sentences, self._replay.sentences = self._replay.sentences, []
        return sentences

    @property
    def cached_count(self) -> int:
        """How many groups, from the stem on, are replayed in this epoch."""
        return self._replay.cached_count if self._replay else 0

    @property
    def cached_bytes(self) -> int:
        """How many bytes the records take now, of training and validation."""
        return self._replay.byte_count if self._replay else 0

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
        if decision.undo:
            self._kept.bring_back(self.model)
        if decision.rate is not None and decision.rate != self.rate:
            self.check_rate_writable(self)
            self._optimizer.learning_rate = decision.rate
            self.take_rate()
        if decision.multipliers is not None:
            self._check_length("multipliers", decision.multipliers)
            is_new = not _close(decision.multipliers, self.multipliers)
            if is_new and self._multipliers is not None:
                self._multipliers.write(decision.multipliers)
        if decision.trainable is None or decision.trainable == self.trainable:
            return None
        self._check_length("trainable", decision.trainable)
        return self._turn(tuple(decision.trainable), decision.why)

    def read_state(self, current=None) -> dict:
        """Returns what a resumed `fit` has to know, records left out.

        Args:
            current: the iterator that the next epoch goes on with, or None.
        """
        return _state.read(self, current)

    def write_state(self, state: dict) -> None:
        """Brings back what `read_state` returned, in a new `fit` like it."""
        _state.write(self, state)

    def begin_records(self, state: dict) -> None:
        """Gets the cache ready to record again what a state had recorded."""
        _state.write_replay(self, state)

    def recorded_passes(self, state: dict, side: str) -> list:
        """Lists the batches that `record_again` wants to see, in order.

        Args:
            state: what `read_state` returned.
            side: `"train"` or `"validation"`.

        Returns:
            List of tuples: number of the iterator, of its first batch, and
            how many.
        """
        return _state.passes(state, side)

    def record_again(self, state: dict, side: str, batch) -> None:
        """Records a batch without training on it."""
        _state.record_again(self, state, side, batch)

    def finish_records(self, state: dict, current) -> None:
        """Ends what `begin_records` began."""
        _state.finish_records(self, state, current)

    def skip_step(self, iterator) -> None:
        """Reads and records what the next step would, and trains nothing."""
        if self._replay is None:
            next(iterator)
        else:
            self._replay.skip(iterator)

    def check_rate_writable(self, owner: object) -> None:
        """Raises a ValueError if the rate is a schedule, not a number."""
        rate = self._optimizer.get_config().get("learning_rate")
        if isinstance(rate, float | int):
            return
        name = rate.get("class_name") if isinstance(rate, dict) else rate
        raise ValueError(
            f"{check.owner_name(owner)}: the optimizer's rate must be a "
            "number, because the policy writes it. Received: "
            f"learning_rate={name}. Compile with a float, or drop the "
            "callback."
        )

    @property
    def _replay(self):
        # On the model: it holds the model, and an engine must not.
        return getattr(self.model, "_aet_replay", None)

    @_replay.setter
    def _replay(self, replay):
        self.model._aet_replay = replay

    @property
    def _optimizer(self):
        return optimizers.innermost(self.model.optimizer)

    @property
    def _grouped_layers(self):
        return [layer for group in self._groups for layer in group.layers]

    def _release(self):
        self._is_steering = False
        self._kept = KeptWeights()
        while self._installed:
            self._installed.pop().uninstall()
        self._noise = self._statistics = self._watched = None
        if self._replay is not None:
            self._replay.release()
            self._replay = None
        if self._multipliers is not None:
            self._multipliers.uninstall()
            self._multipliers = None

    def _measure(self, needs, every_steps):
        measured = statistics.Statistics(
            self.model,
            self._rows,
            len(self._groups),
            needs=needs,
            every_steps=every_steps,
        )
        self._install(measured)
        return measured

    def _install(self, measurement):
        measurement.install()
        self._installed.append(measurement)

    def _start_counts(self, joined):
        """Starts each row's count of steps, or goes on from an earlier `fit`.

        A new optimizer, or other groups, count anew.
        """
        counted = (
            id(self._optimizer),
            [id(each) for each in self._grouped_layers],
        )
        if counted != self._counted:
            self._counted = counted
            self._missed = SkippedSteps(len(self._groups))
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
                self._kept.add(self._weights_of_rows([row]))
        self._trainable = wanted
        functions.rebuild_train_function(self.model)
        names = self.group_names
        pairs = list(zip(names, before, wanted, strict=True))
        return Change(
            thawed=tuple(n for n, was, now in pairs if now and not was),
            frozen=tuple(n for n, was, now in pairs if was and not now),
            why=why,
        )

    def _weights_of_rows(self, rows):
        return [
            v
            for row in rows
            for layer in self._groups[row].layers
            for v in getattr(layer, "weights", ())
        ]

    @property
    def _free_layers(self):
        """The layers that have weights of their own outside the groups."""
        grouped = {
            id(v) for v in self._weights_of_rows(range(len(self._groups)))
        }
        return [
            each
            for each in flags.sublayers(self.model)
            if any(id(v) not in grouped for v in flags.own_weights(each))
        ]

    def _turn_to(self, wanted):
        """Brings a trainable map back; nothing is thawed anew by it."""
        self._set_flags(wanted)
        self._trainable = wanted
        functions.rebuild_train_function(self.model)

    def _set_flags(self, wanted):
        for group, value in zip(self._groups, wanted, strict=True):
            for layer in group.layers:
                if isinstance(layer, keras.layers.Layer):
                    flags.set_trainable(
                        layer,
                        value,
                        except_for=self._is_fixed,
                        held=self._held,
                    )
        self._held = self._held.leave(self._grouped_layers)

    def _steps(self):
        return int(self._optimizer.iterations.numpy())

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
