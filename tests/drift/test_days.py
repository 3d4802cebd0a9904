"""Is the day named from which on rows differ, and a quiet period left alone?"""

import dataclasses

import drift_samples
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from aet_keras.drift import Reference, days
from aet_keras.drift.days import DayAlarm, watch_days
from aet_keras.drift.model_outputs import ModelOutputs
from aet_keras.drift.watch_chart import draw_watched

START = 1_793_491_200.0  # 2026-11-01 00:00 UTC
HOURLY = START + 3600 * np.arange(2000.0)


@pytest.fixture(scope="module")
def reference():
    return drift_samples.reference(class_names=("hat", "shoe", "bag"))


def outputs(*parts):
    """Returns the outputs of parts of a period, one after the other."""
    made = [
        drift_samples.outputs(count, seed, **settings)
        for seed, (count, settings) in enumerate(parts, start=50)
    ]
    return ModelOutputs(
        np.concatenate([each.features for each in made]),
        np.concatenate([each.probabilities for each in made]),
    )


def test_quiet_days_raise_no_alarm(reference):
    rows = outputs((720, {}))

    found = watch_days(reference, rows, HOURLY[:720])

    assert (found.alarm, found.shift.kind) == (None, "none")
    assert len(found.rows) == 500
    assert [day.row_count for day in found.days] == [24] * 30
    assert found.days[1].name == "2026-11-02"
    assert found.days[1].confidence == pytest.approx(
        rows.probabilities[24:48].max(axis=1).mean()
    )


def test_it_is_said_since_when_rows_differ_and_how(reference):
    rows = outputs((240, {}), (240, {"priors": (0.8, 0.1, 0.1)}))

    found = watch_days(reference, rows, HOURLY[:480])

    assert found.shift.kind == "label"
    assert found.shift.priors == pytest.approx((0.8, 0.1, 0.1), abs=0.1)
    assert found.alarm.day in ("2026-11-10", "2026-11-11", "2026-11-12")
    assert found.alarm.noticed > found.alarm.time
    assert found.alarm.to_text().startswith("alarm: since 2026-11-1")
    assert found.rows[-1] == 479


def test_rows_in_any_order_are_taken_by_their_times(reference):
    rows = outputs((240, {}), (240, {"moved": 1.0}))
    order = np.random.default_rng(0).permutation(480)

    mixed = watch_days(reference, rows.take(order), HOURLY[:480][order])

    ordered = watch_days(reference, rows, HOURLY[:480])
    assert mixed.alarm == ordered.alarm
    assert mixed.days == ordered.days
    assert [order[row] for row in mixed.rows] == list(ordered.rows)


def test_an_alarm_that_is_over_is_no_shift(reference):
    rows = outputs((240, {}), (120, {"moved": 1.5}), (700, {}))

    found = watch_days(reference, rows, HOURLY[:1060])

    assert (found.alarm, found.shift.is_shifted) == (None, False)


def test_who_looks_each_day_needs_a_smaller_p(reference):
    rows = outputs((200, {"moved": 2.0}))
    shift = watch_days(reference, rows, HOURLY[:200]).shift
    assert shift.is_shifted
    rare = dataclasses.replace(shift, p=0.02)

    once, daily = (days.looked_at_daily(rare, count) for count in (1, 30))

    assert once == rare
    assert (daily.is_shifted, daily.kind) == (False, "none")
    assert "is no alarm" in daily.notes[-1]


IMAGES = list(np.zeros((9, 8, 8, 3), "uint8"))
CELLS = {"age": np.float32(np.nan), "town": "", "day": 19770.0}


@pytest.mark.parametrize(
    ("novel", "has_days"),
    [
        (IMAGES, True),
        (["$x_1$ \u77ed\u3044 " * 50] * 9, False),
        ([CELLS] * 9, True),
        ([], False),
    ],
    ids=["images", "texts", "cells", "names alone"],
)
def test_what_was_found_is_drawn(novel, has_days, reference, tmp_path):
    columns = {
        "age": np.array([1, np.nan, 3], "float32"),
        "town": np.array(["a", "a", ""]),
        "day": np.array([19770, np.nan, 19771], "float32"),
    }
    known = dataclasses.replace(reference, columns=columns)
    rows = outputs((60, {"moved": 2.0}))
    found = watch_days(reference, rows, HOURLY[:60])
    alarm = DayAlarm(START, START + 9, "distance", 60)

    path = draw_watched(
        "clothes",
        known,
        rows,
        found.shift,
        tmp_path / "a.png",
        names=[f"{n}.png" for n in range(60)],
        novel=novel,
        days=found.days if has_days else (),
        alarm=alarm if has_days else None,
        dates=("day",),
    )

    with Image.open(path) as image:
        assert image.width == 1320
        assert 400 < image.height < 1200


def answered(kind, count, seed, *, more=0.0):
    """Returns what a model of a number, or of tags, makes of rows."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 4)) + more
    sums = features[:, :3] + [0, 1, -1]
    said, true = 1 / (1 + np.exp(-sums)), sums > 0
    if kind == "number":
        said, true = 500 + 10 * sums[:, :1], 500 + 10 * sums[:, 0]
    return ModelOutputs(
        features.astype("float32"), said.astype("float32"), true.astype("f4")
    )


@pytest.mark.parametrize("kind", ["number", "tags"])
def test_rows_of_numbers_and_tags_are_watched(kind, tmp_path):
    known = Reference.of_outputs(*(answered(kind, 300, n) for n in (0, 1)))
    rows = [answered(kind, 240, n, more=m) for n, m in ((2, 0), (3, 1.5))]
    rows = dataclasses.replace(ModelOutputs.joined(rows), labels=None)

    quiet = watch_days(known, rows.take(np.arange(240)), HOURLY[:240])
    found = watch_days(known, rows, HOURLY[:480])
    draw_watched(
        *("shop", known, rows, found.shift, tmp_path / "a.png"),
        names=["" for _ in range(480)],
        days=found.days,
        alarm=found.alarm,
    )

    assert (quiet.alarm, quiet.shift.kind) == (None, "none")
    assert found.shift.kind == "input"
    assert found.alarm.day in ("2026-11-10", "2026-11-11", "2026-11-12")
    said = rows.probabilities[:24]
    told = found.days[0].number, found.days[0].confidence
    if kind == "number":
        assert told == (pytest.approx(said.mean()), None)
    else:
        sure = np.where(said > 0.5, said, 1 - said).mean()
        assert told == (None, pytest.approx(sure))


def test_answers_alone_are_compared_where_no_more_was_kept(reference):
    rows = outputs((240, {}), (240, {"priors": (0.8, 0.1, 0.1)}))
    alone = dataclasses.replace(rows, features=np.zeros((480, 0)))
    full = dataclasses.replace(reference, columns={"age": np.zeros(400)})

    quiet = watch_days(full, alone.take(np.arange(240)), HOURLY[:240])
    found = watch_days(full, alone, HOURLY[:480])

    pairs = zip(
        reference.probabilities.T, rows.probabilities[:240].T, strict=True
    )
    p = min(1, 3 * min(stats.ks_2samp(*each).pvalue for each in pairs))
    assert quiet.shift.tests == {"outputs": pytest.approx(p, abs=0.05)}
    assert (quiet.alarm, found.shift.kind) == (None, "label")
    assert found.alarm.day in ("2026-11-10", "2026-11-11", "2026-11-12")
    assert "answered is compared alone" in found.shift.notes[-1]
