import json

import numpy as np
import pytest

from aet_keras.evaluation import measure_forgetting
from aet_keras.evaluation.forgetting import Forgetting

LABELS = np.array([0, 1, 2, 2, 1])
RIGHT = np.eye(3)[LABELS]


def test_forgotten_and_learned_examples_are_told_apart():
    before, after = RIGHT.copy(), RIGHT.copy()
    before[0] = [0, 1, 0]  # learned since
    after[1] = [1, 0, 0]  # forgotten
    after[2] = [1, 0, 0]  # forgotten

    forgetting = measure_forgetting(LABELS, before=before, after=after)

    assert forgetting == Forgetting(
        before=0.8, after=0.6, forgotten_count=2, learned_count=1, count=5
    )


def test_a_head_with_new_classes_is_measured_on_the_old_ones():
    wider = np.hstack([RIGHT, np.zeros((5, 2))])

    assert measure_forgetting(LABELS, before=RIGHT, after=wider).after == 1.0


def test_a_record_survives_json():
    record = measure_forgetting(LABELS, before=RIGHT, after=RIGHT)

    assert Forgetting.from_json(json.loads(json.dumps(record.to_json()))) == (
        record
    )


def test_the_text_of_large_counts_fits_eighty_columns():
    record = Forgetting(0.91234, 0.81234, 10_000, 10_000, 100_000)

    text = record.to_text()

    assert "0.9123 before, 0.8123 after" in text
    assert len(text) <= 80


@pytest.mark.parametrize(
    ("labels", "after"),
    [([0, 1], RIGHT), ([], RIGHT[:0]), (RIGHT, RIGHT), (LABELS, LABELS)],
    ids=["other length", "empty", "one-hot", "no scores"],
)
def test_scores_that_do_not_fit_are_refused(labels, after):
    with pytest.raises(ValueError, match="one row of scores for each label"):
        measure_forgetting(labels, before=after, after=after)


def test_scores_that_are_no_numbers_are_refused():
    diverged = np.where(np.eye(5, 1), np.nan, RIGHT)

    with pytest.raises(ValueError, match="NaN in 1 rows. Train with a lower"):
        measure_forgetting(LABELS, before=RIGHT, after=diverged)
