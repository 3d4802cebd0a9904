"""Has a pretrained part learn through low-rank adapters alone."""

import keras

from aet_keras import _check as check
from aet_keras._keras import adapters
from aet_keras._keras.trainable import own_weights, sublayers
from aet_keras.backbones.graft import is_grafted


def adapt_by_rank(model: keras.Model, rank: int, *, owner: str) -> int:
    """Adds adapters to the pretrained part of a classifier; all else stands.

    A dense layer (of attention, too) or a convolution of one pixel with the
    kernel W becomes x (W + A B), A B of a rank so low that A and B are small.
    B begins as 0: nothing changes before it learns. Pretrained weights,
    biases, normalization and what was grafted do not move any more, whatever
    thaws; the head does.

    Args:
        model: built `keras.Model` of a pretrained model and a head, as
            `aet_keras.tasks` builds them.
        rank: int >= 1, at most the shorter side of each kernel.
        owner: str. Who asks, in the sentences of what is raised.

    Returns:
        int. How many layers have adapters.

    Raises:
        ValueError: if the rank is above a layer's width, or there is no layer
            for adapters.

    Example:

    >>> inside = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6)])
    >>> model = keras.Sequential([inside, keras.layers.Dense(2)])
    >>> model.build((None, 4))
    >>> from aet_keras.backbones.low_rank import adapt_by_rank
    >>> adapt_by_rank(model, 2, owner="mine")
    1
    >>> [tuple(v.shape) for v in model.trainable_variables]
    [(4, 2), (2, 6), (6, 2), (2,)]

    Reference:
        [Hu et al., 2021](https://arxiv.org/abs/2106.09685). Differs: of all
        matrices, not only of queries and values.
    """
    check.positive_int(owner, lora=rank)
    inside = [
        each
        for layer in model.layers
        if isinstance(layer, keras.Model)
        for each in sublayers(layer)
    ]
    grafts = {
        id(below)
        for each in inside
        if is_grafted(each)
        for below in sublayers(each)
    }
    wanted = [
        each
        for each in inside
        if adapters.can_adapt(each) and id(each) not in grafts
    ]
    if not wanted:
        raise ValueError(
            f"{owner}: `lora` must go with a pretrained model of dense layers "
            "or convolutions of one pixel, because adapters are products "
            f"of matrices. Received: `{model.name}` without any. Leave it out."
        )
    narrowest = min(wanted, key=adapters.width_of)
    width = adapters.width_of(narrowest)
    if rank > width:
        raise ValueError(
            f"{owner}: `lora` must be at most {width}, because the layer "
            f"`{narrowest.name}` is {width} wide. Received: lora={rank}. A "
            f"usual rank is {min(8, width)}."
        )
    moving = {
        id(variable)
        for each in wanted
        for variable in adapters.add_adapters(each, rank)
    }
    for each in inside:
        for variable in own_weights(each):
            variable.trainable = id(variable) in moving
    return len(wanted)


def learned_bytes(model: keras.Model) -> int:
    """Returns the size of the adapters and of the head.

    They are all that differs from the pretrained model.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> from aet_keras.backbones.low_rank import learned_bytes
    >>> learned_bytes(model)  # 10 numbers
    40
    """
    inside = {
        id(each)
        for layer in model.layers
        if isinstance(layer, keras.Model)
        for each in layer.weights
    }
    kept = [v for v in model.weights if id(v) not in inside]
    for layer in adapters.adapted(sublayers(model)):
        kept += [layer.lora_kernel_a, layer.lora_kernel_b]
    return sum(v.numpy().nbytes for v in kept)


def merge(model: keras.Model) -> None:
    """Merges all adapters of a model into its kernels; it answers the same.

    Example: see `adapt_by_rank`.

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> from aet_keras.backbones.low_rank import merge
    >>> model.layers[0].enable_lora(1)
    >>> merge(model)
    >>> len(model.weights)
    2
    """
    for layer in adapters.adapted(sublayers(model)):
        adapters.merge_adapters(layer)
    # They call functions that were traced with the adapters.
    model.predict_function = model.test_function = model.train_function = None
