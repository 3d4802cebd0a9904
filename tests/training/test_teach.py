"""Does a student learn from its teacher, and only from a fitting one?"""

import keras
import numpy as np
import pytest

from aet_keras import data, recipes, training
from aet_keras.errors import ExportError
from aet_keras.training.teachers import TaughtSplit, with_teacher

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


def test_a_student_ends_near_a_teacher_that_alone_teaches():
    teacher, student = build(compiled=False), build()
    teacher.layers[-1].set_weights([2 * np.eye(4, 3), np.zeros(3)])
    nobody = X[:0], Y[:0]

    train = training.teach(student, teacher, nobody, unlabelled=X)
    student.fit(*train, epochs=200, verbose=0)

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


NAMES = ("cat", "dog", "owl")


def photos(side=8):
    """Returns noise whose class is which colour is brightest."""
    splits = {}
    for name in ("train", "validation", "test"):
        random = np.random.default_rng(len(name))
        images = random.integers(0, 256, (30, side, side, 3), "uint8")
        labels = images.mean(axis=(1, 2)).argmax(axis=1).astype("int32")
        names = tuple(f"{name}[{row}]" for row in range(30))
        splits[name] = data.Split(images, labels, names)
    specification = data.dataset.Specification("image", NAMES, (8, 8), "photos")
    return data.Dataset(**splits, specification=specification)


def published(folder, names, *, order=(0, 1, 2), **settings):
    """Writes a version whose model answers the brightest colour."""
    inputs = keras.Input((16, 16, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(len(names), "softmax")
    model = keras.Model(inputs, head(means))
    kernel = np.zeros((3, len(names)))
    kernel[range(3), order] = 1.0
    head.set_weights([kernel, np.zeros(len(names))])
    version = folder / "1"
    (version / "assets").mkdir(parents=True)
    model.save(version / "model.keras")
    (version / "assets" / "labels.txt").write_text("\n".join(names) + "\n")
    (version / "saved_model.pb").touch()
    recipes.Recipe("photos", **settings).save(version / "recipe.json")
    return str(folder)


def taught(folder, **settings):
    recipe = recipes.Recipe("photos", teacher=folder, **settings)
    return with_teacher(
        recipe, photos(), lambda *given: lambda split, name: split.inputs
    )


def test_a_teacher_of_another_size_and_order_is_mapped_by_names(tmp_path):
    names = ("owl", "ant", "cat", "dog")
    folder = published(tmp_path / "big", names, order=(2, 3, 0))

    dataset = taught(folder)

    train = dataset.train
    assert isinstance(train, TaughtSplit)
    answers = train.targets[:, 3:]
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    assert (answers.argmax(axis=1) == train.labels).mean() > 0.9
    assert any("1 more classes" in note for note in dataset.notes)
    assert any("right about" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "seed, ending", [(0, "no test rows."), (7, "too good.")]
)
def test_it_is_said_whether_the_teacher_may_have_seen_test_rows(
    tmp_path, seed, ending
):
    folder = published(tmp_path / "big", NAMES, seed=seed)

    assert taught(folder).notes[-1].endswith(ending)


def test_a_teacher_without_a_class_is_refused(tmp_path):
    folder = published(tmp_path / "big", ("cat", "dog", "ant"))

    with pytest.raises(ExportError, match="without `owl`"):
        taught(folder)


def test_a_teacher_that_knows_nothing_is_refused(tmp_path):
    folder = published(tmp_path / "big", NAMES, order=(1, 2, 0))

    with pytest.raises(ExportError, match="must know the classes"):
        taught(folder)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "big.keras"
    path.write_text("a letter")

    with pytest.raises(ExportError, match="a `.keras` file of a classifier"):
        taught(str(path))
