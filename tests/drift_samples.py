"""Rows of known classes, answered as well as can be."""

import numpy as np
from scipy import special

from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.reference import Reference

CENTERS = 2.2 * np.eye(3, 8)  # of three classes in eight dimensions


def outputs(count, seed, *, priors=(1 / 3,) * 3, moved=0.0, order=(0, 1, 2)):
    """Returns what a model that knows the classes makes of rows.

    Args:
        count: int. Rows.
        seed: int.
        priors: the shares of the classes.
        moved: float. How far all rows move along one dimension.
        order: the new label of each class.
    """
    random = np.random.default_rng(seed)
    classes = random.choice(3, count, p=priors)
    rows = CENTERS[classes] + random.normal(size=(count, 8))
    rows[:, 7] += moved
    distances = np.square(rows[:, None] - CENTERS).sum(axis=2)
    return ModelOutputs(
        rows.astype("float32"),
        special.softmax(-distances / 2, axis=1).astype("float32"),
        labels=np.array(order)[classes],
    )


def reference(seed=0, **settings):
    """Returns a reference of 400 rows."""
    return Reference.of_outputs(
        outputs(400, seed), outputs(400, seed + 1), **settings
    )
