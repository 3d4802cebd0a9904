"""Builds the image models of `keras.applications` by their names."""

import importlib.resources
import inspect
import pathlib
import warnings
from collections.abc import Callable

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras.errors import WeightsError

EMBEDDED = "embedded"
_EMBEDDED_WEIGHTS = "mobilenet_v2_025.weights.h5"


def backbone_names() -> tuple[str, ...]:
    """Lists the backbones that `load_backbone` knows.

    Returns:
        Tuple of str: `"embedded"` first, then `keras.applications`' own.

    Example:

    >>> names = aet_keras.backbones.backbone_names()
    >>> names[0], "MobileNetV2" in names
    ('embedded', True)
    """
    return (EMBEDDED, *sorted(_constructors()))


def load_backbone(
    name: str = EMBEDDED,
    *,
    weights: str | None = None,
    image_size: tuple[int, int] = (64, 64),
) -> keras.Model:
    """Builds a backbone without its head, and loads its weights.

    Args:
        name: str. One of `backbone_names()`. `"embedded"` is the small
            MobileNetV2 that ships with this package.
        weights: optional str. `"imagenet"` (needs a download), `"none"`
            (random), or the path of a `.weights.h5` file. Defaults to what
            ships with the embedded backbone, and to `"imagenet"` for the
            others.
        image_size: tuple of two ints >= 1, `(height, width)`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, 3)`,
        preprocessed pixels, to a feature map.

    Raises:
        ValueError: if the name is not known, or the images are too small.
        WeightsError: if the weights cannot be had or do not fit.

    Example:

    >>> model = aet_keras.backbones.load_backbone(image_size=(64, 64))
    >>> model.output_shape
    (None, 2, 2, 1280)
    """
    check.known(
        "load_backbone", kind="backbone", among=backbone_names(), name=name
    )
    wanted = weights or (EMBEDDED if name == EMBEDDED else "imagenet")
    if wanted == "imagenet" and name != EMBEDDED:
        return _build(name, image_size, "imagenet")
    model = _build(name, image_size, None)
    if name == wanted == EMBEDDED:
        assets = importlib.resources.files("aet_keras") / "assets"
        with importlib.resources.as_file(assets / _EMBEDDED_WEIGHTS) as path:
            model.load_weights(path)
    elif wanted != "none":
        _load_file(model, name, wanted)
    return model


def preprocess(name: str, images: keras.KerasTensor) -> keras.KerasTensor:
    """Puts a family's own preprocessing into a functional model.

    The family's `preprocess_input` is affine in the pixels (a scale and an
    offset for each channel, some with the channels reversed), so it is
    measured on a few pixels and written down as Keras layers, which any saved
    model can hold.

    Args:
        name: str. One of `backbone_names()`.
        images: symbolic float tensor `(batch, height, width, 3)`, raw pixels
            from 0 to 255.

    Returns:
        Symbolic tensor of the same shape, as the backbone wants it.

    Raises:
        ValueError: if the name is not known.

    Example:

    >>> raw = keras.Input((8, 8, 3))
    >>> model = keras.Model(
    ...     raw, aet_keras.backbones.preprocess("MobileNetV2", raw)
    ... )
    >>> float(model(np.full((1, 8, 8, 3), 255.0))[0, 0, 0, 0])
    1.0
    """
    check.known(
        "preprocess", kind="backbone", among=backbone_names(), name=name
    )
    matrix, offset = _affine(_preprocess_input(name))
    if not np.allclose(matrix, np.diag(np.diag(matrix))):
        images = keras.ops.flip(images, axis=-1)
        matrix = matrix[:, ::-1]
    scale = np.diag(matrix)
    if np.allclose(scale, 1.0) and np.allclose(offset, 0.0):
        return images
    if np.ptp(scale) == 0.0 and np.ptp(offset) == 0.0:
        scale, offset = scale[:1], offset[:1]
    values = [
        x.tolist() if x.size > 1 else float(x[0]) for x in (scale, offset)
    ]
    return keras.layers.Rescaling(*values, name="preprocess")(images)


def _constructors() -> dict[str, Callable]:
    return {
        name: value
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value) and name[0].isupper()
    }


def _preprocess_input(name):
    """Finds the family's own: its module is called as the constructor's."""
    name = "MobileNetV2" if name == EMBEDDED else name
    family = _constructors()[name].__module__.rpartition(".")[2]
    return getattr(keras.applications, family).preprocess_input


def _affine(preprocess_input):
    """Returns matrix and offset with output = matrix @ pixel + offset."""
    pixels = np.vstack([np.zeros((1, 3)), 255.0 * np.eye(3)])
    made = np.asarray(preprocess_input(pixels[:, None, None, :].copy()))
    made = made[:, 0, 0, :].astype("float64")
    return (made[1:] - made[0]).T / 255.0, made[0]


def _build(name, image_size, weights):
    settings = {
        "include_top": False,
        "weights": weights,
        "input_shape": (*image_size, 3),
    }
    build = _constructors().get(name)
    if name == EMBEDDED:
        build, settings["alpha"] = keras.applications.MobileNetV2, 0.25
    try:
        with warnings.catch_warnings():
            # Weights do not depend on the side; MobileNets warn of theirs.
            warnings.filterwarnings("ignore", "`input_shape` is undefined")
            return build(**settings)
    except ValueError as error:
        if weights is not None:
            _build(name, image_size, None)  # says so if the size is to blame
            raise _not_downloaded(name, error) from error
        raise ValueError(
            f"load_backbone: {name} cannot take images of "
            f"{image_size[0]} x {image_size[1]} pixels: {error}"
        ) from error
    except Exception as error:  # Keras's downloads raise a bare Exception
        if weights is None:
            raise
        raise _not_downloaded(name, error) from error


def _not_downloaded(name, error):
    return WeightsError(
        f"load_backbone: the ImageNet weights of {name} must be "
        f"downloaded once, and that failed: {error}. Connect and try "
        "again, or copy the file to this machine and give it as "
        "`weights=FILE.weights.h5`, or start from `weights='none'`."
    )


def _load_file(model, name, weights):
    path = pathlib.Path(weights)
    if not weights.endswith(".weights.h5"):
        words = "'embedded'" if name == EMBEDDED else "'imagenet'"
        raise ValueError(
            f"load_backbone: the weights of {name} must be {words}, 'none' or "
            f"a `.weights.h5` file. Received: weights={weights!r}."
        )
    must = "load_backbone: the weights must be in a file"
    _regular_file.require(must, path, error=WeightsError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the error has it in full
            model.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"load_backbone: the weights must be of {name} without its head "
            f"(include_top=False), because its layers take them by shape. "
            f"Received: `{path}`, which does not fit: {reason}"
        ) from error
