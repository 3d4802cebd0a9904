"""Says how much memory of a GPU is free."""

import dataclasses

import tensorflow as tf
from tensorflow.python.client import device_lib


@dataclasses.dataclass(frozen=True)
class Device:
    """A device with memory of its own.

    Args:
        name: str. As TensorFlow calls it.
        free_bytes: int. What was never in use at once, of what it may take.
    """

    name: str
    free_bytes: int


def first_gpu() -> Device | None:
    """Returns the GPU that a model without a strategy computes on, if any."""
    found = tf.config.list_logical_devices("GPU")
    if not found:
        return None
    name = found[0].name
    limits = {
        each.name: each.memory_limit for each in device_lib.list_local_devices()
    }
    number = name.rpartition(":")[2]
    limit = limits.get(f"/device:GPU:{number}", 0)
    peak = tf.config.experimental.get_memory_info(f"GPU:{number}")["peak"]
    return Device(name, max(0, limit - peak))
