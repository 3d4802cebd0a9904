"""Settings of a search, and the oracle of KerasTuner that they ask for."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import keras_tuner

from aet_keras import _files, _regular_file
from aet_keras._keras import tuner_files
from aet_keras.policies.stall import is_higher_better
from aet_keras.tuning.trials import damaged

_FILE = "search.json"
_MAY_DIFFER = {"max_trials", "features", "track"}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Holds what must be the same in all processes and runs of a search.

    Args:
        tuner: `"random"`, `"hyperband"` or `"bayesian"`.
        objective: str. The figure that trials are judged by.
        max_trials: int >= 1.
        seed: int >= 0.
        epochs: optional int >= 1. The most that a trial may take.
        recipe: optional dict. A `Recipe` as JSON.
        space: optional dict. An `ElasticSpace` as JSON.
        features: `"share"`, `"keep"` or `"apart"`.
        track: `"none"` or `"tensorboard"`.
    """

    tuner: str
    objective: str
    max_trials: int
    seed: int
    epochs: int | None = None
    recipe: dict[str, Any] | None = None
    space: dict[str, Any] | None = None
    features: str = "apart"
    track: str = "none"

    @classmethod
    def load(cls, out: Path) -> "Settings":
        """Reads the file that `begin` wrote into a folder.

        Raises:
            ValueError: if it is not there any more, or damaged.
        """
        path = out / _FILE
        try:
            if problem := _regular_file.why_not(path):
                raise OSError(f"it is {problem}")
            settings = cls(**json.loads(path.read_text(encoding="utf-8")))
            if settings.recipe is None:
                return settings
            # Before 0.11.0 a recipe did not say its kind.
            recipe = {"kind": "image", **settings.recipe}
            return dataclasses.replace(settings, recipe=recipe)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise ValueError(damaged(path, error)) from error

    def begin(self, out: Path, *, resume: bool) -> None:
        """Writes the settings, unless another search is in the folder.

        Raises:
            ValueError: if there is a search and `resume` is `False`, or there
                is none and it is `True`, or it began with other settings.
        """
        is_there = (out / _FILE).exists() or (out / "search").exists()
        if is_there and not resume:
            raise ValueError(
                "search: the folder must hold no search yet, because an old "
                f"one is never picked up unasked. Received: {out}. Go on with "
                "it by `--resume` (`resume=True`), or name another folder."
            )
        if resume and not (out / _FILE).exists():
            raise ValueError(
                "search: to resume, the folder must hold a search. Received: "
                f"{out}, which has no `{_FILE}`. Leave `--resume` out, or "
                "correct the folder."
            )
        if resume:
            self.check_same(out)
        content = _files.json_bytes(dataclasses.asdict(self))
        _files.write_whole(out / _FILE, content)

    def check_same(self, out: Path) -> None:
        """Raises a `ValueError` if a search began with other settings."""
        begun = dataclasses.asdict(Settings.load(out))
        mine = json.loads(_files.json_bytes(dataclasses.asdict(self)))
        for name, value in mine.items():
            if name in _MAY_DIFFER or begun[name] == value:
                continue
            old, new = _differing(begun[name], value)
            raise ValueError(
                f"search: `{name}` must be what the search in {out} began "
                "with, because its trials would not compare. Received: "
                f"{new}, begun with {old}. Give the same again, or name "
                "another folder."
            )


def _differing(old, new):
    """Returns two values; of two dicts only the entries that differ."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return repr(old), repr(new)
    names = sorted(k for k in {*old, *new} if old.get(k) != new.get(k))
    return tuple(
        ", ".join(f"{name}={each.get(name)!r}" for name in names[:3])
        for each in (old, new)
    )


def make_oracle(settings, hypermodel):
    """Returns the oracle of KerasTuner that `Settings` ask for."""
    is_max = is_higher_better(settings.objective)
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    given = {
        "objective": keras_tuner.Objective(
            settings.objective, "max" if is_max else "min"
        ),
        "seed": settings.seed + 1,  # KerasTuner takes 0 for none
        "hyperparameters": hp,
        # It would raise in the middle of a search; ours judges at the end.
        "max_consecutive_failed_trials": settings.max_trials + 1,
    }
    oracle = _make(settings, given)
    # Hyperband's oracle is given none, but heeds it like the others.
    oracle.max_trials = settings.max_trials
    oracle.verbose = 0
    tuner_files.save_whole(oracle, _files.write_whole)
    return oracle


def _make(settings, given):
    oracles = keras_tuner.oracles
    if settings.tuner == "random":
        return oracles.RandomSearchOracle(**given)
    if settings.tuner == "hyperband":
        return oracles.HyperbandOracle(
            **given, max_epochs=settings.epochs, hyperband_iterations=None
        )
    # KerasTuner's own, three a dimension, would be a hundred random trials.
    count = max(3, settings.max_trials // 3)
    return oracles.BayesianOptimizationOracle(**given, num_initial_points=count)
