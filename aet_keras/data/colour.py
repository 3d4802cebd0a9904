"""Are these pictures coloured?"""

from typing import Any

import numpy as np

_COLOURED = 10.0  # a colourfulness of 15 is seen as slightly coloured
_MOST = 256


def coloured_share(pictures: Any) -> float:
    """Returns the share of pictures that a person sees as coloured.

    A picture counts where its colourfulness is above 10: the spread of the
    differences of its channels, and 0.3 times their means. Grey pictures
    have 0, also where they were saved with three channels.

    Args:
        pictures: uint8 array `(count, height, width, 3)`, at least one. Of
            many, 256 are looked at, evenly spaced.

    Returns:
        float from 0 to 1.

    Example:

    >>> grey = np.repeat(np.arange(64, dtype="uint8").reshape(1, 8, 8, 1), 3, 3)
    >>> aet_keras.data.coloured_share(grey)
    0.0

    Reference:
        [Hasler and Süsstrunk, 2003](https://doi.org/10.1117/12.477378).
    """
    places = np.linspace(0, len(pictures) - 1, min(len(pictures), _MOST))
    found = [_colourfulness(pictures[int(place)]) for place in places]
    return float(np.mean(np.array(found) > _COLOURED))


def _colourfulness(picture):
    red, green, blue = np.moveaxis(np.asarray(picture, "float32"), -1, 0)
    differences = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(each.std() for each in differences))
    mean = np.hypot(*(each.mean() for each in differences))
    return spread + 0.3 * mean
