"""Trains a model on few new rows, beside old ones."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from aet_keras import backbones, callbacks, policies
from aet_keras._keras import graph, random_state, reading, trainable
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras.multipliers import Multipliers
from aet_keras.backbones import kernels
from aet_keras.backbones.groups import HEAD, Group, group_layers
from aet_keras.engine import preconditions
from aet_keras.engine.controlled_groups import ControlledGroups
from aet_keras.policies import top_then_all
from aet_keras.training._likeness import Likeness

_WARMUP_RATIO = 0.1


@dataclasses.dataclass(frozen=True)
class Rows:
    """Inputs with their labels.

    Args:
        x: array, or dict of arrays.
        y: ints `(rows,)`; numbers, or 0 and 1 `(rows, tags)`.
    """

    x: Any
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Any) -> "Rows":
        """Returns some of the rows, by their numbers."""
        return Rows(reading.take(self.x, rows), self.y[rows])

    def joined(self, other: "Rows") -> "Rows":
        """Returns the rows of both."""
        return Rows(*reading.join([(self.x, self.y), (other.x, other.y)]))


@dataclasses.dataclass(frozen=True)
class Settings:
    """Says how long and how fast a model trains.

    Args:
        epochs: int >= 1. Passes over the new rows.
        batch_size: int >= 2. Half of a batch is old rows, where there are
            any; a third, where as many are made like new ones.
        learning_rate: float > 0. Adam's, of the head.
        seed: int >= 0.
    """

    epochs: int = 15
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0


class MixedBatches(keras.utils.PyDataset):
    """New rows and old ones in each batch, all batches of a run in one epoch.

    Args:
        new: `Rows`.
        old: optional `Rows`: as many in a batch as new ones.
        settings: `Settings`.
        likeness: optional `Likeness`. With it and old rows, a batch has as
            many more old rows, which are made to look like new ones.
    """

    def __init__(
        self,
        new: Rows,
        old: Rows | None,
        settings: Settings,
        likeness: Likeness | None = None,
    ):
        super().__init__()
        self._new, self._old, self._seed = new, old, settings.seed
        self._likeness = None if old is None else likeness
        random = np.random.default_rng(settings.seed)
        parts = 1 + (old is not None) + (self._likeness is not None)
        self._size = min(max(1, settings.batch_size // parts), len(new))
        self._steps = -(-len(new) // self._size) * settings.epochs
        wanted = self._steps * self._size
        self._new_rows = _passes(len(new), wanted, random)
        if old is not None:
            self._old_rows = _passes(len(old), wanted * (parts - 1), random)

    def __len__(self):
        return self._steps

    def __getitem__(self, step):
        size = self._size
        part = slice(step * size, (step + 1) * size)
        batch = self._new.take(self._new_rows[part])
        if self._old is None:
            return batch.x, batch.y
        if self._likeness is None:
            both = batch.joined(self._old.take(self._old_rows[part]))
            return both.x, both.y
        part = slice(2 * step * size, 2 * (step + 1) * size)
        old = self._old.take(self._old_rows[part])
        random = np.random.default_rng((self._seed, step))
        made = self._likeness.apply(old.x[:size], random)
        x = np.concatenate([batch.x, made, old.x[size:]])
        return x, np.concatenate([batch.y, old.y])


class GroupTraining:
    """Trains all groups and the head of a model, in place, again and again.

    What a step does is traced once, and anew only if other weights may move
    than before. Each run starts Adam anew. BatchNormalization stays in
    inference mode. Groups have the share of the head's rate that their fan-in
    says (`ThawTopThenAll`). The model's own compilation and flags stay as
    they are: what is compiled is another model of the same layers.

    Args:
        model: a functional or built Sequential `keras.Model`.
        loss: str. What is trained.
    """

    def __init__(
        self, model: keras.Model, loss: str = "sparse_categorical_crossentropy"
    ):
        self._model, self._loss = model, loss
        self._groups = _without_head(model)
        self._same: keras.Model | None = None
        self._moving: list[int] = []
        self._multipliers: Multipliers | None = None

    def run(
        self,
        new: Rows,
        old: Rows | None,
        settings: Settings,
        *,
        likeness: Likeness | None = None,
    ) -> None:
        """Trains from the weights as they are.

        Args:
            new: `Rows`.
            old: optional `Rows`, for half of each batch.
            settings: `Settings`.
            likeness: optional `Likeness`, as of `MixedBatches`.
        """
        batches = MixedBatches(new, old, settings, likeness)
        steps = round(_WARMUP_RATIO * len(batches))
        rate = callbacks.AdaptiveLearningRate(
            policies.WarmupCosine(warmup_steps=steps)
        )
        layers = trainable.sublayers(self._model)
        seeded = random_state.seeded_layers(layers, settings.seed)
        with _kept_flags(self._model), seeded:
            self._thawed(settings).fit(
                batches, epochs=1, shuffle=False, verbose=0, callbacks=[rate]
            )

    def _thawed(self, settings):
        """Returns a compiled model of the same layers, all of which move."""
        same = self._same or compiled(self._model, settings, self._loss)
        rows = self._thaw(same)
        moving = [id(each) for each in same.trainable_variables]
        if same is self._same and moving == self._moving:
            for each in same.optimizer.variables:
                each.assign(keras.ops.zeros_like(each))
            same.optimizer.learning_rate = settings.learning_rate
            return same
        if same is self._same:
            same = compiled(self._model, settings, self._loss)
        optimizers.widen(same, list(same.trainable_variables))
        if rows:
            count = len(self._groups)
            self._multipliers = Multipliers(same, rows, count, 0)
            self._multipliers.install()
            found = kernels.fan_in_of_parts(self._groups)
            self._multipliers.write(
                [
                    top_then_all.rate_ratio_of(float(each))
                    for each in np.broadcast_to(found, count)
                ]
            )
        self._same, self._moving = same, moving
        return same

    def _thaw(self, same):
        """Lets layers move; returns the place of each weight's group."""
        if not self._groups:
            trainable.set_trainable(same, True, except_for=_is_normalization)
            return {}
        parts = [group.layers for group in self._groups]
        layers = [each for part in parts for each in part]
        preconditions.check_head(same, layers)
        held = trainable.Held.of(same, parts, before=trainable.Held())
        controlled = ControlledGroups(self._groups, held=held)
        trainable.open_parents(same, layers)
        controlled.turn_to(controlled.trainable)
        return controlled.rows


def compiled(model: keras.Model, settings: Settings, loss: str) -> keras.Model:
    """Returns a compiled model of the same layers."""
    same = keras.Model(graph.functional_of(model).input, model.outputs[0])
    same.compile(keras.optimizers.Adam(settings.learning_rate), loss)
    return same


def _without_head(model):
    """Returns a model's groups, stem to head, without the head and grafts.

    A model that is not cut into groups has none.
    """
    if not graph.is_graph(model):
        return ()
    *groups, last = group_layers(model)
    if last.name != HEAD or not groups:
        return ()
    return tuple(
        Group(
            each.name,
            tuple(x for x in each.layers if not backbones.is_grafted(x)),
            each.part,
        )
        for each in groups
    )


@contextlib.contextmanager
def _kept_flags(model: keras.Model) -> Iterator[None]:
    with trainable.kept_flags(reversed(trainable.sublayers(model))):
        yield


def _is_normalization(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _passes(count, wanted, random):
    """Returns so many row numbers, each row once before one comes again."""
    passes = -(-wanted // count)
    rows = [random.permutation(count) for _ in range(passes)]
    return np.concatenate(rows)[:wanted]
