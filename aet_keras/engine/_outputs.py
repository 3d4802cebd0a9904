"""Which loss, which targets and which weights belong to which output?"""

import keras


def by_output(model: keras.Model, given) -> list | None:
    """Sorts what a user gave for a model's outputs, as Keras does.

    Args:
        model: a functional or built Sequential model.
        given: losses, targets or weights: a dict by the names of outputs, a
            list or tuple in their order, or one for all.

    Returns:
        List in the order of `model.outputs`, with `None` where nothing was
        given; or `None` if it cannot be told what belongs where.
    """
    count = len(model.outputs)
    if isinstance(given, dict):
        names = _names(model, given)
        return None if names is None else [given.get(name) for name in names]
    if isinstance(given, list | tuple):
        return list(given) if len(given) == count else None
    return [given] * count


def _names(model, given):
    """Returns what the outputs go by in a dict, or None.

    That is the keys of a dict of outputs, or else the names of the layers
    that they come from. One output may go by any name.
    """
    if len(model.outputs) == 1:
        return tuple(given) if len(given) == 1 else None
    names = model.output_names
    if isinstance(model.output, dict):
        keys = {id(tensor): key for key, tensor in model.output.items()}
        names = [keys.get(id(tensor)) for tensor in model.outputs]
    is_clear = len(set(names)) == len(names)
    return names if is_clear and given.keys() <= set(names) else None
