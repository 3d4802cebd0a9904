"""Does a model of images go on where an earlier version ended?"""

import dataclasses
import json
import shutil
import sys
import types

import image_folders
import image_models
import keras
import lean_exports
import numpy as np
import pytest

from aet_keras import data
from aet_keras.data.streamed_images import StreamedImages, sum_of_pixels
from aet_keras.errors import ExportError
from aet_keras.publishing import manifest
from aet_keras.recipes import Recipe, load_recipe
from aet_keras.recipes.image_recipe import usual_settings
from aet_keras.tasks.number_unit import Unit
from aet_keras.training import earlier, earlier_start, heads, run_recipe

running = sys.modules["aet_keras.training.run"]  # `run` is no name of it
GONE, NEW = ("four", "one"), ("three", "two", "zero")  # in their order


@pytest.fixture(autouse=True, scope="module")
def tiny():
    """Puts three convolutions of 8 pixels in the place of every backbone."""
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Returns the folders of old and of new images, and a published one."""
    home = tmp_path_factory.mktemp("earlier")
    for name, others in (("old", NEW), ("new", GONE)):
        folder = image_folders.copy_images(home / name)
        for each in others:
            shutil.rmtree(folder / each)
    recipe = Recipe(
        str(home / "old"),
        backbone="VGG16",
        weights="none",
        image_size=8,
        attention="eca",
        dropout=0.1,
        epochs=1,
    )
    run_recipe(recipe, home / "out")
    return home / "new", home / "out"


@pytest.fixture(scope="module")
def later(folders):
    """Returns the version that is published in the same folder."""
    new, out = folders
    said = []
    recipe = Recipe(str(new), epochs=2, from_=str(out))
    with pytest.MonkeyPatch.context() as patch:
        lean_exports.leave_out(patch)
        return run_recipe(recipe, out, say=said.append), said


def test_a_run_goes_on_with_the_newest_version_of_its_own_folder(
    folders, later
):
    _, out = folders
    run, said = later

    assert run.version.name == "2"
    written = load_recipe(run.version / "recipe.json")
    wanted = ("VGG16", "none", 8, "eca", 0.1, str(out / "1"))
    names = "backbone weights image_size attention dropout from_".split()
    assert tuple(getattr(written, name) for name in names) == wanted
    assert (written.augment, written.learning_rate) == ("none", 1e-3)
    assert earlier.as_earlier(written) == written  # by `--recipe`
    layers = [each.name for each in run.model.layers]
    known = keras.models.load_model(out / "1" / "model.keras")
    assert layers == [each.name for each in known.layers]
    notes = " ".join(run.report.notes)
    assert f"Begins with {out / '1'}, which knows 5 of the 8 classes" in notes
    assert "new are `three`, `two`, `zero`" in notes
    assert "left out, because no row has them, are `four`, `one`" in notes
    assert any("Begins with" in each for each in said)
    assert "if they are test rows here" in notes
    events = run.report.events
    assert any("0: the head of the earlier model" in each for each in events)
    assert f"{out / '1'}" in (run.version / "card.md").read_text()


def test_the_report_has_the_earlier_model_on_the_same_rows(folders, later):
    _, out = folders
    run, _ = later
    names = [each.name for each in run.report.test.per_class]
    known = keras.models.load_model(out / "1" / "model.keras")
    old_names = (out / "1" / "assets" / "labels.txt").read_text().split()
    recipe = load_recipe(run.version / "recipe.json")
    test = earlier_test_rows(recipe)

    found = run.report.earlier

    rows = [i for i, y in enumerate(test.labels) if names[y] in old_names]
    answers = known.predict(test.inputs[rows], verbose=0).argmax(axis=1)
    right = [
        old_names[answer] == names[test.labels[row]]
        for row, answer in zip(rows, answers, strict=True)
    ]
    assert found.count == len(rows) < test.count
    assert found.before == pytest.approx(np.mean(right))
    content = json.loads((run.version / "report.json").read_text())
    assert content["earlier"]["before"] == found.before
    assert "earlier model\n" in run.report.to_text()


def earlier_test_rows(recipe):
    return data.read_images(recipe.data, image_size=(8, 8)).test


def colours(names, kind="classes", labels=None, seed=0):
    """Returns noise whose class is which colour is brightest."""
    splits = {}
    for number, name in enumerate(("train", "validation", "test")):
        random = np.random.default_rng(seed + number)
        images = random.integers(0, 256, (60, 8, 8, 3), "uint8")
        found = images.mean(axis=(1, 2)).argmax(axis=1).astype("int32")
        if labels is not None:
            found = labels(images, found)
        splits[name] = data.Split(images, found, ("",) * 60)
    specification = data.dataset.Specification(
        "image", names, (8, 8), "photos", target_kind=kind
    )
    return data.Dataset(**splits, specification=specification)


def published(folder, names, kernel, *, kind="classes"):
    """Writes a version that answers by the means of three colours."""
    inputs = keras.Input((8, 8, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    activation = heads.HEADS[kind].activation
    name = {"number": "value"}.get(kind, "probabilities")
    head = keras.layers.Dense(len(kernel[0]), activation, name=name)
    outputs = head(means)
    head.set_weights([np.array(kernel, "float32"), np.zeros(len(kernel[0]))])
    if kind == "number":
        outputs = Unit(50.0, 2.0).apply(outputs)
    version = folder / "1"
    (version / "assets").mkdir(parents=True)
    keras.Model(inputs, outputs).save(version / "model.keras")
    (version / "assets" / "labels.txt").write_text("\n".join(names))
    (version / "saved_model.pb").touch()
    output = {"number": "values", "tags": "tags"}.get(kind, "classes")
    signatures = {"serving_default": {"outputs": {output: {}}}}
    content = {"format": 1, "kind": "image", "signatures": signatures}
    Recipe("photos", image_size=8).save(version / "recipe.json")
    manifest.write_manifest(version, content)
    return Recipe("new", image_size=8, learning_rate=1e-3, from_=str(folder))


def begun(recipe, dataset):
    model = heads.compiled(earlier.build(recipe, dataset), recipe, dataset)
    events = earlier_start.draw_head(
        model,
        recipe,
        dataset,
        lambda model, split: model.predict(split.inputs, verbose=0),
    )
    return model, events


def test_what_is_right_stays_and_new_classes_come_beside_it(tmp_path):
    kernel = np.zeros((3, 3))
    kernel[[2, 0, 1], [0, 1, 2]] = 3.0  # blue, cat (red), dog (green)
    recipe = published(tmp_path / "old", ("blue", "cat", "dog"), kernel)
    same = colours(("cat", "dog", "owl"))

    model, events = begun(recipe, same)

    (_, sentence) = events[0]
    assert "begins as it is" in sentence
    weights, bias = model.layers[-1].get_weights()
    np.testing.assert_array_equal(
        weights[:, :2], kernel[:, 1:].astype("float32")
    )
    assert (bias[:2] == 0).all()
    probabilities = model.predict(same.test.inputs, verbose=0)
    assert (probabilities.argmax(axis=1) == same.test.labels).mean() > 0.85


def test_what_is_wrong_is_drawn_towards_a_solved_head(tmp_path):
    kernel = 0.3 * np.eye(3)[:, [1, 2, 0]]  # each is called another one
    recipe = published(tmp_path / "old", ("cat", "dog", "owl"), kernel)
    dataset = colours(("cat", "dog", "owl"))

    model, events = begun(recipe, dataset)

    assert "drawn by" in events[0][1]
    probabilities = model.predict(dataset.test.inputs, verbose=0)
    assert (probabilities.argmax(axis=1) == dataset.test.labels).mean() > 0.9


def test_a_number_is_the_same_in_another_unit(tmp_path):
    recipe = published(
        tmp_path / "old", (), [[0.1], [0.0], [0.0]], kind="number"
    )
    dataset = colours(
        (), "number", lambda x, _: 900 + x[..., 0].mean((1, 2)).astype("f4")
    )
    known = earlier.Earlier.of(recipe).model

    model = heads.compiled(earlier.build(recipe, dataset), recipe, dataset)

    np.testing.assert_allclose(
        model.predict(dataset.test.inputs, verbose=0),
        known.predict(dataset.test.inputs, verbose=0),
        rtol=1e-5,
    )
    assert Unit.of(model).mean == pytest.approx(
        dataset.train.labels.mean(), rel=1e-5
    )


def test_tags_keep_their_columns_and_new_ones_are_solved(tmp_path):
    def tags(images, brightest):
        return np.eye(3, dtype="float32")[brightest][:, :2]

    kernel = [[0.0, 0.9], [0.9, -0.4], [-0.9, -0.4]]
    recipe = published(tmp_path / "old", ("odd", "red"), kernel, kind="tags")
    dataset = colours(("green", "red"), "tags", tags)

    model, events = begun(recipe, dataset)

    probabilities = model.predict(dataset.test.inputs, verbose=0)
    assert ((probabilities > 0.5) == dataset.test.labels).mean() > 0.8
    assert "validation loss" in events[0][1]


def test_another_task_begins_with_a_new_head_and_says_so(tmp_path):
    recipe = published(tmp_path / "old", ("ant", "bee"), np.eye(3)[:, :2])
    other = colours(("cat", "dog", "owl"))
    tags = colours(
        ("ant", "bee"), "tags", lambda x, y: np.eye(3, dtype="f4")[y][:, :2]
    )

    for dataset, words in (
        (other, "knows none of these classes: the head is new"),
        (tags, "predicts classes: the head is new"),
    ):
        assert words in earlier.noted(recipe, dataset).notes[0]
        assert begun(recipe, dataset)[1] == []


def test_which_rows_the_earlier_model_has_learned_is_said(tmp_path):
    recipe = published(tmp_path / "old", ("cat", "dog", "owl"), np.eye(3))
    recipe = dataclasses.replace(recipe, data="photos")  # as it was
    dataset = colours(("cat", "dog", "owl"))
    report = tmp_path / "old" / "1" / "report.json"

    for count, words in ((60, "it saw no test rows"), (59, "too good")):
        report.write_text(json.dumps({"train_count": count}))
        assert words in earlier.noted(recipe, dataset).notes[-1]

    report.write_text(json.dumps({"train_count": 60}))
    tags = dataclasses.replace(dataset.specification, target_kind="tags")
    divided_otherwise = dataclasses.replace(dataset, specification=tags)
    assert "too good" in earlier.noted(recipe, divided_otherwise).notes[-1]


def test_what_made_earlier_answers_is_said_unless_it_is_asked_for(tmp_path):
    names = ("cat", "dog", "owl")
    recipe = published(tmp_path / "old", names, np.eye(3))
    order = dataclasses.replace(recipe, class_order=names, from_=None)
    order.save(tmp_path / "old" / "1" / "recipe.json")
    held = dataclasses.replace(recipe, class_order=names, coverage=0.9)

    said, nothing = (
        " ".join(earlier.noted(each, colours(names)).notes)
        for each in (recipe, held)
    )

    assert "made with `class_order` (`--class-order`), and this one" in said
    assert "made with" not in nothing


def test_streamed_rows_that_are_known_are_not_decoded_at_once(tmp_path):
    recipe = published(tmp_path / "old", ("cat", "dog"), np.eye(3)[:, :2])
    dataset = colours(("cat", "dog", "owl"))
    images = dataset.test.inputs
    sums = np.stack([sum_of_pixels(each) for each in images])
    streamed = StreamedImages(images, [""] * 60, image_size=(8, 8), sums=sums)
    test = dataclasses.replace(dataset.test, inputs=streamed)
    dataset = dataclasses.replace(dataset, test=test)
    model = earlier.build(recipe, dataset)
    asked = []

    def predict(model, split):
        asked.append(split.inputs)
        return model.predict(split.inputs[:], verbose=0)

    found = earlier_start.compared_with_earlier(recipe, dataset, model, predict)

    known = images[dataset.test.labels < 2]
    assert found.count == len(known) < 60
    assert all(isinstance(each, StreamedImages) for each in asked)
    np.testing.assert_array_equal(asked[0][:], known)


def rename(version):
    path = version / "assets" / "labels.txt"
    path.write_text(path.read_text().replace("four", "fou"))


def damage(version):
    path = version / "model.keras"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def unlist(version):
    content = json.loads((version / "manifest.json").read_text())
    del content["files"]["model.keras"]
    (version / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("spoil", "settings", "error", "advice"),
    [
        (None, {"image_size": 16}, ValueError, "must be that of the earlier"),
        (None, {"attention": "se"}, ValueError, "Received: 'se', where it has"),
        (damage, {}, ExportError, "differ"),
        (unlist, {}, ExportError, "does not list"),
        (lambda v: (v / "model.keras").unlink(), {}, ExportError, "not there"),
        (lambda v: (v / "recipe.json").unlink(), {}, ExportError, "recipe"),
        (rename, {}, ExportError, "labels.txt` must be the file that was"),
    ],
    ids=[
        "size",
        "attention",
        "a bit",
        "added",
        "no model",
        "no recipe",
        "a class",
    ],
)
def test_what_cannot_be_gone_on_with_is_refused_before_the_data_are_read(
    folders, tmp_path, spoil, settings, error, advice
):
    saved = shutil.copytree(folders[1], tmp_path / "saved")
    shutil.rmtree(saved / "2", ignore_errors=True)
    if spoil is not None:
        spoil(saved / "1")
    recipe = Recipe("nowhere", from_=str(saved), **settings)

    with pytest.raises(error, match=advice):
        run_recipe(recipe, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_the_parts_say_that_the_earlier_model_is_asked_by_the_run():
    from aet_keras.training import image_job

    recipe = Recipe("digits", from_="old")
    with pytest.raises(ValueError, match="must be run by"):
        image_job.read_dataset(recipe)
    whole = dataclasses.replace(recipe, image_size=8)
    with pytest.raises(ValueError, match="known by their names"):
        image_job.build_classifier(whole, 3)


def test_batch_normalization_keeps_what_an_earlier_model_has_learned():
    """Beside few rows its training undoes that (`benchmarks/earlier.py`)."""
    new, later = Recipe("photos"), Recipe("photos", from_="saved")

    assert new.train_batch_normalization is True
    assert usual_settings(later)["train_batch_normalization"] is False
    wanted = dataclasses.replace(later, train_batch_normalization=True)
    assert "train_batch_normalization" not in usual_settings(wanted)


def test_an_earlier_model_that_is_gone_costs_its_figures_alone(folders, later):
    new, _ = folders
    run, _ = later
    dataset = data.read_images(str(new), image_size=(8, 8))
    recipe = Recipe(str(new), from_=str(new / "gone"))
    job = types.SimpleNamespace(predict=None)

    found = running._beside_earlier(run.report, job, recipe, dataset, run)

    assert "The earlier model is not compared" in found.notes[-1]
