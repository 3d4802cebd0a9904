"""Which real pictures are there without a download?"""

import numpy as np

from aet_keras.data.assembly import assemble, check_image_size
from aet_keras.data.dataset import Dataset, Specification
from aet_keras.data.decoding import resize
from aet_keras.data.splits import check_ratios
from aet_keras.data.storage import allocate


def read_digits(
    *,
    image_size: tuple[int, int] = (32, 32),
    seed: int = 0,
    validation_ratio: float = 0.15,
    test_ratio: float = 0.15,
) -> Dataset:
    """Reads the 1,797 handwritten digits that ship inside scikit-learn.

    8x8 pictures with values 0 to 16 become 0 to 255, grey becomes RGB, and
    they are enlarged bilinearly.

    Args:
        image_size: `(height, width)`. Defaults to `(32, 32)`.
        seed: int >= 0. Which rows go where. Defaults to `0`.
        validation_ratio: float in (0, 1). Share of validation. Defaults to
            `0.15`.
        test_ratio: float in (0, 1). Share of test. Defaults to `0.15`.

    Returns:
        A `Dataset` of the classes `"0"` to `"9"`, each in every split.

    Raises:
        TypeError: if `image_size` is not a pair of ints.
        ValueError: if a size or ratio is out of its range.

    Example:

    >>> digits = aet_keras.data.read_digits(image_size=(16, 16))
    >>> digits.train
    Split(count=1259, inputs=uint8 (1259, 16, 16, 3))

    Reference:
        [Alpaydin and Kaynak, 1998](https://doi.org/10.24432/C50P49), the test
        part, as `sklearn.datasets.load_digits` has it.
    """
    from sklearn.datasets import load_digits

    image_size = check_image_size("read_digits", image_size)
    ratios = check_ratios("read_digits", validation_ratio, test_ratio)
    digits = load_digits()
    grey = np.round(digits.images * (255 / 16)).astype("uint8")
    rows = allocate((len(grey), *image_size, 3))
    for row, picture in enumerate(grey):
        rows[row] = resize(picture, image_size)
    return assemble(
        rows,
        digits.target,
        [f"digits[{row}]" for row in range(len(rows))],
        {"train": np.arange(len(rows))},
        specification=Specification(
            "image", tuple("0123456789"), image_size, "digits"
        ),
        ratios=ratios,
        seed=seed,
    )
