"""Makes old images look like new ones, by what both are on average."""

from typing import Any

import numpy as np
from scipy import fft

# Below so many waves an image there are outlines and light: the spectrum
# says how strong the contrast is. Above, what is more is taken for noise.
_OUTLINES = 2.5
_MOST_ROWS = 300
_LEAST_ROWS, _LEAST_SIDE = 50, 8
_STEPS = 2
_MOST_CHANGE = 4.0
_MOST_LEFT = 0.3  # of the distance of features


def can_be_likened(old: Any, new: Any) -> bool:
    """Says whether both are images, of one size and enough."""
    shapes: list[tuple[int, ...]] = [
        getattr(each, "shape", ()) for each in (old, new)
    ]
    if shapes[0][1:] != shapes[1][1:] or len(shapes[0]) != 4:
        return False
    _, height, width, channels = shapes[0]
    enough = min(each[0] for each in shapes) >= _LEAST_ROWS
    return enough and min(height, width) >= _LEAST_SIDE and channels <= 4


class Likeness:
    """What has to be done to old images so that they look like new ones.

    Three things, found without labels and without knowing what has changed:
    the mean of each channel moves; each frequency is weakened where new
    images have less of it (blur, contrast); where they have more, as much
    stationary noise is added, with the colours that the difference of both
    has. Light, colour casts, contrast, blur and noise are met well, blocks of
    a codec roughly, turned images not at all.

    Args:
        old: array `(rows, height, width, channels)`.
        new: array of such images (`can_be_likened`).

    Reference:
        [Yang and Soatto, 2020](https://arxiv.org/abs/2004.05498) replace the
        amplitudes of low frequencies. Differs: changes the power of all
        frequencies, and adds what is missing as noise.
    """

    def __init__(self, old: np.ndarray, new: np.ndarray):
        old, new = _some(old), _some(new)
        self._low = min(float(old.min()), float(new.min()))
        self._high = max(float(old.max()), float(new.max()))
        self._old_mean = old.mean(axis=(0, 1, 2))
        self._new_mean = new.mean(axis=(0, 1, 2))
        source = _spectrum(old - self._old_mean)
        target = _spectrum(new - self._new_mean)
        was, now = (_power(each) for each in (source, target))
        waves = _waves(*old.shape[1:3])
        is_outline = (waves > 0) & (waves <= _OUTLINES)
        outlines = was[is_outline].sum(axis=0)
        gain = now[is_outline].sum(axis=0) / np.maximum(outlines, 1e-12)
        kept = np.minimum(now / np.maximum(was, 1e-12), gain)
        self._filter = np.sqrt(kept)[..., None]  # (height, waves, c, 1)
        more = target - self._filter * source * np.swapaxes(
            self._filter, -1, -2
        )
        more[waves <= _OUTLINES] = 0
        values, vectors = np.linalg.eigh(more)
        roots = np.sqrt(np.maximum(values, 0))
        self._noise = vectors * roots[..., None, :]  # (height, waves, c, c)
        self._settle(old, kept * was, now, waves > _OUTLINES)

    def _settle(self, old, kept, wanted, is_fine):
        """Has as much noise remain after values are clipped as is wanted."""
        wanted = np.maximum(wanted - kept, 0)[is_fine].sum()
        random = np.random.default_rng(0)
        for _ in range(_STEPS):
            made = self._made(old, random) - self._new_mean
            found = (_power(_spectrum(made)) - kept)[is_fine].sum()
            if wanted <= 0 or found <= 0:
                return
            ratio = np.clip(wanted / found, 1 / _MOST_CHANGE, _MOST_CHANGE)
            self._noise = self._noise * np.sqrt(ratio)

    def apply(
        self, images: np.ndarray, random: np.random.Generator
    ) -> np.ndarray:
        """Returns old images that look like new ones, of the same dtype."""
        made = self._made(images, random)
        if np.issubdtype(images.dtype, np.integer):
            made = np.rint(made)
        return made.astype(images.dtype)

    def _made(self, images, random):
        waves = _transformed(images.astype("float32") - self._old_mean)
        noise = random.standard_normal(images.shape, "float32")
        noise = _transformed(noise)
        waves = waves * self._filter[..., 0]
        waves += np.einsum("hwcd,nhwd->nhwc", self._noise, noise)
        made = fft.irfft2(waves, images.shape[1:3], axes=(1, 2))
        return np.clip(made + self._new_mean, self._low, self._high)


def is_met(old: np.ndarray, made: np.ndarray, new: np.ndarray) -> bool:
    """Says whether made rows are much nearer to new ones than old rows are.

    Args:
        old: floats `(rows, width)`. What a model makes of old rows.
        made: floats `(rows, width)`. Of old rows made like new ones.
        new: floats `(rows, width)`. Of new rows.
    """
    return _distance(made, new) <= _MOST_LEFT * _distance(old, new)


def _distance(left, right):
    """Returns the mean squared distance of means, in standard deviations."""
    scale = (left.std(axis=0) + right.std(axis=0)) / 2
    away = (left.mean(axis=0) - right.mean(axis=0)) / np.maximum(scale, 1e-6)
    # What samples of one distribution are apart is taken off.
    return float(np.mean(away**2)) - 1 / len(left) - 1 / len(right)


def _some(images):
    stride = -(-len(images) // _MOST_ROWS)
    return images[::stride].astype("float32")


def _transformed(images):
    return fft.rfft2(images, axes=(1, 2))


def _spectrum(images):
    """Returns the cross-spectra of channels `(height, waves, c, c)`."""
    found = _transformed(images)
    both = np.einsum("nhwc,nhwd->hwcd", found, found.conj()).real
    return both / (len(images) * np.prod(images.shape[1:3]))


def _power(spectrum):
    return np.einsum("hwcc->hwc", spectrum)


def _waves(height, width):
    """Returns how many waves an image each frequency has."""
    down = fft.fftfreq(height) * height
    across = fft.rfftfreq(width) * width
    return np.hypot(down[:, None], across[None])
