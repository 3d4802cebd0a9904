"""Does the chart of `watch` show tags and numbers as they are?"""

import numpy as np
import pytest
from PIL import Image

from aet_keras.drift import Reference
from aet_keras.drift.comparison import compare_outputs
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.watch_chart import draw_watched
from aet_keras.drift.watched_shares import shares_of, title_lines

RANDOM = np.random.default_rng(0)


def outputs_of(kind, count, *, more=0.0, labels=True):
    features = RANDOM.normal(size=(count, 4)) + more
    if kind == "number":
        said = 100 + 10 * RANDOM.normal(size=(count, 1)) + 50 * more
        true = said[:, 0] + 1
    else:
        said = RANDOM.random((count, 3)) * [1, 0.5, 0.2]
        true = (said + 0.2 * more > 0.25).astype(int)
    return ModelOutputs(
        features.astype("float32"),
        said.astype("float32"),
        true if labels else None,
    )


def compared(kind, **settings):
    train, held = outputs_of(kind, 200), outputs_of(kind, 200)
    names = () if kind == "number" else ("red", "wool", "old")
    reference = Reference.of_outputs(train, held, class_names=names)
    new = outputs_of(kind, 90, **settings)
    return reference, new, compare_outputs(reference, new)


def test_numbers_are_counted_in_tenths_of_the_reference():
    reference, new, shift = compared("number", more=1.0)

    title, names, before, now = shares_of(reference, new, shift)

    assert "number that is predicted" in title
    assert len(names) == 10 and names[-1].startswith("above ")
    np.testing.assert_allclose(before, 0.1, atol=1e-6)
    edge = float(names[-1].removeprefix("above "))
    share = (new.probabilities[:, 0] > edge).mean()
    assert now[-1] == pytest.approx(share, abs=0.02) and share > 0.8


def test_a_number_that_is_always_the_same_has_one_edge():
    reference, new, shift = compared("number")
    same = Reference.of_outputs(
        ModelOutputs(new.features, np.ones((90, 1)), np.ones(90)),
        ModelOutputs(new.features, np.ones((90, 1)), np.ones(90)),
    )

    _, names, before, _ = shares_of(same, new, shift)

    assert names == ["to 1", "above 1"] and before.tolist() == [1, 0]


def test_tags_are_counted_by_labels_where_these_are_known():
    reference, new, shift = compared("tags", more=1.0)
    unknown = ModelOutputs(new.features, new.probabilities)

    title, names, before, now = shares_of(reference, new, shift)
    answered = shares_of(reference, unknown, shift)

    assert title.endswith("by labels") and names == ["red", "wool", "old"]
    np.testing.assert_allclose(before, reference.labels.mean(axis=0))
    np.testing.assert_allclose(now, new.labels.mean(axis=0))
    assert answered[0].endswith("as the model answers")
    np.testing.assert_allclose(answered[3], new.probabilities.mean(axis=0))


@pytest.mark.parametrize("kind", ["number", "tags"])
@pytest.mark.parametrize("labels", [True, False])
def test_it_is_drawn_with_the_errors(kind, labels, tmp_path):
    reference, new, shift = compared(kind, more=1.0, labels=labels)

    head = title_lines("shop, version 1", shift, None, new)
    path = draw_watched(
        *("shop, version 1", reference, new, shift, tmp_path / "a.png"),
        names=[str(row) for row in range(90)],
    )

    measure = {"number": "RMSE 1", "tags": "loss 0."}[kind]
    assert measure in head[2][0]
    assert ("not known" in head[2][0]) is not labels
    with Image.open(path) as chart:
        assert min(chart.size) > 300
