"""Are the figures of groups those that others count?"""

import numpy as np
import pytest

from aet_keras.evaluation.by_group import (
    ByGroup,
    measure_by_group,
    named_rows,
)
from aet_keras.evaluation.parts import measure_parts
from aet_keras.evaluation.tags_by_group import measure_tags_by_group


def _rows(count=300, seed=0):
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b", "c"], count, p=[0.5, 0.3, 0.2])
    labels = random.integers(0, 2, count)
    risk = np.clip(0.3 * labels + 0.2 * (group == "b"), 0, 1)
    risk = np.clip(risk + random.uniform(0, 0.5, count), 0, 1)
    return labels, np.stack([1 - risk, risk], axis=1), group


def test_figures_are_those_of_fairlearn():
    metrics = pytest.importorskip("fairlearn.metrics")
    from sklearn.metrics import recall_score

    labels, said, group = _rows()
    called = (said[:, 1] >= 0.4).astype(int)
    given = {"y_true": labels, "y_pred": called, "sensitive_features": group}

    found = measure_by_group(
        labels, said, group, column="x", positive=1, threshold=0.4
    )

    gaps = {name: each.value for name, each in found.gaps.items()}
    parity = metrics.demographic_parity_difference(**given)
    odds = metrics.equalized_odds_difference(**given)
    assert gaps["parity (flagged)"] == pytest.approx(parity)
    assert gaps["equalised odds"] == pytest.approx(odds)
    frame = metrics.MetricFrame(
        metrics={
            "flagged": metrics.selection_rate,
            "found": recall_score,
            "false alarms": metrics.false_positive_rate,
        },
        **given,
    ).by_group
    for each in found.groups:
        for name, value in frame.loc[each.name].items():
            assert each.figures[name].value == pytest.approx(value)


def test_the_interval_of_a_gap_is_that_of_its_error():
    random = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 400)
    risk = np.where(random.uniform(size=800) < np.repeat([0.6, 0.3], 400), 1, 0)
    said = np.stack([1 - risk, risk], axis=1)

    found = measure_by_group(
        np.zeros(800, int), said, group, column="x", positive=1
    )

    gap = found.gaps["parity (flagged)"]
    shares = risk.reshape(2, 400).mean(axis=1)
    error = np.sqrt((shares * (1 - shares) / 400).sum())
    assert gap.low == pytest.approx(gap.value - 1.96 * error, abs=0.01)
    assert gap.high == pytest.approx(gap.value + 1.96 * error, abs=0.01)


def test_three_rows_say_so_by_their_interval():
    labels, said, group = _rows()
    group = group.astype("U4")
    group[:3], labels[:3] = "tiny", 1
    said[:3] = [0.1, 0.9]

    found = measure_by_group(labels, said, group, column="x", positive=1)

    tiny = {each.name: each for each in found.groups}["tiny"]
    assert tiny.count == 3
    assert tiny.figures["found"].to_text() == "1.000 (0.439 to 1.000)"
    assert tiny.figures["false alarms"].value is None
    assert found.too_small == ("tiny",)
    assert "left out of the gaps: tiny" in found.to_text()


def test_rows_that_are_all_alike_claim_no_sure_figure():
    truth = np.arange(40.0)
    said = truth + np.where(truth < 3, 2, np.arange(40) % 3)
    group = np.where(truth < 3, "tiny", "many")

    found = measure_by_group(
        truth, said, group, column="x", target_kind="number"
    )

    figures = {each.name: each.figures for each in found.groups}
    assert figures["tiny"]["error"].to_text() == "2"
    assert figures["many"]["error"].low < figures["many"]["error"].high


@pytest.mark.filterwarnings("error")
def test_of_one_row_no_model_is_surely_better_than_its_parts():
    parts = {"image": np.array([[4.0, 0.0]]), "text": np.zeros((1, 2))}

    found = measure_parts(
        parts,
        {name: np.full((1, 2), 0.5) for name in parts},
        np.array([0]),
        ended=lambda each: np.exp(each) / np.exp(each).sum(1, keepdims=True),
        losses=lambda each, labels: -np.log(each[[0], labels]),
        is_classes=True,
    )

    assert found.gain > 0
    assert not found.is_better


def test_numbers_have_errors_a_group_and_records_are_read_again():
    truth = np.arange(40.0)
    said = truth + np.where(truth < 20, 1, -3)
    group = np.where(truth < 20, "low", "high")

    found = measure_by_group(
        truth, said, group, column="x", target_kind="number"
    )

    figures = {each.name: each.figures for each in found.groups}
    assert figures["low"]["error"].value == 1
    assert figures["high"]["off by"].value == 3
    assert found.gaps["off by"].value == 2
    assert ByGroup.from_json(found.to_json()) == found


def test_tags_are_those_of_scikit_learn_and_of_one_tag_each():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    group = np.repeat(["a", "b", "few"], [90, 60, 4])
    labels = random.random((154, 3)) < [0.5, 0.3, 0.2]
    labels[group == "b", 2] = False  # a tag that one group does not have
    risk = np.clip(0.4 * labels + random.random((154, 3)) * 0.6, 0, 1)
    limits = np.array([0.4, 0.5, 0.6])

    found = measure_tags_by_group(
        labels,
        risk,
        group,
        column="x",
        names=["r", "s", "t"],
        thresholds=limits,
    )

    said, macro = risk >= limits, []
    for each in found.groups[:2]:
        own = group == each.name
        has = labels[own].any(axis=0)
        scores = metrics.f1_score(
            labels[own], said[own], average=None, zero_division=0
        )
        macro.append(scores[:2].mean())
        figures = each.figures
        assert figures["macro F1"].value == pytest.approx(scores[has].mean())
        missed = 1 - said[own][labels[own]].mean()
        assert figures["tags missed"].value == pytest.approx(missed)
        low, high = _drawn_again(labels[own], said[own])
        assert figures["tags missed"].low == pytest.approx(low, abs=0.01)
        assert figures["tags missed"].high == pytest.approx(high, abs=0.01)
    gap = found.gaps["macro F1 of tags that all groups have"]
    assert gap.value == pytest.approx(abs(macro[0] - macro[1]))
    assert gap.low <= gap.value <= gap.high
    assert found.too_small == ("few",)
    alone = measure_by_group(
        labels[:, 1].astype(int),
        np.stack([1 - risk[:, 1], risk[:, 1]], axis=1),
        group,
        column="s",
        positive=1,
        threshold=0.5,
    )
    assert found.tags[1] == alone
    assert ByGroup.from_json(found.to_json()) == found
    assert "Not computed: parity and equalised odds of all" in found.to_text()


def _drawn_again(labels, said):
    """Returns the middle 95 % of the share of tags missed, by hand."""
    random = np.random.default_rng(9)
    shares = []
    for _ in range(4000):
        rows = random.integers(0, len(labels), len(labels))
        shares.append(1 - said[rows][labels[rows]].mean())
    return np.quantile(shares, [0.025, 0.975])


def test_groups_of_numbers_stand_in_the_order_of_their_values():
    names = "at most -9|from -9 to 25|from 25 to 100|above 100|missing"
    words = ("2", "10", "b", "missing")

    alike = ("alpha", "mothers", "zeta", "(others)", "missing")

    for order in (names.split("|"), words, alike):
        found = [name for name, _ in named_rows(sorted(order, reverse=True))]
        assert found == [*order]
