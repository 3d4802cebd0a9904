"""Are numbers of images and texts watched, adapted and calibrated?"""

import csv
import json
import shutil

import image_models
import keras
import lean_exports
import numpy as np
import pytest
import text_data
from click.testing import CliRunner
from PIL import Image
from recorded_requests import incoming, write

from aet_keras import publishing, recipes, training
from aet_keras.cli import main
from aet_keras.drift import Reference
from aet_keras.serving import load_version
from aet_keras.training import kept_sets


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def written(price):
    """A price as a German shop writes it: `1.234,50 €`."""
    swapped = f"{price:,.2f}".translate(str.maketrans(",.", ".,"))
    return f"{swapped} €"


def write_images(home, name, *, seed, count, more=0.0):
    """Writes images, the dearer the lighter, and tables of prices."""
    random = np.random.default_rng(seed)
    (home / name).mkdir()
    rows = []
    for number in range(count):
        light = random.uniform(40, 210)
        pixels = random.normal(light, 8, (8, 8, 3)).clip(0, 255)
        path = home / name / f"{number:03}.png"
        Image.fromarray(pixels.astype("uint8")).save(path)
        price = 800 + 10 * light + more + random.normal(0, 60)
        rows.append((f"{name}/{path.name}", written(price), path.name))
    for file, names, columns in (
        (f"{name}.csv", ("file", "price"), (0, 1)),
        (f"{name} late.csv", ("id", "label"), (2, 1)),
    ):
        with (home / file).open("w", newline="") as opened:
            writer = csv.writer(opened, delimiter=";")
            writer.writerow(names)
            writer.writerows([row[i] for i in columns] for row in rows)
    return home / f"{name}.csv"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("shop")
    recipe = recipes.Recipe(
        str(write_images(home, "old", seed=0, count=160)),
        image_column="file",
        target="price",
        image_size=8,
        epochs=3,
        learning_rate=0.02,
        augment="none",
        coverage=0.8,
        test_ratio=0.3,
    )
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        image_models.make_tiny(patch)
        training.run_recipe(recipe, home / "saved")
    write_images(home, "new", seed=1, count=100, more=2500)
    return home


@pytest.fixture
def saved(home, tmp_path, monkeypatch):
    image_models.export_shortly(monkeypatch)
    return shutil.copytree(home / "saved", tmp_path / "saved")


def prices_of(folder, files):
    lines = run("predict", folder, *files, "--json").stdout.splitlines()
    return np.array([json.loads(line)["value"] for line in lines])


def test_late_prices_of_images_make_a_better_version_in_their_unit(home, saved):
    files = sorted((home / "new").iterdir())[:20]
    before = prices_of(saved, files)

    late = home / "new late.csv"
    result = run("adapt", saved, home / "new", "--labels", late)
    accepted = run("export", saved, "--accept")

    # The labels mean something else now: a person decides.
    assert (result.exit_code, accepted.exit_code) == (3, 0), result.output
    assert "100 new rows, 100 with a label" in result.stdout
    about = json.loads((saved / "2" / "adaptation.json").read_text())
    assert about["rows"]["numbers"]["mean"] == pytest.approx(4550, rel=0.1)
    assert about["verdict"]["new"]["before"] > 2000
    assert about["verdict"]["new"]["after"] < 500
    assert np.mean(prices_of(saved, files) - before) > 2000
    guarantee = kept_sets.read_guarantee(saved / "2")
    assert (guarantee.target_kind, guarantee.count) == ("number", 25)
    reference = Reference.load(saved / "2" / "reference.npz")
    assert reference.target_kind == "number"
    form = [
        json.loads((saved / version / "manifest.json").read_text())
        for version in "12"
    ]
    assert form[1]["target_format"] == form[0]["target_format"]


def test_recorded_images_are_joined_to_late_prices(home, tmp_path):
    files = sorted((home / "new").iterdir())
    rows = [
        (60.0 * n, {"image_bytes": file.read_bytes()}, {})
        for n, file in enumerate(files)
    ]
    recorded = write(tmp_path / "recorded", rows)
    late = (home / "new late.csv").read_text()
    for number, file in enumerate(files):
        late = late.replace(file.name, f"r{number}-0")
    (tmp_path / "late.csv").write_text(late)
    version = home / "saved" / "1"

    of_files = incoming(version, "image", home / "new", home / "new late.csv")
    of_requests = incoming(version, "image", recorded, tmp_path / "late.csv")

    assert of_files.sum == of_requests.sum


def test_watch_reads_the_prices_of_a_table(home, saved, sentence):
    shifted = run("watch", saved, home / "new.csv", "--labelled")
    same = run("watch", saved, home / "old.csv", "--labelled")
    folder = run("watch", saved, home / "new", "--labelled")

    assert shifted.exit_code == 3, shifted.output
    assert "errors p = " in shifted.stdout and "RMSE: " in shifted.stdout
    assert same.exit_code == 0, same.output
    assert "rows with their numbers must stand in a table" in sentence(folder)


def test_intervals_of_images_are_calibrated_on_other_prices(home, saved):
    result = run("calibrate", saved, home / "new.csv")

    assert result.exit_code == 0, result.output
    known, found = (kept_sets.read_guarantee(saved / each) for each in "12")
    assert found.count == 100 and found.coverage == known.coverage == 0.8


def test_a_version_that_does_not_say_how_prices_are_written(
    home, saved, sentence
):
    """`1.234` may be a thousand or one: nothing is guessed."""
    path = saved / "1" / "manifest.json"
    content = json.loads(path.read_text())
    del content["target_format"]
    path.write_text(json.dumps(content))

    result = run("adapt", saved, home / "new.csv", "--labelled")

    assert result.exit_code == 1
    assert "how the numbers of its data are written" in sentence(result)
    assert publishing.newest_version(saved).name == "1"


def test_numbers_of_texts_are_adapted(tmp_path, monkeypatch):
    preset = text_data.save_preset(tmp_path / "preset", layers=1)
    made, labels = text_data.texts(90)

    def write(name, *, more):
        rows = zip(made, labels, range(90), strict=True)
        table = ["text;stars"]
        for text, label, number in rows:
            stars = 4.5 * (label == "good") + number / 300 + more
            table.append(f"{text};{stars:.2f}".replace(".", ","))
        (tmp_path / name).write_text("\n".join(table) + "\n")
        return tmp_path / name

    recipe = recipes.TextRecipe(
        str(write("old.csv", more=0)),
        backbone=str(preset),
        label_column="stars",
        epochs=1,
        sequence_length=12,
    )
    saved = tmp_path / "saved"
    done = training.run_recipe(recipe, saved)
    new = write("new.csv", more=5)
    outputs = load_version(done.version).call(
        "serving_default", {"texts": np.array([b"a great film"], object)}
    )
    assert outputs["values"].shape == (1,)
    assert done.report.test.baselines["the mean"].rmse > 1
    assert any("is a number" in each for each in done.report.notes)
    lean_exports.leave_out(monkeypatch)  # how the next one answers: its report

    result = run("adapt", saved, new, "--labelled")

    assert result.exit_code == 3, result.output
    candidate = saved / "candidates" / "1"
    about = json.loads((candidate / "adaptation.json").read_text())
    assert about["kind"] == "output"
    assert about["rows"]["numbers"]["mean"] == pytest.approx(7.4, abs=0.1)
    assert about["verdict"]["new"]["gain"] > 0.3
    report = json.loads((candidate / "report.json").read_text())
    assert report["test"]["count"] == 10
