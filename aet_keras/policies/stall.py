"""Detects that a figure has stopped improving."""

import math
from collections.abc import Mapping
from typing import Any

from aet_keras import _check as check

START = {"monitor": None, "best": None, "wait": 0}
# Parts of names, those of the metrics of Keras among them.
_HIGHER_IS_BETTER = frozenset(
    "acc accuracy auc auprc auroc bleu correlation dice f1 fbeta hit iou "
    "jaccard kappa map mcc ndcg precision psnr r2 recall rouge sensitivity "
    "similarity specificity ssim true".split()
)
_LOWER_IS_BETTER = frozenset(
    "brier cosh cost crossentropy deviance distance divergence error false "
    "hinge kld logcosh loss mae mape mse msle nll perplexity poisson rmse "
    "wer".split()
)


def observe(
    policy: Any, logs: Mapping[str, float], min_improvement: float = 0.0
) -> bool:
    """Counts an epoch in `state["wait"]` unless the figure improved.

    Args:
        policy: its `monitor` names the figure; its `state` has the keys
            `monitor`, `best`, `wait`, and is changed.
        logs: dict of the epoch's figures.
        min_improvement: float >= 0. A smaller improvement, as a share of the
            best, counts as none.

    Returns:
        bool. False if the figure is not there this time.

    Raises:
        ValueError: if it is named and will never be there.
    """
    state, monitor = policy.state, policy.monitor
    if monitor not in ("auto", *logs):
        _refuse_unless_validation_is_due(policy, logs, monitor)
    key = find_key(logs, monitor, state["monitor"])
    if key is None:
        return False
    if key != state["monitor"]:
        state.update(monitor=key, best=None, wait=0)
    value = float(logs[key])
    if _is_better(key, value, state["best"], min_improvement):
        state.update(best=value, wait=0)
    else:
        state["wait"] += 1
    return True


def find_key(
    logs: Mapping[str, float], monitor: str, seen: str | None
) -> str | None:
    """Returns the key of the figure in an epoch's logs, or None.

    Args:
        logs: dict from str to float.
        monitor: str. As of `observe`.
        seen: optional str. The key of earlier epochs.
    """
    if monitor != "auto":
        return monitor if monitor in logs else None
    if "val_loss" in logs:
        return "val_loss"
    return None if seen == "val_loss" or "loss" not in logs else "loss"


def _refuse_unless_validation_is_due(owner, logs, monitor):
    is_validated = any(key.startswith("val_") for key in logs)
    if monitor.startswith("val_") and not is_validated:
        return
    raise ValueError(
        f"{check.owner_name(owner)}: no `{monitor}` in the logs, which have "
        f"{sorted(logs)}. Name one of them as `monitor`."
    )


def _is_better(key, value, best, min_improvement):
    if best is None or not math.isfinite(best):
        return math.isfinite(value)  # from inf on, no margin would be met
    margin = min_improvement * abs(best)
    if is_higher_better(key):
        return value > best + margin
    return value < best - margin


def is_higher_better(key: str) -> bool:
    """Says whether a logged figure is better when it is higher.

    Its name says so: an accuracy, an AUC, an F-score, an overlap (which Keras
    logs as `io_u`), a precision, an R2, a recall, a correlation, a similarity
    and the like, and no loss or error. Of another name, a lower one is.

    Args:
        key: str. A key of the logs.

    Returns:
        bool.

    Example:

    >>> higher = aet_keras.policies.stall.is_higher_better
    >>> higher("val_accuracy"), higher("val_loss")
    (True, False)
    """
    known = _known_parts(key)
    return bool(known) and known[-1] in _HIGHER_IS_BETTER


def is_direction_known(key: str) -> bool:
    """Says whether the name of a figure tells if higher or lower is better.

    Example:

    >>> known = aet_keras.policies.stall.is_direction_known
    >>> known("val_mae"), known("val_quality")
    (True, False)
    """
    return bool(_known_parts(key))


def _known_parts(key):
    """Returns what says something; before the last it names an output."""
    parts = key.lower().replace("io_u", "iou").split("_")
    return [p for p in parts if p in _HIGHER_IS_BETTER | _LOWER_IS_BETTER]
