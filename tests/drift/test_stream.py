"""Is a shift noticed, named, answered and proved, row by row?"""

import dataclasses
import io
import itertools
import sys

import drift_samples
import keras
import numpy as np
import pytest

import aet_keras
from aet_keras.drift import Reference, Stream
from aet_keras.drift.gate import judge_change


def make_model():
    """Returns the best model of `drift_samples`, below BatchNormalization."""
    inputs = keras.Input((8,))
    x = keras.layers.BatchNormalization(epsilon=1e-9)(inputs)
    head = keras.layers.Dense(3, activation="softmax")
    model = keras.Model(inputs, head(x))
    head.set_weights([drift_samples.CENTERS.T, np.zeros(3)])
    return model


def rows(count, seed, **settings):
    made = drift_samples.outputs(count, seed, **settings)
    return made.features, made.labels


def make_stream(**settings):
    model = make_model()
    reference = Reference.measure(model, rows(400, 0)[0], rows(400, 1))
    clock = itertools.count()
    settings = {"wait_rows": 100, **settings}
    return Stream(model, reference, clock=lambda: next(clock), **settings)


def feed(stream, x, size=25):
    for start in range(0, len(x), size):
        stream.predict(x[start : start + size])


def whats(stream):
    return [event.what for event in stream.log]


def right(model, x, y):
    return float((model.predict(x, verbose=0).argmax(axis=1) == y).mean())


# Away from the first class's center: a third of the answers becomes wrong.
def dimmed(x):
    return x * 0.3 - np.eye(8)[0] * 2


@pytest.fixture(scope="module")
def adapted():
    """Returns a stream that was quiet, then shifted, without labels."""
    stream = make_stream(adapt=aet_keras.adapt, old=rows(400, 2))
    feed(stream, rows(400, 3)[0])
    assert stream.log == ()
    feed(stream, dimmed(rows(400, 4)[0]))
    return stream


def test_a_shift_is_noticed_named_and_answered_without_labels(adapted):
    x, y = rows(500, 5)

    assert whats(adapted) == ["alarm", "shift", "adapted", "settled"]
    assert adapted.shift.kind == "input"
    assert "statistics" in adapted.log[2].why
    assert right(make_model(), dimmed(x), y) < 0.65
    assert right(adapted.model, dimmed(x), y) > 0.84
    assert 400 < adapted.log[0].row_count <= 450
    assert [each.time for each in adapted.log] == [0, 1, 2, 3]


def test_it_goes_back_to_the_start_with_the_rows():
    stream = make_stream(adapt=aet_keras.adapt, old=rows(400, 2))
    start = stream.model.get_weights()
    feed(stream, dimmed(rows(400, 4)[0]))
    assert "adapted" in whats(stream)

    feed(stream, rows(300, 6)[0])

    assert whats(stream)[-2:] == ["alarm", "quiet"]
    assert "has gone back" in stream.log[-1].why
    since = stream.log[-2].row_count
    assert stream.log[-1].row_count - since < stream.wait_rows  # looks early
    for before, now in zip(start, stream.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)


def labelled(stream, x, y, size=50):
    """Feeds rows, whose labels come a batch later."""
    late = {}
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        first = stream.row_count
        stream.predict(x[part])
        stream.add_labels(late)
        late = {str(first + i): int(c) for i, c in enumerate(y[part])}


def test_labels_alone_show_that_answers_are_wrong():
    stream = make_stream(adapt=aet_keras.adapt)
    labelled(stream, *rows(200, 3))
    x, y = rows(300, 4, order=(1, 2, 0))

    labelled(stream, x, y)

    assert whats(stream)[:3] == ["alarm", "shift", "adapted"]
    assert stream.log[0].why.startswith("accuracy has changed")
    assert stream.shift.kind == "output"
    assert "better" in stream.log[2].why
    assert right(stream.model, *rows(300, 7, order=(1, 2, 0))) > 0.7


@dataclasses.dataclass
class Changed:
    """What a function like `adapt` returns."""

    model: keras.Model
    verdict: object = None
    kept: tuple = ("all",)
    reason: str = "done"


class Useless:
    """Moves each weight, says that it is good, and notes what it was given."""

    def __init__(self, verdict=None):
        self.verdict, self.calls = verdict, []

    def __call__(self, model, new, labels=None, **settings):
        self.calls.append((len(new), labels, settings))
        model.set_weights([each + 1 for each in model.get_weights()])
        return Changed(model, self.verdict)


def test_nothing_is_kept_that_the_gate_does_not_allow():
    useless = Useless(judge_change([0] * 50, [0] * 50, [0] * 49 + [1]))
    stream = make_stream(adapt=useless, least_labels=50)
    start = stream.model.get_weights()

    labelled(stream, *rows(200, 4, order=(1, 2, 0)))

    assert "not adapted" in whats(stream) and "adapted" not in whats(stream)
    for before, now in zip(start, stream.model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, now)


def test_labels_that_do_not_suffice_are_tried_again_when_they_have_doubled():
    useless = Useless(judge_change([0] * 50, [0] * 50, [0] * 49 + [1]))
    stream = make_stream(adapt=useless, least_labels=50)

    labelled(stream, *rows(500, 4, order=(1, 2, 0)))

    counts = [
        (labels >= 0).sum()
        for _, labels, _ in useless.calls
        if labels is not None
    ]
    assert counts[:3] == [50, 100, 200]


def test_an_adaptation_that_takes_too_long_is_not_begun():
    useless = Useless()
    stream = make_stream(adapt=useless, most_seconds=1e-9)

    feed(stream, dimmed(rows(300, 4)[0]))

    assert not useless.calls
    assert "1e-09 s are allowed" in stream.log[-1].why


def test_no_more_rows_are_kept_or_given_than_allowed():
    useless = Useless()
    stream = make_stream(adapt=useless, most_rows=120)

    feed(stream, dimmed(rows(400, 4)[0]), size=400)

    assert [count for count, _, _ in useless.calls] == [120]
    assert stream.add_labels({str(n): 0 for n in range(400)}) == 120
    assert "280 of 400 are of rows that are not kept" in stream.log[-2].why


def test_labels_of_unknown_rows_and_second_ones_are_counted():
    stream = make_stream()
    stream.predict(rows(3, 4)[0], ids=["a", "b", "c"])

    assert stream.add_labels({"a": 0, "b": 1}) == 2
    assert stream.add_labels({"a": 1, "d": 1, "c": 1}) == 1
    assert whats(stream) == ["labels"]
    assert "1 of 3 are of rows that are not kept, and 1" in stream.log[0].why


@pytest.mark.parametrize("empty", [[], {}, np.zeros((0, 8))])
def test_no_rows_are_refused_in_a_sentence(empty):
    with pytest.raises(ValueError, match="must have at least one row"):
        make_stream().predict(empty)


@pytest.mark.parametrize("ids", [["a"], ["x", "x"], ["x", "a"]])
def test_each_row_has_an_id_of_its_own(ids):
    stream = make_stream()
    stream.predict(rows(1, 4)[0], ids=["a"])

    with pytest.raises(ValueError, match="Leave `ids` out"):
        stream.predict(rows(2, 4)[0], ids=ids)

    assert stream.row_count == 1


@pytest.mark.parametrize("cut", [75, 425, 500, 575])
def test_a_resumed_stream_ends_where_another_does(cut):
    x = np.concatenate([rows(400, 3)[0], dimmed(rows(300, 4)[0])])
    settings = {"adapt": aet_keras.adapt, "old": rows(400, 2)}
    whole, first, second = (make_stream(**settings) for _ in range(3))
    feed(whole, x)
    feed(first, x[:cut])
    file = io.BytesIO()
    np.savez(file, **first.get_state())

    file.seek(0)
    second.set_state(np.load(file))
    feed(second, x[cut:])

    told = [(e.row_count, e.what) for e in whole.log]
    assert len(told) == 4
    assert [(e.row_count, e.what) for e in second.log] == told
    for one, other in zip(
        whole.model.get_weights(), second.model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_rows_of_a_table_are_resumed_with_their_texts():
    stream = Stream(*table_model(), wait_rows=30)
    more = {"age": np.ones(40, "float32"), "town": ["a", "\u00e9"] * 20}
    more["town"] = np.array(more["town"], object)
    stream.predict(more)
    other = Stream(*table_model(), wait_rows=30)

    other.set_state(stream.get_state())

    assert other.row_count == 40
    kept = other._rows.inputs(["1"])
    assert kept["town"].tolist() == ["\u00e9"]


def table_model():
    keras.utils.set_random_seed(0)
    age = keras.Input((1,), name="age")
    town = keras.Input((1,), name="town", dtype="string")
    known = keras.layers.StringLookup(
        vocabulary=["a", "b"], output_mode="one_hot"
    )(town)
    x = keras.layers.Concatenate()([age, known])
    head = keras.layers.Dense(2, "softmax")(x)
    model = keras.Model({"age": age, "town": town}, head)
    x = {
        "age": np.random.default_rng(0).normal(size=60).astype("float32"),
        "town": np.array(["a", "b", "c"] * 20, object),
    }
    return model, Reference.measure(model, x, (x, np.arange(60) % 2))


def test_a_model_of_a_number_is_no_classifier():
    x = np.zeros((9, 2), "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    reference = Reference.measure(model, x, (x, x[:, 0]), target_kind="number")

    with pytest.raises(ValueError, match="must be of a classifier"):
        Stream(model, reference)


def test_what_is_no_state_is_refused():
    with pytest.raises(ValueError, match="what `get_state` returned"):
        make_stream().set_state({"weights": np.zeros(3)})


def test_a_missing_river_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "river.drift", None)

    with pytest.raises(ImportError, match=r"\[drift\]"):
        make_stream()
