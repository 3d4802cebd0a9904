import tracemalloc

import numpy as np
import pytest
from scipy import optimize, stats

from aet_keras.drift import judge_change
from aet_keras.drift.gate import judge_gains
from aet_keras.drift.paired_gain import (
    gain_of_errors,
    gain_of_shares,
    paired_gain,
)
from aet_keras.drift.target_kinds import KINDS

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
    with pytest.raises(ValueError, match="Of one column of probabilities"):
        judge_change([0, 1], [[0.1], [0.9]], [0, 1])  # its argmax is 0


NOISE = {
    "normal": lambda random, shape: random.normal(size=shape),
    "t with 2.5 degrees": lambda random, shape: random.standard_t(2.5, shape),
    "log-normal": lambda random, shape: random.lognormal(size=shape),
}


def equally_wrong(noise, loss):
    """Two answers to numbers of such noise that have the same mean loss."""
    many = NOISE[noise](np.random.default_rng(9), 200_000)
    middle = np.median(many) if loss is np.abs else many.mean()

    def more(answer):
        return loss(many - answer).mean() - loss(many - middle + 0.7).mean()

    return middle - 0.7, optimize.brentq(more, middle, middle + 9)


def share_of_useless_that_pass(noise, count, loss=np.abs):
    """How often a change of the answer passes that brings nothing."""
    random = np.random.default_rng(0)
    numbers = NOISE[noise](random, (400, count))
    was, now = (loss(numbers - a) for a in equally_wrong(noise, loss)[::-1])
    pairs = zip(was, now, strict=True)
    found = [gain_of_errors(*pair, measure="MAE").low > 0 for pair in pairs]
    return np.mean(found)


@pytest.mark.parametrize("count", [30, 100])
@pytest.mark.parametrize("noise", NOISE)
def test_useless_changes_of_a_number_rarely_pass(noise, count):
    assert share_of_useless_that_pass(noise, count) <= 0.06


def test_squared_errors_would_let_too_many_pass():
    """Why absolute errors judge: one row in a hundred has most of a mean."""
    passed = share_of_useless_that_pass("log-normal", 30, np.square)

    assert passed > 0.08


def test_an_error_that_is_gone_has_the_bounds_of_student():
    random = np.random.default_rng(0)
    before = np.abs(random.normal(size=40))
    after = np.abs(0.5 * before + 0.3 * random.normal(size=40))

    found = gain_of_errors(before, after, measure="MAE", chosen_from=2)

    assert found.gain == pytest.approx(1 - after.mean() / before.mean())
    for bound, sign in ((found.low, 1), (found.high, -1)):
        t = stats.ttest_1samp((1 - bound) * before - after, 0).statistic
        assert sign * t == pytest.approx(stats.t.ppf(0.975, 39), abs=1e-5)
    assert found.gained_count == (after < before).sum()


def test_too_few_errors_have_no_bounds_in_the_sentence():
    rows = np.array([1.0, 3.0]), np.array([0.9, 3.5])

    few = KINDS["number"].gain(*rows)
    none = KINDS["number"].gain(np.zeros(3), np.ones(3))
    said = judge_gains(few, none, forgets_at_most=0.05).reason

    assert "share of -0.100 is gone (too few to say within which" in said
    assert "old rows: MAE 0 to 1, 3 labels" in said
    assert "1000" not in said


def test_a_number_is_judged_by_the_share_of_its_error():
    random = np.random.default_rng(0)
    labels = random.normal(500, 100, 200)
    off, other = random.normal(size=(2, 200)) * 30
    kind = {"target_kind": "number"}

    better = judge_change(labels, labels + off, labels + 0.7 * off, **kind)
    forgot = judge_change(
        *(labels, labels + off, labels + 0.7 * off),
        old=(labels, labels + off, labels + 1.2 * off),
        **kind,
    )
    unsure = judge_change(labels, labels + off, labels + 0.97 * other, **kind)

    outcomes = [each.outcome for each in (better, forgot, unsure)]
    assert outcomes == ["better", "not better", "undecided"]
    assert forgot.old.gain == pytest.approx(-0.2)
    assert f"MAE {np.abs(off).mean():.5g} to" in better.reason
    wanted = unsure.new.count + unsure.more_labels
    spread = unsure.new.spread
    assert wanted == pytest.approx((Z * spread / unsure.new.gain) ** 2, rel=0.1)


def test_tags_are_judged_by_the_f1_of_a_row():
    labels = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]] * 30)
    before = np.array([[1, 0, 0], [0, 0, 0], [1, 0, 0]] * 30)

    verdict = judge_change(labels, before, labels, target_kind="tags")

    # Of the three rows F1 was 2/3, 1 and 0.
    assert verdict.new.before == pytest.approx(5 / 9)
    assert verdict.new.gain == pytest.approx(4 / 9)
    assert verdict.is_better and verdict.new.gained_count == 60


def test_few_rows_that_differ_prove_nothing():
    """By chance three rows of 50 are gained and none lost: 1 in 8."""
    wrong = np.zeros(50)
    wrong[:3] = 1

    assert gain_of_shares(wrong, 0 * wrong, measure="F1").low <= 0
    same = gain_of_shares(wrong, wrong, measure="F1")
    assert same.high == -same.low > 0.03


def test_what_chance_signs_hold_down_has_no_number_of_labels():
    """Student's t is sure of four rows of 50; by chance they are 1 of 16."""
    right = np.ones(50)
    right[:4] = 0

    verdict = judge_change(
        0 * right, 0 * right + 1, right, target_kind="number"
    )

    assert verdict.new.low == 0 < verdict.new.gain
    assert verdict.outcome == "undecided" and verdict.more_labels is None


def test_many_rows_need_little_memory():
    random = np.random.default_rng(0)
    before = random.exponential(size=20_000)
    tracemalloc.start()
    found = gain_of_errors(before, 0.9 * before, measure="MAE")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found.low == pytest.approx(0.1)
    assert peak < 100e6


@pytest.mark.parametrize(
    ("kind", "labels", "before", "said"),
    [
        ("number", [1.0, np.inf], [1, 2], "1 that are not, the first is inf"),
        ("number", ["a", "b"], [1, 2], "must be finite numbers"),
        ("number", [1.0, 2.0], [1, 2, 3], "`before` must hold a finite"),
        ("tags", [[0, 2]], [[0, 1]], "0 or 1 for each row and tag"),
        ("tags", [[0, 1]], [[0, 0.5]], "`before` must hold 0 or 1"),
        ("words", [0], [0], "one of 'classes', 'number'"),
    ],
)
def test_bad_numbers_and_tags_are_refused(kind, labels, before, said):
    with pytest.raises(ValueError, match=said):
        judge_change(labels, before, before, target_kind=kind)
