"""Adds low-rank adapters to layers, and merges them into their kernels.

They are those of Keras (`enable_lora`), which can be added and not taken out.
"""

from collections.abc import Iterable

import keras

_TYPES = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv2D,
)


def can_adapt(layer: keras.layers.Layer) -> bool:
    """Says whether a layer is one matrix, so that adapters make sense.

    These are dense layers, those of attention, and convolutions of one pixel.
    A subclass may do something else with its kernel.
    """
    if type(layer) not in _TYPES or not layer.built or layer.lora_enabled:
        return False
    if layer.kernel_constraint is not None:
        return False
    is_convolution = type(layer) is keras.layers.Conv2D
    return not is_convolution or (
        set(layer.kernel_size) == {1} and layer.groups == 1
    )


def width_of(layer: keras.layers.Layer) -> int:
    """Returns the shorter side of a layer's kernel as a matrix."""
    *rows, columns = layer.kernel.shape
    count = 1
    for each in rows:
        count *= each
    return min(count, columns)


def add_adapters(layer: keras.layers.Layer, rank: int) -> list[keras.Variable]:
    """Adds adapters that change nothing yet, and returns their weights."""
    layer.enable_lora(rank)
    return [layer.lora_kernel_a, layer.lora_kernel_b]


def adapted(layers: Iterable[keras.layers.Layer]) -> list[keras.layers.Layer]:
    """Returns the layers that have adapters."""
    return [each for each in layers if getattr(each, "lora_enabled", False)]


def merge_adapters(layer: keras.layers.Layer) -> None:
    """Adds what the adapters have learned to the kernel, and removes them."""
    merged = keras.ops.convert_to_numpy(layer.kernel)
    layer._kernel.assign(merged)
    layer._tracker.unlock()
    for variable in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._tracker.untrack(variable)
    layer._tracker.lock()
    layer.lora_kernel_a = layer.lora_kernel_b = None
    layer.lora_enabled = False
    layer.lora_rank = layer.lora_alpha = None
