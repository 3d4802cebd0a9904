import numpy as np
import pytest
from scipy import optimize, stats

from aet_keras.drift import judge_change
from aet_keras.drift.gate import paired_gain

Z = stats.norm.ppf(0.95)


def likely_share(difference, gained, lost, count):
    """The share of lost rows that is most likely with such a difference."""
    low = max(0.0, -difference)

    def negative(share):
        same = 1 - 2 * share - difference
        parts = [(gained, share + difference), (lost, share)]
        parts.append((count - gained - lost, same))
        return -sum(n * np.log(max(p, 1e-300)) for n, p in parts)

    return optimize.minimize_scalar(
        negative,
        bounds=(low, (1 - difference) / 2),
        method="bounded",
        options={"xatol": 1e-12},
    ).x


@pytest.mark.parametrize(
    ("gained", "lost", "count"), [(12, 2, 50), (3, 9, 80), (40, 10, 200)]
)
def test_bounds_are_where_the_score_is_1_645(gained, lost, count):
    found = paired_gain(gained, lost, count)

    for bound, sign in ((found.low, 1), (found.high, -1)):
        if bound == found.low and bound > 0:
            continue  # held down by the exact test
        share = likely_share(bound, gained, lost, count)
        variance = count * (2 * share + bound - bound**2)
        score = (gained - lost - count * bound) / np.sqrt(variance)
        np.testing.assert_allclose(score, sign * Z, rtol=1e-4)


def test_no_answer_that_differs_has_a_bound_by_hand():
    # sqrt(n x / (1 - x)) = z, so x = z^2 / (n + z^2)
    found = paired_gain(0, 0, 100)

    np.testing.assert_allclose(found.high, Z**2 / (100 + Z**2), rtol=1e-6)
    np.testing.assert_allclose(found.low, -found.high)


def test_a_gain_is_proved_where_mcnemar_says_so():
    for gained in range(12):
        for lost in range(gained + 1):
            found = paired_gain(gained, lost, 60)
            p = stats.binomtest(
                gained, max(1, gained + lost), 0.5, alternative="greater"
            ).pvalue
            assert (found.low > 0) == (p <= 0.05), (gained, lost)


def changed(gained, lost, count):
    """Labels, answers before and answers after."""
    before, after = np.zeros(count, int), np.zeros(count, int)
    before[:gained] = 1
    after[gained : gained + lost] = 1
    return np.zeros(count, int), before, after


def test_old_rows_must_be_proved_to_be_kept():
    new = changed(30, 5, 100)

    kept = judge_change(*new, old=changed(2, 2, 900))
    unsure = judge_change(*new, old=changed(1, 1, 100))
    forgot = judge_change(*new, old=changed(0, 60, 900))

    outcomes = [each.outcome for each in (kept, unsure, forgot)]
    assert outcomes == ["better", "undecided", "not better"]
    assert unsure.more_labels is None and unsure.more_old_labels > 0
    assert kept.is_better and not forgot.is_better


def test_undecided_says_how_many_labels_decide():
    verdict = judge_change(*changed(6, 3, 100))  # x = .03, d = .09

    wanted = 100 + verdict.more_labels
    assert verdict.outcome == "undecided"
    assert 2.7 * 0.09 / 0.03**2 < wanted < 400  # 270, some more by the test
    growth = wanted / 100
    counts = [round(growth * each) for each in (6, 3, 100)]
    assert judge_change(*changed(*counts)).outcome == "better"


def test_no_gain_has_no_number_of_labels():
    assert judge_change(*changed(3, 3, 100)).more_labels is None
    assert judge_change(*changed(3, 30, 100)).outcome == "not better"


def test_useless_changes_rarely_pass():
    random = np.random.default_rng(0)

    passed = 0
    for _ in range(400):
        differ = random.binomial(100, 0.1)
        gained = random.binomial(differ, 0.5)
        passed += paired_gain(gained, differ - gained, 100).low > 0

    assert passed <= 20


def test_the_best_of_several_useless_changes_rarely_passes():
    """A gain of one alone, at 5 %, would pass in one draw of seven."""
    random = np.random.default_rng(1)

    passed = alone = 0
    for _ in range(400):
        gained = random.binomial(20, 0.5, size=4).max()  # of 20 that differ
        counts = int(gained), 20 - int(gained), 100
        passed += paired_gain(*counts, chosen_from=4).low > 0
        alone += paired_gain(*counts).low > 0

    assert passed <= 20 < alone


def test_who_is_the_best_of_several_is_asked_for_more():
    one = judge_change(*changed(14, 4, 100))
    many = judge_change(*changed(14, 4, 100), chosen_from=4)

    assert (one.outcome, many.outcome) == ("better", "undecided")
    assert many.new.low < one.new.low and many.more_labels > 0
    assert "the best of 4" in many.reason
    with pytest.raises(ValueError, match="`chosen_from` must be"):
        judge_change(*changed(14, 4, 100), chosen_from=0)


def test_scores_are_answers_too():
    labels = np.array([0, 1])
    wrong, right = [[0.1, 0.9], [0.8, 0.2]], [[0.9, 0.1], [0.2, 0.8]]

    assert judge_change(labels, wrong, right).new.gain == 1.0


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        judge_change([], [], [])
    with pytest.raises(ValueError, match="an answer, or a row"):
        judge_change([0, 1], [0], [0, 1])
