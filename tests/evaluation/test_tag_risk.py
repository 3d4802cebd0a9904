"""Do sets of tags miss as few as was asked, by the limit found by hand?"""

import numpy as np
import pytest

from aet_keras.evaluation.conformal import (
    Guarantee,
    calibrate,
    cross_coverage,
    measure_coverage,
)
from aet_keras.evaluation.covered import Coverage
from aet_keras.evaluation.tag_risk import find_limit

THRESHOLDS = (0.6, 0.5, 0.7, 0.9)


def rows(random, count):
    """Returns tags that a model is often wrong about, some rows without."""
    labels = random.random((count, 4)) < [0.5, 0.3, 0.1, 0.2]
    said = 0.35 * labels + random.beta(1.5, 3, (count, 4)) * 0.65
    return labels.astype(int), said.astype("float32")


def missed(labels, said, limit):
    """Returns the share of its tags that each row misses, by its rule."""
    held = (said >= np.float32(limit)) | (said >= np.float32(THRESHOLDS))
    counts = labels.sum(axis=1)
    there = counts > 0
    return 1 - (held * labels).sum(axis=1)[there] / counts[there]


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_the_limit_is_the_highest_that_is_allowed(coverage):
    labels, said = rows(np.random.default_rng(1), 60)

    found = calibrate(
        labels,
        said,
        coverage=coverage,
        target_kind="tags",
        thresholds=THRESHOLDS,
    )

    count = int(labels.any(axis=1).sum())
    allowed = [
        limit
        for limit in [*np.unique(said), 1.0]
        if (missed(labels, said, limit).sum() + 1) / (count + 1)
        <= 1 - coverage + 1e-9
    ]
    assert found.limit == pytest.approx(max(allowed), abs=2e-6)
    assert found.count == count < 60
    measured = measure_coverage(
        labels, said, found, class_names=["a", "b", "c", "d"]
    )
    shares = missed(labels, said, found.limit)
    assert measured.coverage == pytest.approx(1 - shares.mean())
    assert measured.low < measured.coverage < measured.high
    sets = found.sets(said)
    assert measured.size == sets.sum(axis=1).mean()
    first = measured.per_class[0]
    has = labels[:, 0] > 0
    assert (first.name, first.count) == ("a", has.sum())
    assert first.coverage == pytest.approx(sets[has, 0].mean())
    assert "tags a set" in measured.to_text()
    assert "risk control" in found.to_text()


def test_other_rows_miss_what_was_promised_on_average():
    random = np.random.default_rng(0)
    labels, said = rows(random, 5_000)
    every = np.unique(said)
    curve = np.array([missed(labels, said, x).mean() for x in every[::200]])
    losses = []
    for _ in range(400):
        limit = find_limit(
            *rows(random, 40), coverage=0.9, thresholds=THRESHOLDS
        )
        losses.append(np.interp(limit, every[::200], curve))

    # Of 400 draws the mean has an error of about 0.002.
    assert np.mean(losses) <= 0.1 + 3 * np.std(losses) / 20
    assert np.mean(losses) > 0.06  # nor is it wasteful


def test_tags_that_are_answered_may_be_enough():
    labels = np.ones((20, 1), int)

    found = find_limit(
        labels, np.full((20, 1), 0.7), coverage=0.9, thresholds=0.5
    )

    assert found == pytest.approx(1.0, abs=2e-6)


def test_rows_without_a_tag_do_not_count():
    labels, said = rows(np.random.default_rng(2), 40)
    labels[8:] = 0

    with pytest.raises(ValueError, match="at least 9 rows.*8 rows|8 rows"):
        find_limit(labels, said, coverage=0.9, thresholds=0.5)


def test_halves_measure_each_other_and_records_are_read_again():
    labels, said = rows(np.random.default_rng(3), 200)
    known = calibrate(
        labels, said, coverage=0.8, target_kind="tags", thresholds=THRESHOLDS
    )

    found = cross_coverage(labels, said, known, class_names=list("abcd"))

    assert found.is_crossed and 0.74 < found.coverage < 0.86
    again = {**vars(found), "guarantee": known.to_json()}
    again["per_class"] = [vars(each) for each in found.per_class]
    assert Coverage.from_json(again) == found
    assert Guarantee(**known.to_json()) == known
