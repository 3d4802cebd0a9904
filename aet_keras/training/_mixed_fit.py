"""Trains a model on few new rows, beside old ones."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import callbacks, policies
from aet_keras._keras import graph, random_state, reading, trainable
from aet_keras.backbones import kernels
from aet_keras.backbones.groups import HEAD, group_layers
from aet_keras.policies import top_then_all
from aet_keras.training._likeness import Likeness

_WARMUP_RATIO = 0.1


@dataclasses.dataclass(frozen=True)
class Rows:
    """Inputs with their labels.

    Args:
        x: array, or dict of arrays.
        y: ints `(rows,)`.
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


@dataclasses.dataclass(eq=False, repr=False)
class _MoveSome(policies.Policy):
    """Lets some groups move, from the start to the end."""

    chosen: tuple[bool, ...] = ()
    rate_ratio: float = 1.0

    def decide(self, progress):
        return policies.Decision(
            trainable=self.chosen,
            multipliers=(self.rate_ratio,) * len(self.chosen),
            why="chosen before",
        )


def train_groups(
    model: keras.Model,
    new: Rows,
    old: Rows | None,
    settings: Settings,
    *,
    chosen: Sequence[bool] | None = None,
    likeness: Likeness | None = None,
) -> None:
    """Trains some groups and the head of a model, in place.

    BatchNormalization stays in inference mode. Groups have the share of the
    head's rate that their fan-in says (`ThawTopThenAll`). The model's own
    compilation and flags stay as they are: what is compiled is another model
    of the same layers.

    Args:
        model: a functional or built Sequential `keras.Model` that answers
            with probabilities.
        new: `Rows`.
        old: optional `Rows`, for half of each batch.
        settings: `Settings`.
        chosen: optional sequence of bools, a group each, stem to head, the
            head left out. Defaults to all.
        likeness: optional `Likeness`, as of `MixedBatches`.
    """
    batches = MixedBatches(new, old, settings, likeness)
    same = compiled(model, settings)
    names = group_names(model)
    steps = round(_WARMUP_RATIO * len(batches))
    watchers: list[keras.callbacks.Callback] = [
        callbacks.AdaptiveLearningRate(
            policies.WarmupCosine(warmup_steps=steps)
        )
    ]
    if names:
        chosen = tuple(chosen or (True,) * len(names))
        freezing = callbacks.ElasticFreezing(
            _MoveSome(chosen, _rate_ratio(model)),
            cache=None,
            solve_head=False,
            warmup_steps=0,
        )
        watchers.insert(0, freezing)
    layers = trainable.sublayers(model)
    seeded = random_state.seeded_layers(layers, settings.seed)
    with _kept_flags(model), seeded:
        if not names:
            trainable.set_trainable(same, True, except_for=_is_normalization)
        same.fit(
            batches, epochs=1, shuffle=False, verbose=0, callbacks=watchers
        )


def compiled(model: keras.Model, settings: Settings) -> keras.Model:
    """Returns a compiled model of the same layers."""
    same = keras.Model(graph.functional_of(model).input, model.outputs[0])
    same.compile(
        keras.optimizers.Adam(settings.learning_rate),
        "sparse_categorical_crossentropy",
    )
    return same


def group_names(model: keras.Model) -> tuple[str, ...]:
    """Returns the names of a model's groups, stem to head.

    The head is left out; a model that is not cut into groups has none.
    """
    if not graph.is_graph(model):
        return ()
    names = tuple(group.name for group in group_layers(model))
    return names[:-1] if names[-1] == HEAD and len(names) > 1 else ()


def _rate_ratio(model):
    groups = [each for each in group_layers(model) if each.name != HEAD]
    return top_then_all.rate_ratio_of(kernels.mean_fan_in(groups))


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
