"""Applies decisions to a model that is training."""

import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from aet_keras import _check as check
from aet_keras._keras import functions
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras import trainable as flags
from aet_keras._renamed import renamed_members
from aet_keras.engine import agreement, preconditions
from aet_keras.engine.change import Change
from aet_keras.engine.controlled_groups import ControlledGroups
from aet_keras.engine.group_rates import GroupRates
from aet_keras.engine.head_solver import HeadSolver
from aet_keras.engine.kept_weights import KeptWeights
from aet_keras.engine.measurements import Measurements
from aet_keras.policies import Decision
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.replay.replay import Replay

_STATE = ("trainable", "missed", "kept", "variables", "replay")
_MOVED = {
    "measure_noise": "measurements.measure_noise",
    "read_state": "get_state",
    "take_noise": "measurements.take_noise",
    "take_statistics": "measurements.take_statistics",
    "take_watched": "measurements.take_watched",
    "watch_gradients": "measurements.watch_gradients",
    "write_state": "set_state",
}
_ENGINES: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


class Engine:
    """Applies decisions to one model; the only owner of what they touch.

    That is the trainable map, the train function, the optimizer's weights,
    and the rates. Callbacks, which do not see each other, are its clients.

    Args:
        model: a compiled `keras.Model`.

    Attributes:
        measurements: `Measurements` of the model's gradients.
        workers: `Agreement` with the other processes that train it.
        is_end_chosen: bool. Whether a callback chooses the weights that `fit`
            ends with.
        controlled_fit: dict or None. `params` of the `fit` with `control`.
        own_rate: float or None. The rate that was written here last.
        rate_owner: str or None. Who decides the rate in this `fit`.

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
        self._groups = ControlledGroups()
        self._is_steering = False
        self._rates = GroupRates()
        self._replay: weakref.ref[Replay] | None = None
        self._fit: dict | None = None
        self.controlled_fit: dict | None = None
        self._head = HeadSolver()
        self._kept = KeptWeights()
        self.measurements = Measurements(model)
        self.workers = agreement.Agreement(model.distribute_strategy)
        self.is_end_chosen = False
        self.own_rate: float | None = None
        self.rate_owner: str | None = None

    if not TYPE_CHECKING:
        __getattr__ = renamed_members(_MOVED)

    @classmethod
    def of(cls, model: keras.Model) -> "Engine":
        """Returns the engine of a model, the same one every time."""
        preconditions.check_compiled(model)
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
        return self._groups.names

    @property
    def trainable(self) -> tuple[bool, ...]:
        """Which of these groups move."""
        return self._groups.trainable

    @property
    def replay(self) -> Replay | None:
        """What records and replays in this `fit`; `None` without a cache.

        It holds the model and an engine must not: whoever called `control`
        keeps it.
        """
        return None if self._replay is None else self._replay()

    @property
    def multipliers(self) -> tuple[float, ...]:
        """Each group's rate as a share of the head's, warm-up left out."""
        return self._rates.values

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

        Callbacks of a `fit` share `params`; those of another are forgotten.
        """
        if client.params is not self._fit:
            self._fit = client.params
            self._head.is_held = self.is_end_chosen = False
            self.rate_owner = None
            self._clients.clear()
            self._release()
            agreement.begin(self)
        self._clients.add(client)

    def detach(self, client: keras.callbacks.Callback) -> None:
        """Notes that a callback is done; the last one frees the optimizer.

        The trainable map stays as it was decided. The optimizer gets its own
        methods back, and the next `fit` makes its own train function.
        """
        self._clients.discard(client)
        is_on = self._is_steering or self.measurements.is_on
        if is_on and not self._clients:
            self._release()
            functions.forget_train_function(self.model)

    def rebuild(self) -> None:
        """Makes the next batch trace the train step again."""
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
    ) -> Replay | None:
        """Takes charge of some groups; everything else stays as it is.

        The optimizer is built on every weight that may ever move.

        Args:
            groups: sequence of objects with `.name` and `.layers`, stem to
                head, the head left out.
            train_batch_normalization: bool. Whether BatchNormalization in
                these groups moves with them. Defaults to `False`: it stays
                in inference mode.
            warmup_steps: int >= 0. Steps over which the rate of a thawed
                group grows to its full size.
            needs: names of statistics to gather, of `measurements.MEASURED`.
            every_steps: int >= 1. One update in so many is measured.
            cache: optional `aet_keras.replay.FeatureCache`. Keeps what the
                frozen groups put out, to be replayed.
            views: int >= 1. How many passes over the data are recorded; more
                than one for rows or layers that are random.
            seed: int >= 0. Of the order of replayed rows.

        Returns:
            The `Replay` if there is a cache, for the caller to keep as long
            as `fit` runs.

        Raises:
            ValueError: if the model is not built, nothing outside the groups
                could learn, or the optimizer refuses rates of their own.
        """
        model = self.model
        preconditions.check_built(model)
        preconditions.check_optimizer(model)
        self.controlled_fit = self._fit
        layers = [each for group in groups for each in group.layers]
        preconditions.check_head(model, layers)
        held = flags.Held.of(
            model, [group.layers for group in groups], before=self._groups.held
        )
        self._groups = ControlledGroups(
            groups,
            train_batch_normalization=train_batch_normalization,
            held=held,
        )
        flags.open_parents(model, layers)
        self._groups.turn_to(self.trainable)
        new = optimizers.widen(model, list(model.trainable_variables))
        rows = self._groups.rows
        self._release()
        self._head.forget()
        self._rates.begin(
            model,
            rows,
            self._groups.layers,
            len(self._groups),
            joined={rows[key] for key in new if key in rows},
            warmup_steps=warmup_steps,
        )
        self.measurements.begin(
            rows, len(self._groups), needs=needs, every_steps=every_steps
        )
        self.rebuild()
        if cache is None:
            return None
        replay = Replay(model, tuple(groups), cache, seed, views)
        self._replay = weakref.ref(replay)
        return replay

    def solve_head(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Gives a dense head the best weights there are for fixed features.

        It is done only where the problem is proved to be the one that `fit`
        works on: layer and loss are Keras's own, nothing of them is replaced,
        and the loss of the present weights is the one in the logs. If not,
        `replay.take_sentences` says why.

        Args:
            epoch: int >= 1. Epochs finished.
            logs: dict from str to float. Of the last one of them.

        Returns:
            Whether there is such a head, what goes into it was recorded, and
            its validation loss improved. Then `solved` says how.
        """
        groups, model, replay = self._groups, self.model, self.replay
        return self._head.solve(
            epoch, logs, model=model, groups=groups, replay=replay
        )

    @property
    def solved(self) -> SolvedHead | None:
        """The head as it was solved; `None` once it has trained on."""
        return self._head.solved(self.model, self._groups)

    def hold_head(self) -> None:
        """Says that the head knows something, and is not to be solved anew.

        It holds for the `fit` in which the client that says so is attached.
        """
        self._head.is_held = True

    def choose_end(self) -> None:
        """Says that a callback chooses the weights this `fit` ends with."""
        self.is_end_chosen = True

    def keep_state(self) -> None:
        """Keeps the weights as they are, to come back by `Decision.undo`.

        Frozen groups are left out until they thaw.
        """
        self._kept.keep(self.model, self._groups.frozen_weights)

    @property
    def cached_count(self) -> int:
        """How many groups, from the stem on, are replayed in this epoch."""
        return 0 if self.replay is None else self.replay.cached_count

    @property
    def cached_bytes(self) -> int:
        """How many bytes the records take now, of training and validation."""
        return 0 if self.replay is None else self.replay.byte_count

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
        count, multipliers = len(self._groups), decision.multipliers
        if multipliers is not None:
            preconditions.check_length("multipliers", multipliers, count)
            self._rates.write(multipliers)
        if decision.trainable is None or decision.trainable == self.trainable:
            return None
        preconditions.check_length("trainable", decision.trainable, count)
        return self._turn(tuple(decision.trainable), decision.why)

    def get_state(self, current=None) -> dict:
        """Returns what a resumed `fit` has to know, records left out.

        Args:
            current: the iterator that the next epoch goes on with, or None.
        """
        replay = self.replay
        return {
            "trainable": self.trainable,
            "missed": self._rates.get_state(),
            "kept": self._kept.get_state(self.model),
            "variables": [v.numpy() for v in self._variables()],
            "replay": None if replay is None else replay.get_state(current),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned, in a new `fit` like it.

        All but its entry `replay`: `Replay.set_state` takes that one, once an
        epoch can begin.

        Raises:
            ValueError: if an entry is missing or not known.
        """
        check.entries(self, {"kept": [], **state}, _STATE)
        trainable = tuple(state["trainable"])
        if trainable != self.trainable:  # nothing is thawed anew by it
            self._groups.turn_to(trainable)
            functions.rebuild_train_function(self.model)
        self._kept.set_state(self.model, state.get("kept", []))  # 0.9.0: none
        self.take_rate()  # it came back with the optimizer
        pairs = zip(self._variables(), state["variables"], strict=False)
        for variable, value in pairs:  # none are left once `fit` has ended
            variable.assign(value)
        self._rates.set_state(state["missed"])

    def follow(self, model: keras.Model) -> None:
        """Goes on as the engine of a model, of which this one has a copy."""
        self._rates.follow(Engine.of(model)._rates, model, self.model)

    def check_rate_writable(self, owner: object) -> None:
        """Raises a ValueError if the rate is a schedule, not a number."""
        preconditions.check_rate_writable(self._optimizer, owner)

    @property
    def _optimizer(self):
        return optimizers.innermost(self.model.optimizer)

    def _variables(self):
        return [*self._rates.variables, *self.measurements.variables]

    def _release(self):
        self._is_steering = False
        self._kept = KeptWeights()
        self.measurements.release()
        if self.replay is not None:
            self.replay.release()
        self._replay = None
        self._rates.release()

    def _turn(self, wanted, why):
        before = self.trainable
        self._groups.turn_to(wanted)
        for row, (was, now) in enumerate(zip(before, wanted, strict=True)):
            if was and not now:
                self._rates.freeze(row)
            if now and not was:
                self._rates.thaw(row)
                self._kept.add(self._groups.weights([row]))
        functions.rebuild_train_function(self.model)
        return Change.between(before, wanted, names=self.group_names, why=why)
