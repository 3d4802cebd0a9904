"""Does the backbone suit the pictures that it is to learn?"""

import dataclasses

from aet_keras import backbones, data
from aet_keras.recipes.recipe import Recipe

_MOSTLY = 0.5
_DOWNLOADED = "MobileNetV2 --image-size 96"


def with_backbone_note(recipe: Recipe, dataset: data.Dataset) -> data.Dataset:
    """Notes that the embedded backbone has not seen pictures such as these.

    It has seen clothes drawn in grey. Where most pictures are coloured, the
    note names a backbone that has seen photos: one that is in Keras's cache,
    or else one that is downloaded.
    """
    own = (None, backbones.EMBEDDED)
    if recipe.backbone != backbones.EMBEDDED or recipe.weights not in own:
        return dataset
    share = data.coloured_share(dataset.train.inputs)
    if share < _MOSTLY:
        return dataset
    note = (
        f"{share:.0%} of the pictures are coloured, and the embedded backbone "
        "has seen clothes in grey only. A backbone that has seen photos will "
        f"do much better: {_advice()}"
    )
    return dataclasses.replace(dataset, notes=(*dataset.notes, note))


def _advice():
    cached = backbones.find_cached_weights()
    if not cached:
        return f"`--backbone {_DOWNLOADED}`, 9 MB that are downloaded once."
    first = cached[0]
    size = f" --image-size {first.image_size}" if first.image_size else ""
    return (
        f"`--backbone {first.backbone}{size}`. Its weights are in "
        f"{first.path.parent}: nothing is downloaded."
    )
