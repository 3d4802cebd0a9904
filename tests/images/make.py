"""Writes the hundred images beside it: python tests/images/make.py.

Ten of each handwritten digit of scikit-learn's `load_digits` (UCI, CC BY
4.0), 8x8 grey enlarged to 16x16 RGB: real images, and small.
"""

import pathlib

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

NAMES = "zero one two three four five six seven eight nine".split()
HERE = pathlib.Path(__file__).parent


def main():
    digits = load_digits()
    for label, name in enumerate(NAMES):
        (HERE / name).mkdir(exist_ok=True)
        for row in np.flatnonzero(digits.target == label)[:10]:
            grey = np.round(digits.images[row] * (255 / 16)).astype("uint8")
            image = Image.fromarray(grey).convert("RGB")
            image = image.resize((16, 16), Image.Resampling.BILINEAR)
            image.save(HERE / name / f"{row:04d}.png", optimize=True)


if __name__ == "__main__":
    main()
