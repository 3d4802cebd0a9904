"""Are the figures of tags those of scikit-learn, and thresholds the best?"""

import json
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics

from aet_keras import evaluation
from aet_keras.evaluation import mistakes, tag_thresholds, tagging
from aet_keras.evaluation.judgement import judge

NAMES = ("red", "wool", "old", "none")


def made(count=80, seed=0):
    random = np.random.default_rng(seed)
    labels = (random.random((count, 4)) < [0.5, 0.2, 0.3, 0]).astype(int)
    shares = np.clip(0.4 * labels + 0.6 * random.random((count, 4)), 0, 1)
    return labels, np.round(shares, 2)  # many are equal


def test_figures_are_those_of_scikit_learn():
    labels, shares = made()
    thresholds = [0.5, 0.4, 0.6, 0.5]

    scores = tagging.measure_tags(
        labels, shares, names=NAMES, thresholds=thresholds
    )

    said = shares >= thresholds
    f1 = metrics.f1_score(labels, said, average=None, zero_division=0)
    assert scores.macro_f1 == pytest.approx(f1[:3].mean())
    micro = metrics.f1_score(labels, said, average="micro")
    assert scores.micro_f1 == pytest.approx(micro)
    ap = metrics.average_precision_score(
        labels[:, :3], shares[:, :3], average="macro"
    )
    assert scores.mean_average_precision == pytest.approx(ap)
    loss = metrics.log_loss(
        labels[:, 0], shares[:, 0]
    )  # one tag alone is a classifier of two
    alone = tagging.measure_tags(labels[:, :1], shares[:, :1], names=["red"])
    assert alone.loss == pytest.approx(loss, rel=1e-4)
    assert scores.exact == metrics.accuracy_score(labels, said)
    assert [each.f1 for each in scores.per_tag][3] is None
    assert scores.per_tag[1].recall == pytest.approx(
        metrics.recall_score(labels[:, 1], said[:, 1])
    )


def test_a_drawn_average_precision_is_that_of_the_rows_it_stands_for():
    labels, shares = made()
    weights = np.random.default_rng(1).integers(0, 3, (2, len(labels)))

    found = tagging._drawn_ap(
        labels, tagging.TagAnswers(shares, np.full(4, 0.5)), weights
    )

    for draw, given in enumerate(weights):
        rows = np.repeat(np.arange(len(labels)), given)
        wanted = metrics.average_precision_score(
            labels[rows, 0], shares[rows, 0]
        )
        assert found[draw, 0] == pytest.approx(wanted)


def test_a_threshold_has_the_best_f1_of_all():
    labels, shares = made(40)

    chosen = tag_thresholds.choose_thresholds(labels, shares)

    for tag in range(3):
        tried = [
            metrics.f1_score(labels[:, tag], shares[:, tag] >= each)
            for each in np.append(shares[:, tag], 2.0)  # all that differ
        ]
        own = metrics.f1_score(labels[:, tag], shares[:, tag] >= chosen[tag])
        assert own == pytest.approx(max(tried))
    assert chosen[3] == 0.5  # no row has it


def test_moved_thresholds_have_the_best_f1_of_rows_one_by_one():
    labels, shares = made(40)
    labels, shares = labels[:, :3], shares[:, :3]

    moved = tag_thresholds.move_thresholds(labels, shares, [0.5] * 3, 1)
    kept = tag_thresholds.move_thresholds(labels, shares, [0.5] * 3, 99)

    def f1(limits):
        said = shares >= limits
        return metrics.f1_score(
            labels, said, average="samples", zero_division=1
        )

    for tag in range(3):
        tried = np.tile(moved, (41, 1))
        tried[:, tag] = np.append(shares[:, tag], 2.0)  # all that differ
        assert f1(moved) >= max(map(f1, tried)) - 1e-12
    assert f1(moved) > f1([0.5] * 3) and kept == (0.5,) * 3


def test_thresholds_of_many_rows_need_little_memory():
    random = np.random.default_rng(0)
    shares = random.random((4000, 1))
    tracemalloc.start()
    (moved,) = tag_thresholds.move_thresholds(shares > 0.7, shares, [0.5], 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert moved == pytest.approx(0.7, abs=1e-3)
    assert peak < 5e6  # a table of rows by thresholds had 100 times as much


def test_a_threshold_stays_at_half_where_nothing_is_better():
    shares = np.array([[0.9], [0.6], [0.2], [0.1]])

    assert tag_thresholds.choose_thresholds([[1], [1], [0], [0]], shares) == (
        0.5,
    )


def test_a_model_that_says_the_shares_is_not_better_than_they_are():
    labels, _ = made()
    shares = labels.mean(axis=0)

    scores = tagging.measure_tags(
        labels,
        np.tile(shares, (len(labels), 1)),
        names=NAMES,
        baselines={"the shares": tagging.TagAnswers(shares)},
    )

    assert "not shown to be better than no model" in judge(scores)
    assert scores.gains["the shares"]["macro_f1"] == (0.0, 0.0)


def test_a_good_model_is_better_than_every_tag(tmp_path):
    labels, shares = made()
    baselines = {"every tag": tagging.TagAnswers(labels.mean(axis=0), 0.0)}

    scores = tagging.measure_tags(
        labels, shares, names=NAMES, baselines=baselines
    )
    wrong = mistakes.find_wrong_tags(
        labels, shares, tags=NAMES, thresholds=0.5, names=range(len(labels))
    )
    report = evaluation.Report("tags", "today", scores, mistakes=wrong)

    assert report.verdict == ""
    assert len(wrong) == 12 and wrong[0].true_probability < 0.5
    read = evaluation.Report.from_json(json.loads(json.dumps(report.to_json())))
    assert read.test == scores and read.mistakes == wrong
    text = report.to_text()
    assert "every tag" in text and max(map(len, text.splitlines())) <= 80
    path = evaluation.draw_report(report, tmp_path / "a.png")
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("labels", "shares", "sentence"),
    [
        ([[1, 0]], [[0.5, 1.5]], "apply a sigmoid"),
        ([[0, 0]], [[0.5, 0.5]], "a row must have a tag"),
        ([1, 0], [[0.5, 0.5]], "for each row and tag"),
    ],
    ids=["logits", "no tags", "classes"],
)
def test_what_is_no_tagging_is_refused(labels, shares, sentence):
    with pytest.raises(ValueError, match=sentence):
        tagging.measure_tags(labels, shares, names=["a", "b"])
