"""By which layers does an output come of one tensor that crosses a cut?"""

import dataclasses

from aet_keras._keras.halves import Cut, Halves, Key, Step


@dataclasses.dataclass(frozen=True)
class Path:
    """A chain of calls from a tensor to one of the model's outputs.

    Args:
        key: `Key` of the tensor.
        layers: tuple of what is called, from there on up.
        shape: tuple of ints. The output's, the batch `None`.
    """

    key: Key
    layers: tuple
    shape: tuple[int | None, ...]


def steps_above(halves: Halves, cut: Cut) -> list[Step]:
    """Returns the steps of the part above a cut, in order."""
    return [s for i, s in enumerate(halves.steps) if i not in cut.lower]


def path_to(halves: Halves, cut: Cut, key: Key) -> Path | None:
    """Returns how an output comes of one tensor that crosses a cut.

    Args:
        halves: `Halves` of the model.
        cut: `Cut`.
        key: `Key` of an output.

    Returns:
        `Path`, or `None` if more than one tensor has a part in it.
    """
    shape = halves.model.outputs[halves.outputs.index(key)].shape
    makers = {k: step for step in steps_above(halves, cut) for k in step.writes}
    layers = []
    while key not in cut.keys:
        step = makers[key]
        if len(step.reads) != 1 or len(step.writes) != 1:
            return None
        if step.layer is not None:  # else a nested model is entered or left
            layers.insert(0, step.layer)
        key = step.reads[0]
    return Path(key, tuple(layers), tuple(shape))
