"""Do test rows calibrate sets, and measure them where they can?"""

from types import SimpleNamespace

import numpy as np
import pytest

from aet_keras.training import guarantees


def test_a_tag_in_the_first_half_alone_calibrates_and_measures_nothing():
    recipe = SimpleNamespace(coverage=0.5, seed=0)
    first, _ = guarantees._halves(recipe, 6)
    labels = np.zeros((6, 1))
    labels[first[0]] = 1
    about = SimpleNamespace(
        target_kind="tags",
        source="t.csv",
        is_ordered=False,
        thresholds=(0.5,),
        class_names=("a",),
    )
    dataset = SimpleNamespace(
        test=SimpleNamespace(labels=labels), specification=about
    )
    job = SimpleNamespace(predict=lambda *_: np.full((6, 1), 0.3, "float32"))

    found, covered = guarantees.find(job, recipe, None, dataset)

    assert covered is None
    assert (found.count, found.limit) == (1, pytest.approx(0.3, abs=1e-5))
