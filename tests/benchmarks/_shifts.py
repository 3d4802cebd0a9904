"""Shifts that are made of images, and the models that meet them.

A shift is a function of `(images, random)`, images as uint8 of shape
`(rows, side, side, 3)`, and returns such images.
"""

import functools
import io
import pathlib

import _cells
import keras
import numpy as np
import PIL.Image
import PIL.ImageFilter

import aet_keras
from aet_keras.drift.reference import Reference

SIDE = 64
EPOCHS = 12


def source(data, backbone, seed, folder):
    """Returns a model that knows a data set, and the data set's splits.

    Args:
        data: str. A name in `_cells.DATA`.
        backbone: str. A name in `_cells.BACKBONES`.
        seed: int. Of the training.
        folder: where models are kept, so that a second run reads them.
    """
    splits = _cells.load(data, SIDE, 0)
    path = pathlib.Path(folder) / f"{data}-{backbone}-{SIDE}px-{seed}.keras"
    if path.exists():
        return keras.models.load_model(path, compile=False), splits
    keras.utils.set_random_seed(seed)
    classes = int(splits[0][1].max()) + 1
    model, _ = _cells.build(backbone, SIDE, classes, 1e-3)
    aet_keras.fine_tune(
        model, splits[0], validation_data=splits[1], epochs=EPOCHS, verbose=0
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model, splits


def split_reference(base, outputs, random, count):
    """Returns a reference of some rows, and the numbers of the others.

    Args:
        base: `Reference` whose principal components are taken, of the same
            rows.
        outputs: `ModelOutputs` of rows that were not learned.
        random: `np.random.Generator`.
        count: int. Rows of the reference.
    """
    rows, rest = np.split(random.permutation(outputs.row_count), [count])
    reference = Reference(
        outputs.probabilities[rows],
        outputs.labels[rows],
        base.projections[rows],
        base.center,
        base.basis,
        "",
    )
    return reference, rest


def _noise(images, random, *, scale):
    noisy = images + random.normal(0, 255 * scale, images.shape)
    return np.clip(noisy, 0, 255).astype("uint8")


def _dim(images, random, *, contrast, light):
    return np.clip(images * contrast + light, 0, 255).astype("uint8")


def _cast(images, random, *, gains):
    return np.clip(images * np.array(gains), 0, 255).astype("uint8")


def _each(images, random, *, change):
    changed = [change(PIL.Image.fromarray(image)) for image in images]
    return np.stack([np.asarray(image) for image in changed])


def _blur(image, radius):
    return image.filter(PIL.ImageFilter.GaussianBlur(radius))


def _jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return PIL.Image.open(buffer).convert("RGB")


def _pixelate(image, ratio):
    small = max(1, round(image.width * ratio))
    few = image.resize((small, small), PIL.Image.BOX)
    return few.resize(image.size, PIL.Image.NEAREST)


def _rotate(image, degrees):
    return image.rotate(degrees, PIL.Image.BILINEAR, fillcolor=(128,) * 3)


def _sketch(image):
    """A change of style: edges alone, dark on white."""
    edges = image.convert("L").filter(PIL.ImageFilter.FIND_EDGES)
    return PIL.Image.eval(edges, lambda x: 255 - min(255, 2 * x)).convert("RGB")


def _of_each(change, **settings):
    change = functools.partial(change, **settings)
    return functools.partial(_each, change=change)


SHIFTS = {
    "noise5": functools.partial(_noise, scale=0.26),
    "blur5": _of_each(_blur, radius=2),
    "dim5": functools.partial(_dim, contrast=0.25, light=0),
    "cast5": functools.partial(_cast, gains=(1.3, 0.8, 0.45)),
    "jpeg5": _of_each(_jpeg, quality=10),
    "pixelate5": _of_each(_pixelate, ratio=0.3),
    "rotate35": _of_each(_rotate, degrees=35),
}
SKETCH = _of_each(_sketch)
