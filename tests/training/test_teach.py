"""Does a student learn from its teacher, and only from a fitting one?"""

import keras
import numpy as np
import pytest

from aet_keras import training

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(48, 4)).astype("float32")
Y = (X @ RANDOM.normal(size=(4, 3))).argmax(axis=1)
ANSWERS = RANDOM.dirichlet([1, 1, 1], 48).astype("float32")


def build(ending="softmax", units=3, compiled=True, width=4):
    head = keras.layers.Dense(units, ending)
    model = keras.Sequential([keras.Input((width,)), head])
    if compiled:
        metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]
        model.compile(
            keras.optimizers.Adam(0.1),
            "sparse_categorical_crossentropy",
            metrics=metrics,
        )
    return model


def test_what_is_returned_is_the_label_and_the_answers():
    x, targets, weights = training.teach(build(), ANSWERS, (X, Y, X[:, 0] ** 2))

    np.testing.assert_array_equal(targets, np.hstack([np.eye(3)[Y], ANSWERS]))
    assert x is X and len(weights) == 48


def test_optimizer_and_metrics_stay_and_measure_labels():
    student = build()
    optimizer = student.optimizer
    train = training.teach(student, ANSWERS, (X, Y), share=0.0)

    student.fit(*train, epochs=20, verbose=0)

    assert student.optimizer is optimizer
    found = student.evaluate(X, Y, verbose=0, return_dict=True)
    right = student.predict(X, verbose=0).argmax(axis=1) == Y
    assert (
        found["accuracy"] == pytest.approx(right.mean()) and right.mean() > 0.8
    )
    assert found["sparse_top_k_categorical_accuracy"] >= found["accuracy"]


def test_a_taught_student_is_saved_and_trains_on(tmp_path):
    student = build()
    train = training.teach(student, ANSWERS, (X, Y))
    student.fit(*train, verbose=0)
    student.save(tmp_path / "small.keras")

    again = keras.models.load_model(tmp_path / "small.keras")

    expected = student.evaluate(*train, verbose=0)
    assert again.evaluate(*train, verbose=0) == pytest.approx(expected)
    again.fit(*train, verbose=0)


def test_a_student_ends_near_a_teacher_that_alone_teaches():
    teacher, student = build(compiled=False), build()
    teacher.layers[-1].set_weights([2 * np.eye(4, 3), np.zeros(3)])
    nobody = X[:0], Y[:0]

    train = training.teach(student, teacher, nobody, unlabelled=X)
    for _ in range(300):
        student.train_on_batch(*train)

    wanted = teacher.predict(X, verbose=0)
    np.testing.assert_allclose(student.predict(X, verbose=0), wanted, atol=0.05)


@pytest.mark.parametrize("ending", [None, "softmax"])
def test_logits_of_a_teacher_are_read_as_probabilities(ending):
    teacher = build(ending, compiled=False)

    _, targets = training.teach(build(), teacher, (X, Y))

    scores = X @ teacher.layers[-1].kernel.numpy()
    raised = np.exp(scores)
    expected = raised / raised.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(targets[:, 3:], expected, atol=1e-5)


class Own(keras.metrics.Mean):
    """Is a metric of a user, which is not registered."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true)


def test_what_the_student_was_compiled_with_stays():
    student, own = build(compiled=False), Own(name="own")
    loss = keras.losses.SparseCategoricalCrossentropy(
        reduction="mean_with_sample_weight"
    )
    student.compile("sgd", loss, loss_weights=5.0, metrics=[own])
    weights = np.arange(1.0, 49)
    given = {"sample_weight": weights, "verbose": 0, "return_dict": True}
    before = student.evaluate(X, Y, batch_size=48, **given)

    x, targets, _ = training.teach(student, ANSWERS, (X, Y, weights), share=0)

    after = student.evaluate(x, targets, batch_size=48, **given)
    assert after == pytest.approx(before, rel=1e-4)
    assert after["own"] == pytest.approx(Y.mean())


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(3, "softmax")

    def call(self, inputs):
        return self.head(inputs)


def test_a_teacher_may_be_a_class_of_a_user():
    teacher = Subclassed()

    _, targets = training.teach(build(), teacher, (X, Y))

    np.testing.assert_allclose(targets[:, 3:], teacher(X), atol=1e-6)


def test_a_teacher_may_have_several_inputs():
    one, two = keras.Input((4,)), keras.Input((4,))
    ends = [keras.layers.Dense(3, "softmax")(one + two) for _ in range(2)]
    teacher, student = (keras.Model([one, two], end) for end in ends)
    student.compile("sgd", "sparse_categorical_crossentropy")

    _, targets = training.teach(student, teacher, ([X, -2 * X], Y))

    expected = teacher([X, -2 * X])
    np.testing.assert_allclose(targets[:, 3:], expected, atol=1e-6)


def test_weights_in_a_column_are_those_of_rows():
    more = np.vstack([ANSWERS, ANSWERS[:2]])
    train = X, Y, np.full((48, 1), 2.0)

    _, _, weights = training.teach(build(), more, train, unlabelled=X[:2])

    np.testing.assert_array_equal(weights, [*[2.0] * 48, 1.0, 1.0])


def two_outputs():
    inputs = keras.Input((4,))
    head = keras.layers.Dense(3, "softmax")(inputs)
    return keras.Model(inputs, [head, head])


def two_inputs():
    inputs = keras.Input((4,)), keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(sum(inputs)))


def uncompiled():
    return build(compiled=False)


def squared():
    model = build(compiled=False)
    model.compile("sgd", "mse")
    return model


REFUSED = {
    "a student that is not compiled": (uncompiled, ANSWERS, (X, Y), "compiled"),
    "a student of squares": (squared, ANSWERS, (X, Y), "plain cross-entropy"),
    "a teacher of other classes": (
        build,
        lambda: build(units=5, compiled=False),
        (X, Y),
        r"shape \(48, 3\). Received: \(48, 5\)",
    ),
    "a teacher of a number": (
        build,
        lambda: build(None, units=1, compiled=False),
        (X, Y),
        "tell classes apart",
    ),
    "a teacher of other rows": (
        build,
        lambda: build(width=7, compiled=False),
        (X, Y),
        r"rows of the shape \(4,\), a teacher of \(7,\)",
    ),
    "answers that are no probabilities": (
        build,
        2 * ANSWERS,
        (X, Y),
        "probabilities",
    ),
    "labels of other classes": (build, ANSWERS, (X, Y + 1), "from 0 to 2"),
    "labels that are names": (
        build,
        ANSWERS,
        (X, Y.astype(str)),
        "of the type",
    ),
    "a teacher of two outputs": (build, two_outputs, (X, Y), "2 outputs"),
    "a teacher of two inputs": (build, two_inputs, (X, Y), "of 2 inputs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(case):
    student, teacher, train, match = REFUSED[case]
    teacher = teacher() if callable(teacher) else teacher

    with pytest.raises(ValueError, match=match):
        training.teach(student(), teacher, train)


def test_a_data_set_is_refused_because_answers_are_kept_by_row():
    with pytest.raises(TypeError, match="kept row by row"):
        training.teach(build(), ANSWERS, X)
