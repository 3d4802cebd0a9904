"""Lets the processes of a cluster run one recipe together."""

import contextlib
import dataclasses
import pathlib
import shutil
from collections.abc import Callable, Iterator

import keras
import numpy as np

from aet_keras import _cluster
from aet_keras._files import sha256
from aet_keras._keras import agreement
from aet_keras._keras.strategy import made_for_here, scope
from aet_keras.callbacks import ElasticCheckpoint
from aet_keras.data import Dataset, Split
from aet_keras.engine.agreement import Agreement, sum_of_array
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.shared_settings import check_workers
from aet_keras.training.fine_tune import Run

_MODEL = "model.keras"
FOLDER = ".workers"  # in OUT; no server takes it for a version


class SharedRun:
    """Is the part of this process in a run; without a cluster, the whole.

    All processes train. The first, the chief, measures and publishes what
    came of it, in a model outside the strategy; the others wait for it.

    Args:
        recipe: what is run.
        out: path of the folder that the run publishes in.

    Raises:
        ValueError: if one process has to run it, and there are several.
    """

    def __init__(self, recipe: BaseRecipe, out: pathlib.Path):
        cluster = _cluster.here()
        check_workers(recipe, cluster.count)
        self._settings = {**recipe.to_json(), "data": None}  # of its own disk
        earlier = getattr(recipe, "from_", None)
        if cluster.is_several and earlier is not None:  # on its own disk, too
            self._settings["from_"] = sha256(pathlib.Path(earlier, _MODEL))
        self.is_chief = cluster.is_chief
        self._saves = out / FOLDER / "saves"
        self._strategy = made_for_here() if cluster.is_several else None

    def introduce(self, dataset: Dataset) -> Iterator[str]:
        """Yields what a person should know before all begin.

        Raises:
            TrainingError: in all workers, if one of them has read other data
                or was given another recipe.
        """
        if self._strategy is None:
            return
        parts = {
            "recipe": self._settings,
            "classes": list(dataset.specification.class_names),
        }
        for name in ("train", "validation", "test"):
            parts[f"{name} rows"] = sums_of(getattr(dataset, name))
        Agreement(self._strategy).check_same("recipe and data", parts)
        count = self._strategy.num_replicas_in_sync
        yield f"{count} workers train together, each on a share of every batch."

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What saves the run, so that a group that starts again goes on."""
        if self._strategy is None:
            return []
        return [ElasticCheckpoint(self._saves)]

    def scope(self) -> contextlib.AbstractContextManager:
        """Returns the scope in which the model is built and compiled."""
        if self._strategy is None:
            return contextlib.nullcontext()
        return scope(self._strategy)

    def outside(self, run: Run, build: Callable[[], keras.Model]) -> Run:
        """Returns a run with its model outside the strategy.

        There the chief computes without the others.

        Args:
            run: of the model under the strategy.
            build: function that builds the same model again.
        """
        if self._strategy is None:
            return run
        weights = run.model.get_weights()
        if not self.is_chief:
            return run
        model = build()
        model.set_weights(weights)
        return dataclasses.replace(run, model=model)

    @contextlib.contextmanager
    def ended_together(self) -> Iterator[None]:
        """Has all wait until the chief has published."""
        yield
        if self._strategy is None:
            return
        if self.is_chief:
            shutil.rmtree(self._saves, ignore_errors=True)
        agreement.wait_for_all(self._strategy)


_LOOKED_AT = 64  # rows of a split; all would be decoded for it


def sums_of(split: Split) -> list[str]:
    """Returns sums of all labels, and of some rows."""
    rows = np.unique(np.linspace(0, split.count - 1, _LOOKED_AT).astype(int))
    inputs = keras.tree.flatten(split.inputs)
    some = [np.asarray(column[rows]) for column in inputs]
    return [sum_of_array(each) for each in (np.asarray(split.labels), *some)]
