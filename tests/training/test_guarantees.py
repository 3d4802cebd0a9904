"""Do test rows calibrate sets, and measure them where they can?"""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from aet_keras.data.specifications import TableSpecification
from aet_keras.evaluation import conformal
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.export import answer_sets
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


def test_the_class_that_costs_least_is_in_each_set_that_is_served():
    said = np.array([[0.8, 0.2], [0.95, 0.05], [0.3, 0.7]], "float32")
    about = TableSpecification(
        "table",
        ("good", "bad"),
        None,
        "t.csv",
        positive="bad",
        cost_false_negative=9.0,
    )
    labels = np.zeros(19, int)
    outputs = np.tile(said[2:], (19, 1))

    found = conformal.calibrate(
        labels, outputs, coverage=0.9, **guarantees.settings_of(about)
    )
    limit = dataclasses.replace(found, limit=0.5)
    names = tf.constant([["good", "bad"]] * 3)
    called = tf.constant(["bad", "good", "bad"])  # from 0.1 on, by hand
    served = answer_sets._sets(
        {"probabilities": said, "classes": names, "called": called}, 0.5
    )

    expected = [[True, True], [True, False], [False, True]]
    assert limit.sets(said).tolist() == expected
    assert served["in_set"].numpy().tolist() == expected
    assert "and the class that costs least." in limit.to_text()
    again = Guarantee(**json.loads(json.dumps(limit.to_json())))
    assert again == limit
