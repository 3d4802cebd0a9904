"""How do pictures come in, in which portions, and maps go out?"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import ops

from aet_keras._check import owner_name

# As many pictures at once as hold so many pixels, 32 at the most: 20 of
# 224 x 224. The first maps of a backbone take hundreds of bytes a pixel.
_PIXELS, _MOST = 2**20, 32


def check_images(owner: Any, images: Any, model: Any) -> np.ndarray:
    """Returns pictures as float32, if they are what the model takes."""
    images = np.asarray(images)
    shape = getattr(model, "input_shape", None) or (None,) * 4
    pairs = zip(images.shape[1:], shape[1:], strict=False)
    is_fit = images.ndim == 4 and all(b in (None, a) for a, b in pairs)
    if not is_fit or not images.size or images.dtype.kind not in "uif":
        one = " Give one picture as `image[None]`." * (images.ndim == 3)
        raise ValueError(
            f"{owner_name(owner)}: `images` must be numbers of the model's "
            f"own shape, {('batch', *shape[1:])}, at least one. Received: "
            f"shape={images.shape!r}, dtype={images.dtype}.{one}"
        )
    return images.astype("float32")


def portions(count: int, image_size: tuple[int, int]) -> Iterator[slice]:
    """Yields rows that are computed at once."""
    height, width = image_size
    step = max(1, min(_MOST, _PIXELS // (height * width)))
    for start in range(0, count, step):
        yield slice(start, start + step)


def enlarge(maps: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Returns maps `(batch, h, w)` at the size of the pictures, bilinear."""
    maps = ops.cast(maps, "float32")[..., None]
    large = ops.image.resize(
        maps,
        image_size,
        interpolation="bilinear",
        data_format="channels_last",
    )
    return ops.convert_to_numpy(large)[..., 0]


def check_finite(owner: Any, maps: np.ndarray) -> np.ndarray:
    """Returns maps without NaN: a plain map would pass for an answer."""
    if np.isfinite(maps).all():
        return maps
    raise ValueError(
        f"{owner_name(owner)}: maps must be finite, but the model computes "
        "NaN or infinity from these pictures. Look for them in the pictures, "
        "`np.isfinite(images).all()`, then in the model's weights."
    )
