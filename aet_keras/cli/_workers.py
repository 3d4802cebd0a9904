"""Starts a group of processes that train one model, and watches over them."""

import functools
import json
import os
import pathlib
import time
from collections.abc import Callable, Sequence

from aet_keras import _cluster, _processes
from aet_keras._lock import alone
from aet_keras._processes import Process
from aet_keras.errors import ExportError, TrainingError
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.shared_settings import check_workers

_SAY_SECONDS = 5.0
FOLDER = ".workers"  # in OUT; no server takes it for a version


def check(count: int) -> None:
    """Raises a ValueError if processes started here would join a cluster."""
    if count and _cluster.here().is_several:
        raise ValueError(
            f"fit: `--workers` must be left out where {_cluster.NAME} is set, "
            "because each process of that cluster is one worker. Received: "
            f"both. Leave out one, or unset {_cluster.NAME}."
        )


def _sentence_about_cores(count: int) -> str | None:
    """Says that there are more workers than cores, if so."""
    cores = os.cpu_count() or 1
    if count <= cores:
        return None
    return (
        f"{count} workers share {cores} cores: they wait for each other, and "
        "fewer would be faster."
    )


def join() -> bool:
    """Takes this process's place in its cluster; says whether it is chief."""
    if _processes.is_supervised():
        _processes.end_with_parent()
    return _cluster.here().is_chief


def meet() -> None:
    """Waits for the other processes of the cluster, if there are any.

    It must come before TensorFlow computes anything: a tracker does.
    """
    if _cluster.here().is_several:
        from aet_keras._keras.strategy import made_for_here

        made_for_here()


def supervise(
    recipe: BaseRecipe,
    out: str | os.PathLike,
    options: Sequence[str],
    *,
    count: int,
    say: Callable[[str], None],
) -> None:
    """Runs `aet-keras fit` in several processes until all have finished.

    If one is killed, all are started again, and go on from the last save:
    none can train without the others. The first one shows its output, the
    others write theirs to `OUT/.workers/workerN.log`.

    Args:
        recipe: what they train.
        out: path of the folder that the command publishes in.
        options: sequence of str. More options of the command.
        count: int >= 1.
        say: function of a sentence.

    Raises:
        TrainingError: if one of them gives up, or is killed too often.
        ValueError: if one process has to train it.
    """
    check_workers(recipe, count)
    folder = pathlib.Path(out) / FOLDER
    _make_folder(folder)
    with alone(folder, functools.partial(_in_use, folder)):
        try:
            _supervise(recipe, out, folder, options, count, say)
        except KeyboardInterrupt as error:
            raise _interrupted(folder) from error


def _supervise(recipe, out, folder, options, count, say):
    recipe.save(folder / "recipe.json")
    arguments = ["--recipe", str(folder / "recipe.json"), "--out", str(out)]
    command = _processes.python(
        "aet_keras_command", "fit", *arguments, *options
    )
    about_cores = _sentence_about_cores(count)
    if about_cores:
        say(about_cores)
    restarts = 0
    while True:
        killed = _run_group(command, folder, count)
        if killed is None:
            return
        if restarts == _processes.MOST_RESTARTS:
            raise TrainingError(
                "fit: the workers must run to the end, because none can train "
                f"without the others. Received: {killed.name} was ended by "
                f"signal {-killed.code}, after {restarts} restarts of all. See "
                f"{folder}; the same command goes on from the last save."
            )
        restarts += 1
        say(
            f"{killed.name} was ended by signal {-killed.code}: all "
            f"{count} start again, from the last save."
        )


def _interrupted(folder):
    goes_on = any((folder / "saves").glob("*"))
    how = "goes on from the last save" if goes_on else "begins anew"
    return TrainingError(
        "fit: the workers must run to the end, because they publish there. "
        f"Received: an interruption. The same command {how}."
    )


def _in_use(folder, error):
    return TrainingError(
        "fit: one group of workers at a time must have `--out`, because a "
        "group that starts again reads its recipe there. Received: "
        f"{folder.parent}; {error}. Wait until it is over, or name another "
        "folder."
    )


def _make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(
            "fit: `--out` must be a folder that can be written, because the "
            f"workers say there what they do. Received: {folder.parent} "
            f"({error.strerror}). Name another folder."
        ) from error


def _run_group(command, folder, count):
    """Runs all once; returns the one that was killed, or None at the end."""
    started = _processes_of(command, folder, count)
    try:
        for each in started:
            each.start()
        while not all(each.has_ended for each in started):
            # The one that was killed first: it takes the others down.
            killed = [p for p in started if p.code is not None and p.code < 0]
            if killed:
                return killed[0]
            gave_up = [each for each in started if each.code]
            if gave_up:
                raise _why(gave_up[0], chief=started[0])
            time.sleep(_processes.TURN_SECONDS)
        return None
    finally:
        _processes.stop(started)


def _processes_of(command, folder, count):
    ports = _processes.free_ports(count)
    addresses = [f"{_processes.HOST}:{port}" for port in ports]
    # What is set here already, by the user, stays.
    shared = {**_processes.KEEP_MEMORY, **_processes.environment(count)}
    made = []
    for index in range(count):
        name = "chief" if index == 0 else f"worker{index}"
        known = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        environment = {**shared, _cluster.NAME: json.dumps(known)}
        is_shown = index == 0
        made.append(Process(name, command, folder, environment, is_shown))
    return made


def _why(process, chief):
    """Returns what ends the command where one process gave up."""
    until = time.monotonic() + _SAY_SECONDS
    while chief.code is None and time.monotonic() < until:
        time.sleep(_processes.TURN_SECONDS)
    if chief.code:  # for a reason that all have, and that it has shown
        return SystemExit(chief.code)
    return TrainingError(
        f"fit: `{process.name}` must run to the end, because the others "
        f"cannot do without it. Received: {process.why_ended()} See "
        f"{process.log_file}."
    )
