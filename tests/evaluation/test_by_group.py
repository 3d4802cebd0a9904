"""Are the figures of groups those that others count?"""

import numpy as np
import pytest

from aet_keras.evaluation.by_group import ByGroup, measure_by_group


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
