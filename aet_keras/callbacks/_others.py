"""Finds callbacks of the same `fit` that get in the way of ours."""

import warnings

import keras

from aet_keras._keras import running_fit

_RATE_WRITERS = (
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.ReduceLROnPlateau,
)


def rate_writers(
    owner: keras.callbacks.Callback, kinds: tuple[type, ...] = _RATE_WRITERS
) -> list[str]:
    """Names the other callbacks of `fit` that are known to write the rate.

    Args:
        owner: the callback that asks.
        kinds: classes. Those that count; by default those of Keras.
    """
    return [
        _named(each, kinds)
        for each in running_fit.callbacks_of(owner.model) or ()
        if each is not owner and isinstance(each, kinds)
    ]


def check_only_rate_writer(owner: keras.callbacks.Callback) -> None:
    """Raises a ValueError if another callback of `fit` writes the rate too.

    Those of Keras are known, and others of the owner's own class.
    """
    others = rate_writers(owner, (*_RATE_WRITERS, type(owner)))
    if not others:
        return
    name, listed = type(owner).__name__, " and ".join(others)
    raise ValueError(
        f"{name}: one callback at most must write the learning rate, because "
        "batches would use one rate and the log show another. Received: "
        f"{listed} in the same `fit`. Drop {listed}, or drop {name}."
    )


def warn_of_dropped_rate(
    owner: keras.callbacks.Callback, policy: object, other: str
) -> None:
    """Warns that the rate of a policy is not used, but that of another."""
    name = type(owner).__name__
    warnings.warn(
        f"{name}: {type(policy).__name__} writes the learning rate, and so "
        f"does {other}: the rate of the first is not used. Drop {other}, or "
        f"give {name} a policy that leaves the rate alone.",
        stacklevel=2,
    )


def restores_weights(model: keras.Model) -> bool:
    """Says whether a callback of Keras restores the best weights of `fit`."""
    return any(
        getattr(each, "restore_best_weights", False)
        for each in running_fit.callbacks_of(model) or ()
    )


def warn_of_restored_before(owner: keras.callbacks.Callback) -> None:
    """Warns if `BackupAndRestore` comes before a callback that widens."""
    before, _ = _around(owner)
    if any(isinstance(x, keras.callbacks.BackupAndRestore) for x in before):
        name = type(owner).__name__
        warnings.warn(
            f"{name}: `BackupAndRestore` comes before it, so that a resumed "
            "run loses the optimizer's state: Keras restores it before the "
            "optimizer knows the weights that thaw. List `BackupAndRestore` "
            f"after {name}, or use `ElasticCheckpoint` instead, which also "
            "brings back what callbacks and policies have learned.",
            stacklevel=2,
        )


def warn_of_restored_after(owner: keras.callbacks.Callback) -> None:
    """Warns if `EarlyStopping` restores other weights after a callback."""
    _, after = _around(owner)
    if any(getattr(each, "restore_best_weights", False) for each in after):
        name = type(owner).__name__
        warnings.warn(
            f"{name}: `EarlyStopping(restore_best_weights=True)` comes after "
            f"it, and has the last word on the weights: it knows no solved "
            f"head. List it before {name}, or pass "
            "`restore_best_weights=False`.",
            stacklevel=2,
        )


def warn_of_saved_averages(owner: keras.callbacks.Callback) -> None:
    """Warns if `BackupAndRestore` would save averages for weights."""
    listed = running_fit.callbacks_of(owner.model) or []
    if any(isinstance(x, keras.callbacks.BackupAndRestore) for x in listed):
        name = type(owner).__name__
        warnings.warn(
            f"{name}: `BackupAndRestore` saves at the end of an epoch, when "
            "the model has the averages, so that a resumed run goes on from "
            "those and not from the weights that train. Use "
            "`ElasticCheckpoint` instead, which saves both.",
            stacklevel=2,
        )


def check_no_swapped_averages(
    owner: keras.callbacks.Callback, callbacks: list
) -> None:
    """Raises a ValueError if Keras leaves averages in the model to be saved."""
    swapping = keras.callbacks.SwapEMAWeights
    if any(isinstance(x, swapping) and x.swap_on_epoch for x in callbacks):
        raise ValueError(
            f"{type(owner).__name__}: at the end of an epoch the model must "
            "have the weights that train, because a resumed run goes on from "
            "what is saved then. Received: "
            "SwapEMAWeights(swap_on_epoch=True), which puts averages there. "
            "Pass `swap_on_epoch=False`, or use `AverageWeights` instead."
        )


def _around(owner):
    """Returns the callbacks before one, and it with those after it."""
    listed = running_fit.callbacks_of(owner.model) or []
    for place, each in enumerate(listed):
        if each is owner:
            return listed[:place], listed[place:]
    return [], []


def _named(callback, kinds):
    """Returns a callback's class, and that of Keras where it is another."""
    kind = next(each for each in kinds if isinstance(callback, each))
    name = type(callback).__name__
    return name if name == kind.__name__ else f"{name} ({kind.__name__})"
