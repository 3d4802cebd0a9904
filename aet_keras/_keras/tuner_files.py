"""Makes KerasTuner write each of its files whole or not at all."""

import json
import pathlib
from collections.abc import Callable

import keras_tuner


def save_whole(
    oracle: keras_tuner.Oracle, write: Callable[[pathlib.Path, bytes], object]
) -> None:
    """Makes an oracle write each of its files whole or not at all.

    KerasTuner opens them and writes: one that is cut short cannot be read
    when the search is to go on.

    Args:
        oracle: `keras_tuner.Oracle` that will be given a project folder.
        write: function of a path and bytes that replaces a file at once.
    """

    def save():
        _write(oracle._get_oracle_fname(), oracle, write)

    def save_trial(trial):
        folder = pathlib.Path(oracle._get_trial_dir(trial.trial_id))
        _write(folder / "trial.json", trial, write)

    oracle.save, oracle._save_trial = save, save_trial


def _write(path, owner, write):
    # As KerasTuner writes it: a metric may be infinite.
    write(pathlib.Path(path), json.dumps(owner.get_state()).encode())
