"""Freezes and thaws groups in the user's own `fit`."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _log_keys as log_keys
from aet_keras._keras import progress_bar, validation_penalties, workers
from aet_keras._keras.optimizer import ids_to_be_known
from aet_keras.backbones.kernels import fan_in_of_parts, multiply_counts
from aet_keras.callbacks import _others
from aet_keras.callbacks._batch_times import BatchTimes, StepClock
from aet_keras.callbacks._pretrained import check_one_way, pretrained_groups
from aet_keras.engine import Engine
from aet_keras.engine.change import Change
from aet_keras.engine.measurements import MEASURED
from aet_keras.policies import Decision, Policy, ThawTopThenAll
from aet_keras.policies.policy import check_policy
from aet_keras.replay import FeatureCache
from aet_keras.replay.dense_head import SolvedHead
from aet_keras.replay.replay import Replay

_TIMED = frozenset({"group_seconds", "rebuild_seconds"})
_COUNTED = frozenset({"mean_fan_in"})


class ElasticFreezing(StepClock, keras.callbacks.Callback):
    """Freezes and thaws groups of a pretrained model while it trains.

    The groups are found by `aet_keras.backbones.group_layers`. The head
    trains from the start at the rate that the model was compiled with; the
    policy says when the groups below it join and at which share of that rate.
    Whether they were frozen before makes no difference. Layers that `graft`
    put into a group are new, and train with the head. Weights that are
    frozen do not move by a bit, BatchNormalization statistics included, and
    the optimizer keeps its state through every freeze and thaw.

    BatchNormalization in the groups stays in inference mode: training it on
    little data is what breaks most fine-tuning.

    What is frozen one by one when `fit` begins stays fixed, whatever thaws
    around it: the base weights of layers with LoRA, a kernel or a bias with
    `trainable=False`, layers frozen inside a group that is not frozen as a
    whole.

    After `fit` the model keeps the weights and the trainable map of the last
    epoch, as in Keras, with one exception: `ThawTopThenAll` and `ThawOnStall`
    undo a thaw that made things worse, at the latest when `fit` ends, so that
    no thaw leaves a model worse than it was before. Where `KeepBest`, or a
    callback of Keras with `restore_best_weights=True`, chooses the weights,
    the end of `fit` is left to it. A model saved with frozen groups is loaded
    without its optimizer's state; `ElasticCheckpoint` keeps it.

    Args:
        policy: optional `aet_keras.policies.Policy` that decides
            `trainable`. Defaults to `ThawTopThenAll()`.
        groups: optional sequence of `Group`, or of sequences of layers or
            layer names, stem to head. Layers in none of them are the head.
            Needed for subclassed models, which have to be built.
        backbone: optional nested model, or its name. Found if not given.
        train_batch_normalization: bool. Whether BatchNormalization thaws
            with its group. Defaults to `False`.
        warmup_steps: int >= 0. Batches over which the rate of a thawed group
            grows; Adam's count of steps starts anew. Defaults to `20`.
        every_steps: int >= 1. One update in so many is measured, where the
            policy needs to know about gradients. Defaults to `10`.
        cache: `"auto"`, `"memory"`, `"disk"`, a path of a folder, or `None`.
            Where to keep what the frozen groups put out: it is recorded in
            one epoch and replayed in the next ones, validation likewise, so
            that their forward pass is not done again. Rows that `fit`
            shuffles and that end with padding (texts with a mask) come with
            those of like length, without the padding, if the layers above
            give the same for them; while they are recorded, 16 batches are
            read ahead for that. `"auto"` takes memory as far as the limit
            goes, then disk. In a folder of your own, features stay for other
            runs: rows that a model with the same frozen layers and weights
            has seen before are not computed again (Keras's own layers only:
            the code of others may change). Rows that are damaged there are
            computed again. Delete the folder to be rid of them. The cache
            turns itself off where replay would change the result, and says
            why in `cache_events`. Arrays, and a `tf.data.Dataset` that is
            proved to give the same rows in each epoch, are replayed without
            being read. Of all other data each batch is read, and its rows are
            looked up: what is not recorded yet is computed. If fewer than a
            tenth of the rows of an epoch come again (augmentation, for
            example), training goes on without recording. Under a strategy of
            several workers each one reads and records its own rows alone, if
            the data set can be divided by rows. Features that fit in half of
            the free memory of a GPU are copied there. `None` does without.
        views: int >= 1. How many passes over the training data are recorded.
            With 1, rows and frozen layers must not be random. With more, each
            pass is augmented in its own way, by the input pipeline or by
            layers up to the groups, and one of them is replayed in each later
            epoch; features take so many times the room. Defaults to `1`.
        cache_limit_bytes: optional int >= 0. The most that features may take
            in memory. Defaults to half of what is free.
        cache_dtype: `"float16"`, `"bfloat16"` or `"float32"`. What recorded
            features are rounded to. Defaults to `"float16"`.
        solve_head: bool. Whether a head of one dense layer is given, after
            the first epoch on recorded features, the best weights there are
            for them (by L-BFGS, kept if validation improves). Only for losses
            of Keras's own, nothing replaced in the layer, no BatchNormalization
            that is to train, and if the solver's loss of the weights so far is
            the logged `val_loss`; `cache_events` says why one is left alone.
            `KeepBest` judges it like the end of an epoch; callbacks of Keras
            see the ends of epochs alone. Defaults to `True`.
        verbose: 0 or 1. Print a line for each event. Defaults to `0`.

    Attributes:
        group_names: tuple of str, stem to head, the head left out.
        history: list of tuples of bools, one an epoch: which groups moved.
        events: list of `(epoch, Change)`; epoch counts the finished ones.
        cache_events: list of `(epoch, str)`: what the cache did, and why.
        solved: `replay.dense_head.SolvedHead`, or None if no head was solved.
        rebuild_seconds: list of floats, one an epoch, of making its functions.

    Logs:
        `elastic_freezing/trained_groups`: how many groups moved in the epoch.
        `elastic_freezing/cached_groups`: how many, from the stem on, were
            recorded or replayed in it. The progress bar leaves both out.

    Raises:
        ValueError: at the start of `fit`, if no groups can be found, the
            optimizer cannot be steered, or there is no head to train.

    Example:

    >>> backbone = keras.Sequential(
    ...     [keras.layers.Dense(4), keras.layers.Dense(4)], name="old"
    ... )
    >>> model = keras.Sequential(
    ...     [keras.Input((3,)), backbone, keras.layers.Dense(1)]
    ... )
    >>> model.compile("adam", "mse")
    >>> freezing = aet_keras.callbacks.ElasticFreezing(
    ...     aet_keras.policies.ThawOnSchedule(every_epochs=1)
    ... )
    >>> x = np.ones((8, 3)), np.ones((8, 1))
    >>> _ = model.fit(*x, epochs=3, verbose=0, callbacks=[freezing])
    >>> freezing.history
    [(False, False), (False, True), (True, True)]
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        groups: Sequence | None = None,
        backbone: keras.layers.Layer | str | None = None,
        train_batch_normalization: bool = False,
        warmup_steps: int = 20,
        every_steps: int = 10,
        cache: str | os.PathLike | None = "auto",
        views: int = 1,
        cache_limit_bytes: int | None = None,
        cache_dtype: str = "float16",
        solve_head: bool = True,
        verbose: int = 0,
    ):
        super().__init__()
        workers.mend_if_needed()
        self.policy = check_policy(
            self,
            ThawTopThenAll() if policy is None else policy,
            gathered=MEASURED | _TIMED | _COUNTED,
            advice="or give a policy of the rate to `AdaptiveLearningRate`",
        )
        check_one_way(self, groups, backbone)
        self.groups = groups
        self.backbone = backbone
        self.train_batch_normalization = check.boolean(
            self, train_batch_normalization=train_batch_normalization
        )
        self.warmup_steps = check.whole(self, warmup_steps=warmup_steps)
        self.every_steps = check.positive_int(self, every_steps=every_steps)
        self.cache = cache
        self.views = check.positive_int(self, views=views)
        self.cache_limit_bytes = cache_limit_bytes
        self.cache_dtype = cache_dtype
        self._feature_cache = cache and FeatureCache(
            cache, limit_bytes=cache_limit_bytes, dtype=cache_dtype
        )
        self.solve_head = check.boolean(self, solve_head=solve_head)
        self.verbose = check.whole(self, verbose=verbose)
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        self._start_clock(self.params.get("steps"))
        self.policy.reset()
        groups = pretrained_groups(
            self,
            self.model,
            groups=self.groups,
            backbone=self.backbone,
            needs_head=True,
        )
        self._costs = multiply_counts(groups)
        self._fan_in = {"mean_fan_in": fan_in_of_parts(groups)}
        engine = Engine.of(self.model)
        engine.attach(self)
        validation_penalties.forget(self.model)
        known = ids_to_be_known(self.model)
        self._replay = engine.control(
            groups,
            train_batch_normalization=self.train_batch_normalization,
            warmup_steps=self.warmup_steps,
            needs=self.policy.needs & MEASURED,
            every_steps=self.every_steps,
            cache=self._feature_cache,
            views=self.views,
            seed=engine.workers.of_chief(int(np.random.randint(2**31))),
        )
        if known != ids_to_be_known(self.model):
            _others.warn_of_restored_before(self)
        self.group_names = engine.group_names
        self._start_rate = engine.rate
        progress_bar.leave_out(self.model, log_keys.ALL)

    def on_epoch_begin(self, epoch, logs=None):
        self._begin_epoch(epoch)
        engine = Engine.of(self.model)
        # Not at the end of the last one: an epoch that never comes has no
        # thaw, and others' policies see the map of the epoch they judge.
        is_solved = self._solve_head(engine)
        self._decide(self._logs, is_epoch_end=True, is_head_solved=is_solved)
        validation_penalties.note(self.model)
        if self._replay is not None:
            self._replay.begin_epoch(
                epoch,
                engine.trainable,
                batch_count=self.params.get("steps") or 0,
                is_last=epoch + 1 >= self.params["epochs"],
            )
            self._say(epoch)
        self.history.append(engine.trainable)
        self._times = BatchTimes()

    def on_train_batch_begin(self, batch, logs=None):
        self._times.begin()

    def on_train_batch_end(self, batch, logs=None):
        self._times.end()
        if self._end_step(batch, every=self.policy.every_batches):
            self._decide({}, is_epoch_end=False)

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        self._end_epoch()
        self.rebuild_seconds.append(self._times.first_extra)
        if self.events and self.events[-1][0] == epoch:
            self._print(f"traced anew in {self.rebuild_seconds[-1]:.1f} s")
        engine = Engine.of(self.model)
        logs[log_keys.TRAINED_GROUPS] = sum(self.history[-1])
        logs[log_keys.CACHED_GROUPS] = engine.cached_count
        self._logs = dict(logs)
        # Now, while the model has the weights that were validated.
        self._judge(engine, self._logs)

    def on_train_end(self, logs=None):
        engine = Engine.of(self.model)
        if self._replay is not None:  # before weights are written below it
            self._replay.keep_records()
        is_chosen = engine.is_end_chosen or _others.restores_weights(self.model)
        if self.history and not is_chosen:
            self._epoch += 1
            decision = self.policy.finish(self._progress(engine))
            self._apply(engine, engine.workers.decision_of_chief(decision))
        self._say(len(self.history))
        if self._writes_rate:
            engine.apply(Decision(rate=self._start_rate))  # for the next `fit`
        engine.detach(self)
        validation_penalties.forget(self.model)
        self._replay = None

    def get_state(self) -> dict[str, Any]:
        """Returns what `fit` has taught it and its policy, for a save."""
        return {
            **self._clock_state(),
            "cache_events": list(self.cache_events),
            "events": [(at, dataclasses.asdict(x)) for at, x in self.events],
            "history": list(self.history),
            "is_head_solved": self._is_head_solved,
            "logs": dict(self._logs),
            "policy": self.policy.get_state(),
            "rebuild_seconds": list(self.rebuild_seconds),
            "solved": self.solved and dataclasses.asdict(self.solved),
            "times": dataclasses.asdict(self._times),
            "writes_rate": self._writes_rate,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Brings back what `get_state` returned."""
        check.entries(self, state, self.get_state())
        self._set_clock_state(state)
        self.cache_events = list(state["cache_events"])
        self.events = [
            (at, check.record(Change, state=x)) for at, x in state["events"]
        ]
        self.history = list(state["history"])
        self._is_head_solved = state["is_head_solved"]
        self._logs = dict(state["logs"])
        self.policy.set_state(state["policy"])
        self.rebuild_seconds = list(state["rebuild_seconds"])
        solved = state["solved"]
        self.solved = solved and check.record(SolvedHead, state=solved)
        self._times = check.record(BatchTimes, state=state["times"])
        self._writes_rate = state["writes_rate"]

    def _forget(self):
        self._start_clock(None)
        self._start_rate = 0.0
        self._times = BatchTimes()
        self.group_names: tuple[str, ...] = ()
        self.history: list[tuple[bool, ...]] = []
        self.events: list[tuple[int, Change]] = []
        self.cache_events: list[tuple[int, str]] = []
        self.rebuild_seconds: list[float] = []
        self._logs: dict[str, float] = {}
        self.solved: SolvedHead | None = None
        self._replay: Replay | None = None
        self._is_head_solved = self._is_rate_dropped = self._writes_rate = False

    def _decide(self, logs, *, is_epoch_end, is_head_solved=False):
        engine = Engine.of(self.model)
        measured = engine.measurements.take_statistics()
        progress = self._progress(
            engine,
            is_epoch_end=is_epoch_end,
            logs=logs,
            is_head_solved=is_head_solved,
            arrays={**self._fan_in, **measured, **self._seconds(engine)},
        )
        decision = self.policy.decide(progress)
        decision = engine.workers.decision_of_chief(decision)
        decision = self._without_rate(decision)
        self._writes_rate = self._writes_rate or decision.rate is not None
        self._apply(engine, decision)

    def _apply(self, engine, decision):
        change = engine.apply(decision)
        if decision.undo:
            change = change or Change(why=decision.why)
            change = dataclasses.replace(change, is_undone=True)
        if change is not None:
            self.events.append((self._epoch, change))
            self._print(change)

    def _judge(self, engine, logs):
        if engine.workers.of_chief(bool(self.policy.judge(logs))):
            engine.keep_state()

    def _without_rate(self, decision):
        """Drops a rate that another callback decides, and says so once."""
        if decision.rate is None:
            return decision
        owner = Engine.of(self.model).rate_owner
        owner = owner or " and ".join(_others.rate_writers(self))
        if not owner:
            return decision
        if not self._is_rate_dropped:
            self._is_rate_dropped = True
            _others.warn_of_dropped_rate(self, self.policy, owner)
        return dataclasses.replace(decision, rate=None)

    def _seconds(self, engine):
        """Returns what a rebuild takes, and what freezing each group saves."""
        if not self.policy.needs & _TIMED or not any(self.rebuild_seconds):
            return {}
        seconds = self._times.backward(self._costs, engine.trainable)
        rebuild = np.asarray(max(self.rebuild_seconds))
        return {"group_seconds": seconds, "rebuild_seconds": rebuild}

    def _solve_head(self, engine):
        """Solves the head once, after an epoch of it alone."""
        is_alone = bool(self.history) and not any(self.history[-1])
        if not (self.solve_head and is_alone) or self._is_head_solved:
            return False
        if engine.solve_head(self._epoch, self._logs):
            self._is_head_solved = True
            self.solved = engine.solved
            self._judge(engine, self.solved.logs)
        return self._is_head_solved

    def _say(self, epoch):
        """Notes what the cache has to say since it was asked last."""
        if self._replay is None:
            return
        for sentence in self._replay.take_sentences():
            self.cache_events.append((epoch, sentence))
            self._print(sentence)

    def _print(self, what):
        if self.verbose:
            print(f"\nElasticFreezing: after epoch {self._epoch} {what}.")
