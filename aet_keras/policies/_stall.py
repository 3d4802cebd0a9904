"""Has a figure stopped improving?"""

from collections.abc import Mapping
from typing import Any

START = {"monitor": None, "best": None, "wait": 0}


def observe(
    state: dict[str, Any],
    logs: Mapping[str, float],
    *,
    monitor: str,
    min_improvement: float,
) -> bool:
    """Counts an epoch in `state["wait"]` unless the figure improved.

    Args:
        state: dict with the keys of `START`; changed in place.
        logs: dict from str to float. The epoch's logs.
        monitor: str. A key of `logs`, lower being better unless it names an
            accuracy, an AUC, an F1, a precision or a recall; `"auto"` takes
            `val_loss`, or `loss` while there is none.
        min_improvement: float >= 0. What counts as better, as a share of the
            best so far.

    Returns:
        Whether the figure was there: no validation this epoch, no verdict.
    """
    key = _key(logs, monitor, state["monitor"])
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


def _key(logs, monitor, seen):
    if monitor != "auto":
        if monitor not in logs and not monitor.startswith("val_"):
            raise ValueError(
                f"policies: no `{monitor}` in the logs, which have "
                f"{sorted(logs)}. Name one of them as `monitor`."
            )
        return monitor if monitor in logs else None
    if "val_loss" in logs:
        return "val_loss"
    return None if seen == "val_loss" or "loss" not in logs else "loss"


def _is_better(key, value, best, min_improvement):
    if best is None or best != best:
        return value == value
    margin = min_improvement * abs(best)
    if is_higher_better(key):
        return value > best + margin
    return value < best - margin


def is_higher_better(key: str) -> bool:
    """Says whether a logged figure is better when it is higher."""
    words = ("accuracy", "acc", "auc", "f1", "precision", "recall", "iou")
    parts = key.lower().split("_")
    return any(word in parts for word in words)
