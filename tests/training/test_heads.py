"""Do images and texts learn tags and numbers, and answer with them?"""

import csv
import json
import pathlib

import image_models
import numpy as np
import pytest
import tensorflow as tf
import text_data
from click.testing import CliRunner
from PIL import Image

from aet_keras import data, recipes
from aet_keras.cli.main import main
from aet_keras.errors import DataError
from aet_keras.serving import load_version
from aet_keras.tasks.number_unit import Unit
from aet_keras.training import heads, image_job
from aet_keras.training.fine_tune import Run
from aet_keras.training.run import run_recipe

TAGS = ("red", "striped")
COUNT = 60


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Returns a table that names images, their tags, kind and brightness."""
    folder = tmp_path_factory.mktemp("items")
    random = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        red, striped = random.random(2) < 0.5
        image = np.full((32, 32, 3), random.integers(60, 200), "uint8")
        if red:
            image[:12] = [230, 10, 10]
        if striped:
            image[16::4] = 0
        name = f"{number}.png"
        Image.fromarray(image).save(folder / name)
        both = ";".join(np.array(TAGS)[[red, striped]])
        kind = "warm" if red else "cold"
        rows.append([name, int(red), int(striped), both, image.mean(), kind])
    with open(folder / "items.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *TAGS, "tags", "light", "kind"])
        writer.writerows(rows)
    return folder / "items.csv"


def image_recipe(items, **settings):
    small = {"image_size": 32, "epochs": 2, "augment": "none"}
    named = {"image_column": "file", **settings}
    return recipes.Recipe(
        str(items), train_batch_normalization=False, **small, **named
    )


def read(items, **settings):
    return image_job.read_dataset(image_recipe(items, **settings))


def invoke(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture(scope="module", autouse=True)
def small_backbone():
    """Puts three convolutions in the place of the embedded backbone."""

    def load(name=None, *, weights=None, image_size=(8, 8)):
        return image_models.backbone(size=image_size[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aet_keras.backbones.load_backbone", load)
        image_models.export_shortly(patch)
        yield


@pytest.fixture(scope="module")
def tagged(items, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "items"
    return run_recipe(image_recipe(items, target="tags"), out), out


@pytest.fixture(scope="module")
def measured(items, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "light"
    return run_recipe(image_recipe(items, target="light"), out), out


def test_a_table_of_classes_is_the_folder_of_these_classes(items, tmp_path):
    with open(items) as file:
        for row in csv.DictReader(file):
            to = tmp_path / row["kind"] / row["file"]
            to.parent.mkdir(exist_ok=True)
            to.write_bytes((items.parent / row["file"]).read_bytes())

    table = read(items, target="kind")
    folder = data.read_images(tmp_path, image_size=(32, 32))

    assert table.specification.target_kind == "classes"
    assert table.specification.class_names == folder.specification.class_names
    for name in ("train", "validation", "test"):
        ours, theirs = getattr(table, name), getattr(folder, name)
        assert np.bincount(ours.labels).tolist() == (
            np.bincount(theirs.labels).tolist()
        )
        row = ours.names.index(ours.names[0])
        kind = table.specification.class_names[ours.labels[row]]
        file = tmp_path / kind / pathlib.Path(ours.names[row]).name
        pixels, _ = data.image_decoding.decode(file, (32, 32))
        np.testing.assert_array_equal(ours.inputs[row], pixels)


def test_tags_of_one_column_are_those_of_several(items):
    one = read(items, target="tags")
    several = read(items, label_columns=TAGS)

    assert one.specification.class_names == TAGS
    np.testing.assert_array_equal(one.train.labels, several.train.labels)
    assert one.train.names == several.train.names


def test_a_file_that_is_not_there_is_named_with_its_row(items, tmp_path):
    lines = items.read_text().splitlines()
    lines[3] = lines[3].replace("2.png", "gone.png")
    table = items.parent / "damaged.csv"
    table.write_text("\n".join(lines))

    with pytest.raises(DataError, match=r"row 3: `gone.png` \(not there\)"):
        read(table, target="kind")
    left = read(table, target="kind", skip_bad=True)
    assert any("1 row names no image" in each for each in left.notes)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"image_column": None, "target": "kind"}, "`image_column`"),
        ({}, "Received: neither"),
        ({"target": "kind", "label_columns": TAGS}, "Received: both"),
    ],
    ids=["no images", "no target", "both"],
)
def test_a_recipe_says_in_one_way_what_is_predicted(items, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        image_recipe(items, **settings)


def test_the_head_of_tags_is_solved_and_measured(tagged):
    run, _ = tagged

    assert run.report.solved_head is not None
    assert run.model.layers[-1].activation.__name__ == "sigmoid"
    test = run.report.test
    assert test.macro_f1 > test.baselines["every tag"].macro_f1
    assert run.comparison.difference < 1e-5


def test_images_are_served_their_tags(tagged, items):
    run, out = tagged
    version = load_version(run.version)
    first = items.parent / "0.png"

    outputs = version.call(
        "bytes", {"image_bytes": np.array([first.read_bytes()], object)}
    )
    said = invoke("predict", out, first, "--json").output
    shown = invoke("explain", out, first, "--class", "red", "--out", out)

    least = [each.threshold for each in run.report.test.per_tag]
    wanted = [
        tag
        for tag, share, level in zip(
            TAGS, outputs["probabilities"][0], np.float32(least), strict=True
        )
        if share >= level
    ]
    assert [tag.decode() for tag in outputs["tags"][0] if tag] == wanted
    assert f'"tags": {str(wanted).replace(chr(39), chr(34))}' in said
    assert "red, " in shown.output
    assert "nothing was tried" in invoke("adapt", out, first).output
    assert "loss: " in invoke("watch", out, first).output


def test_a_number_of_images_is_served_in_its_unit(measured, items):
    run, out = measured
    table = np.genfromtxt(items, delimiter=",", skip_header=1, usecols=4)

    version = load_version(run.version)
    files = [items.parent / f"{each}.png" for each in (0, 1)]
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "image": tf.train.Feature(
                        bytes_list=tf.train.BytesList(value=[each.read_bytes()])
                    )
                }
            )
        ).SerializeToString()
        for each in files
    ]
    answered = version.call("regress", {"inputs": np.array(examples, object)})
    said = invoke("predict", out, *files).output

    assert run.report.test.r2 > 0 and run.report.solved_head is not None
    assert Unit.of(run.model).mean == pytest.approx(table.mean(), rel=0.1)
    values = [float(line.split()[-1]) for line in said.splitlines()]
    assert values == pytest.approx(answered["outputs"].tolist(), rel=1e-4)
    refused = invoke("explain", out, files[0])
    assert "a model of a number" in refused.output


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """Returns a preset of a backbone, and a table of texts."""
    folder = tmp_path_factory.mktemp("texts")
    made, labels = text_data.texts()
    with open(folder / "a.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "good", "long", "stars"])
        for number, (text, label) in enumerate(zip(made, labels, strict=True)):
            is_long = int(len(text.split()) > 7)
            stars = 4.5 * (label == "good") + number / 100
            writer.writerow([text, int(label == "good"), is_long, stars])
    return str(text_data.save_preset(folder / "preset", layers=1)), str(
        folder / "a.csv"
    )


def text_recipe(reviews, **settings):
    preset, table = reviews
    return recipes.TextRecipe(
        table, backbone=preset, epochs=1, sequence_length=12, **settings
    )


def test_texts_have_tags(reviews, tmp_path):
    recipe = text_recipe(
        reviews, label_columns=["good", "long"], class_weight="balanced"
    )

    run = run_recipe(recipe, tmp_path / "tags")

    outputs = load_version(run.version).call(
        "serving_default", {"texts": np.array([b"a great film"], object)}
    )
    assert outputs["tags"].shape == (1, 2)
    assert [each.name for each in run.report.test.per_tag] == ["good", "long"]
    assert any("of each tag, rows" in each for each in run.report.notes)
    saved, table = tmp_path / "tags", reviews[1]
    watched = invoke("watch", saved, table, "--labelled")
    result = invoke("calibrate", saved, table, "--coverage", "0.8")
    said = invoke("predict", saved, "a great film", "--json").output
    assert "loss: " in watched.output, watched.output
    assert result.exit_code == 0, result.output
    assert "risk control" in result.output
    assert {*json.loads(said)["tags"]} <= {*json.loads(said)["set"]}
    made = load_version(saved / "2").call(
        "serving_default", {"texts": np.array([b"a great film"], object)}
    )
    np.testing.assert_array_equal(made["tags"], outputs["tags"])


def test_a_number_is_trained_where_the_workers_train(items):
    recipe = image_recipe(items, target="light")
    dataset = image_job.read_dataset(recipe)
    strategy, seen = tf.distribute.OneDeviceStrategy("/cpu:0"), []

    def train(learner, _):
        seen.append(learner.distribute_strategy)
        return Run(learner, {}, 0, (), [], [], [], None, 0.0)

    with strategy.scope():
        model = image_job.JOB.build(recipe, dataset)
    heads.learn(model, recipe, dataset, train)

    assert seen == [strategy]
