"""Is the teacher that a recipe names asked rightly, or refused?"""

import dataclasses

import keras
import numpy as np
import PIL.Image
import pytest

from aet_keras import data, recipes
from aet_keras.errors import DataError, ExportError
from aet_keras.tasks.number_unit import Unit
from aet_keras.training import heads, image_job
from aet_keras.training.teacher_outputs import probabilities_of
from aet_keras.training.teachers import TaughtSplit, Teacher, with_teacher

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


def test_a_teacher_of_classes_of_one_size_says_what_rows_are(tmp_path):
    even = published(tmp_path / "even", NAMES, class_weight="adjusted")
    plain = published(tmp_path / "plain", NAMES)
    pairs = (even, None), (even, "adjusted"), (plain, "balanced")

    same, *found = (
        taught(folder, class_weight=own).train.targets[:, 3:]
        for folder, own in ((even, "balanced"), *pairs)
    )

    shares = np.bincount(photos().train.labels) / 30
    for answers, factor in zip(
        found, (shares, shares, 1 / shares), strict=True
    ):
        wanted = same * factor
        wanted /= wanted.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(answers, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "settings, ending",
    [
        ({"seed": 0}, "no test rows."),
        ({"seed": 7}, "too good."),
        ({"teacher": "saved_models/bigger"}, "too good."),
    ],
    ids=["the same seed", "another seed", "a teacher of its own"],
)
def test_it_is_said_whether_the_teacher_may_have_seen_test_rows(
    tmp_path, settings, ending
):
    folder = published(tmp_path / "big", NAMES, **settings)

    assert taught(folder).notes[-1].endswith(ending)


def write_images(folder, images):
    """Writes images without labels, and a file that is none."""
    folder.mkdir()
    for row, image in enumerate(images):
        PIL.Image.fromarray(image).save(folder / f"{row}.png")
    (folder / "broken.png").write_text("a letter")
    return str(folder)


def test_images_without_labels_are_taught_unless_they_are_rows(tmp_path):
    teacher = published(tmp_path / "big", NAMES)
    new = np.random.default_rng(9).integers(0, 256, (3, 8, 8, 3), "uint8")
    rows = photos().test.inputs[:2]
    folder = write_images(tmp_path / "more", [*new, *rows])

    dataset = taught(teacher, unlabelled=folder)

    train = dataset.train
    np.testing.assert_array_equal(train.more, new)
    assert train.targets.shape == (33, 6) and train.count == 30
    assert not train.targets[30:, :3].any()  # no label
    brightest = new.mean(axis=(1, 2)).argmax(axis=1)
    np.testing.assert_array_equal(
        train.targets[30:, 3:].argmax(axis=1), brightest
    )
    said = "1 that cannot be read and 2 that are rows of the data"
    assert any(said in note for note in dataset.notes)
    weights = np.array([1.0, 2.0, 3.0])
    batches = image_job._train_batches(train, weights, batch_size=33)
    images, targets, given = next(iter(batches))
    np.testing.assert_array_equal(images[30:], new)
    np.testing.assert_array_equal(targets, train.targets)
    np.testing.assert_array_equal(given, [*weights[train.labels], 1, 1, 1])


def test_images_that_are_all_labelled_ones_are_refused(tmp_path):
    teacher = published(tmp_path / "big", NAMES)
    folder = write_images(tmp_path / "more", photos().train.inputs[:2])

    with pytest.raises(DataError, match="2 that are rows of the data"):
        taught(teacher, unlabelled=folder)


def test_images_without_labels_need_a_teacher_or_a_trained_backbone():
    with pytest.raises(ValueError, match="must go with a backbone"):
        recipes.Recipe("photos", unlabelled="more", weights="none")


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

    with pytest.raises(ExportError, match="a `.keras` file of a model"):
        taught(str(path))


@pytest.mark.parametrize("units", [4, 2])
def test_a_file_of_other_classes_is_refused(units, tmp_path):
    path = str(tmp_path / "big.keras")
    head = keras.layers.Dense(units, "softmax")
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), head]
    keras.Sequential(layers).save(path)

    with pytest.raises(ExportError, match=f"with {units} for 3 classes"):
        taught(path)


def test_a_teacher_of_no_images_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(3)])
    recipe = recipes.Recipe("photos", teacher="big", image_size=8)
    rows = image_job._teacher_rows(recipe, photos(), Teacher("big", model))

    with pytest.raises(ValueError, match=r"a teacher of \(64,\)"):
        probabilities_of(model, rows(photos().train, "train"), 8, "Recipe")


def test_images_are_read_again_at_the_size_of_the_teacher():
    recipe = recipes.Recipe("digits", image_size=24, teacher="big.keras")
    dataset = image_job.read_dataset(recipe)
    asked = keras.Sequential([keras.Input((40, 40, 3)), keras.layers.Flatten()])

    rows = image_job._teacher_rows(recipe, dataset, Teacher("big", asked))

    wanted = data.read_images("digits", image_size=(40, 40), seed=recipe.seed)
    given = rows(dataset.validation, "validation")
    np.testing.assert_array_equal(given, wanted.validation.inputs)
    assert dataset.validation.names == wanted.validation.names


def photos_of(kind):
    """Returns the same with other labels: how bright two colours are."""
    dataset = photos()
    splits = {}
    for name in ("train", "validation", "test"):
        split = getattr(dataset, name)
        bright = split.inputs.mean(axis=(1, 2))[:, :2] / 255
        labels = (bright > 0.5).astype("float32")
        labels = labels if kind == "tags" else 100 * bright[:, 0] + 7
        splits[name] = dataclasses.replace(split, labels=labels)
    specification = dataclasses.replace(
        dataset.specification,
        class_names=("red", "green") if kind == "tags" else (),
        target_kind=kind,
    )
    return dataclasses.replace(dataset, **splits, specification=specification)


def teach_kind(path, kind, scale):
    """Returns a taught data set, and what its teacher says of train rows."""
    units, end = {"tags": (2, "sigmoid"), "number": (1, "linear")}[kind]
    inputs = keras.Input((8, 8, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(units, end)
    model = keras.Model(inputs, head(means))
    head.set_weights([scale * np.eye(3, units), -128 * scale * np.ones(units)])
    if kind == "number":
        head.set_weights([np.eye(3, 1) * scale, np.full(1, 7.0)])
    model.save(path)
    recipe = recipes.Recipe("photos", teacher=str(path))
    dataset = with_teacher(
        recipe,
        photos_of(kind),
        lambda *given: lambda split, name: split.inputs,
    )
    rows = dataset.train.inputs
    return dataset, np.asarray(model(rows.astype("float32")))


LOSSES = {"tags": "binary_crossentropy", "number": "mean_squared_error"}


@pytest.mark.parametrize("kind, scale", [("tags", 0.4), ("number", 0.39)])
def test_tags_and_numbers_are_learned_mixed_with_answers(tmp_path, kind, scale):
    dataset, answers = teach_kind(tmp_path / "big.keras", kind, scale)
    labels = dataset.train.labels.reshape(answers.shape)
    targets = dataset.train.targets.reshape(answers.shape)
    guesses = np.random.default_rng(0).uniform(0.1, 0.9, (2, *answers.shape))

    def by_hand(wanted, said):
        if kind == "number":
            return np.mean((wanted - said) ** 2)
        logs = wanted * np.log(said) + (1 - wanted) * np.log(1 - said)
        return -np.mean(logs)

    loss = keras.losses.get(LOSSES[kind])
    learned = [np.mean(loss(targets, each)) for each in guesses]
    hand = [
        0.3 * by_hand(labels, each) + 0.7 * by_hand(answers, each)
        for each in guesses
    ]
    # They differ by what the guess does not change.
    assert learned[0] - learned[1] == pytest.approx(hand[0] - hand[1], rel=1e-3)
    assert "The teacher is off by" in " ".join(dataset.notes)


def test_what_is_learned_of_a_number_is_in_the_unit_of_the_head(tmp_path):
    dataset, answers = teach_kind(tmp_path / "big.keras", "number", 0.39)
    unit = Unit.fitted(dataset.train.labels)
    inputs = keras.Input((1,))
    whole = keras.Model(inputs, unit.apply(keras.layers.Dense(1)(inputs)))

    made = heads._with_labels(dataset.train, whole, dataset)

    mixed = 0.3 * dataset.train.labels + 0.7 * answers[:, 0]
    expected = (mixed - unit.mean) / unit.scale
    np.testing.assert_allclose(made.targets[:, 0], expected, rtol=1e-4)


def test_a_teacher_of_tags_that_knows_none_is_refused(tmp_path):
    with pytest.raises(ExportError, match="must know the tags of the data"):
        teach_kind(tmp_path / "big.keras", "tags", -0.4)


def test_a_teacher_of_classes_teaches_no_tags(tmp_path):
    folder = published(tmp_path / "big", NAMES)
    recipe = recipes.Recipe("photos", teacher=folder)

    with pytest.raises(
        ExportError, match="must be of images, and a model of tags"
    ):
        with_teacher(recipe, photos_of("tags"), lambda *given: None)
