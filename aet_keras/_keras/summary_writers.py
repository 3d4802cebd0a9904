"""Restores TensorFlow's summary writer after one has failed.

`with writer.as_default()` flushes when it ends. Where that fails (a full
disk), TensorFlow leaves the writer the default one, for everybody.
"""

from typing import Any

from tensorflow.python.ops import summary_ops_v2


def remember() -> dict[str, Any]:
    """Returns which writer is the default one of this thread, and its step."""
    return dict(vars(summary_ops_v2._summary_state))


def bring_back(known: dict[str, Any]) -> None:
    """Makes the default what it was when `remember` was called."""
    vars(summary_ops_v2._summary_state).update(known)
