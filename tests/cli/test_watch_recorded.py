"""Does `aet-keras watch` read what a server was asked, day by day?"""

import dataclasses
import json
import pathlib
import shutil
import types

import numpy as np
import pytest
import table_data
import watched_images
from click.testing import CliRunner
from PIL import Image
from recorded_requests import DAY, START, write

from aet_keras import data, recipes, training
from aet_keras.cli import _recorded_new_rows, main
from aet_keras.cli._new_rows import Asked, read_new_rows
from aet_keras.data.recorded_row import decode_row, encode_row
from aet_keras.data.specifications import CellFormat, TableColumn
from aet_keras.drift import Reference
from aet_keras.errors import DataError
from aet_keras.export import table_manifest
from aet_keras.training import text_job


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return watched_images.publish(tmp_path_factory.mktemp("photos"))


def watch(*arguments):
    return CliRunner().invoke(main, ["watch", *map(str, arguments)])


def image(number, light, seed=7):
    random = np.random.default_rng([seed, number])
    level = 40 + 60 * (number % 3) + light
    return random.normal(level, 12, (8, 8, 3)).clip(0, 255).astype("uint8")


def images(count, *, dark_from):
    for number in range(count):
        light = 60 if number >= dark_from else 0
        scores = {"probabilities": np.full(3, 1 / 3, "float32")}
        yield number * DAY / 15, {"images": image(number, light)}, scores


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Returns a recording of 20 days, 15 images each; later ones are light."""
    home = tmp_path_factory.mktemp("recorded") / "recorded"
    return write(home, images(300, dark_from=180))


def test_it_says_since_when_and_draws_it(recorded, photos, tmp_path):
    report = tmp_path / "today.png"

    result = watch(photos, recorded, "--format", "json", "--report", report)

    said = json.loads(result.stdout)
    assert result.exit_code == 3, result.output
    assert said["kind"] in ("input", "unexplained")  # 120 rows
    assert [day["row_count"] for day in said["days"]] == [15] * 20
    assert abs((said["alarm"]["time"] - START) / DAY - 12) <= 1
    assert all(name.startswith("r") for name in said["novel_names"])
    with Image.open(report) as chart:
        assert chart.width == 1320


def test_a_quiet_recording_is_quiet_and_the_newest_days_are_read(
    recorded, photos, tmp_path
):
    quiet = tmp_path / "quiet"
    shutil.copytree(recorded, quiet)
    for day in range(13, 21):
        shutil.rmtree(quiet / f"2026-11-{day:02}")

    whole, few = watch(photos, quiet), watch(photos, quiet, "--days", "3")

    assert (whole.exit_code, few.exit_code) == (0, 0)
    assert whole.stdout.startswith("alarm: none; 180 rows of 12 days\nNo shift")
    assert few.stdout.startswith("alarm: none; 45 rows of 3 days")


def test_late_labels_are_joined_by_the_id_of_a_request(
    recorded, photos, tmp_path
):
    late = tmp_path / "late.csv"
    rows = [f"r{number}-0,class 0" for number in range(0, 60, 3)]
    late.write_text("\n".join(["id,label", *rows, "r999-0,class 1"]))

    result = CliRunner().invoke(
        main, ["adapt", str(photos), str(recorded), "--labels", str(late)]
    )

    assert result.exit_code == 1
    assert "1 of 21 labels is of no new row" in result.stderr
    assert "20 labels, all `class 0`" in result.stderr


def test_of_a_day_with_many_rows_some_are_looked_at(
    recorded, photos, monkeypatch
):
    monkeypatch.setattr("aet_keras.cli._watched_rows._MOST_A_DAY", 4)

    result = watch(photos, recorded, "--days", "10")

    assert result.stdout.startswith("alarm: none; 40 rows of 10 days")
    assert "40 of 150 recorded rows are looked at, 4 of a" in result.stderr


def test_rows_without_a_readable_input_are_counted(photos, tmp_path):
    rows = list(images(40, dark_from=99))
    rows[3] = (*rows[3][:1], {"image_bytes": b"none"}, rows[3][2])
    rows[4] = (*rows[4][:1], None, rows[4][2])

    result = watch(photos, write(tmp_path / "recorded", rows))

    assert result.exit_code == 0
    assert "2 of 40 recorded rows have no input that can be" in result.stderr


def test_outputs_alone_are_compared_if_the_version_made_them(
    photos, tmp_path, sentence
):
    reference = Reference.load(photos / "1" / "reference.npz")
    center = reference.center
    rows = [
        (n * 3600.0, None, {"probabilities": scores, "embeddings": features})
        for n, (scores, features) in enumerate(
            zip(
                reference.probabilities,
                center + reference.projections @ reference.basis.T,
                strict=True,
            )
        )
    ]
    home = write(tmp_path / "recorded", rows)

    quiet = watch(photos, home, "--report", tmp_path / "a.png")
    shutil.copytree(photos / "1", photos / "2")
    other = watch(photos / "2", home)
    shutil.rmtree(photos / "2")

    assert quiet.exit_code == 0, quiet.output
    assert other.exit_code == 1
    assert "none of version 2 in 24 rows" in sentence(other)


def test_recorded_rows_and_files_are_not_mixed(
    recorded, photos, tmp_path, sentence
):
    new = watched_images.write_images(tmp_path / "new")

    result = watch(photos, recorded, new)

    assert result.exit_code == 1
    assert "Name them in two runs." in sentence(result)


def test_recorded_rows_have_no_classes(recorded, photos, sentence):
    result = watch(photos, recorded, "--labelled")

    assert result.exit_code == 1
    assert "`aet-keras adapt --labels late.csv`" in sentence(result)


def test_rows_of_a_table_are_read_as_the_model_takes_them(tmp_path, unserved):
    source = table_data.write_table(tmp_path / "t.csv", 120)
    recipe = recipes.TableRecipe(source, table_data.TARGET, epochs=1, units=2)
    training.run_recipe(recipe, tmp_path / "saved")
    path = tmp_path / "saved" / "1"
    cells = data.table_reading.read_table_rows(
        source, table_manifest.read_table_manifest(path)
    )
    rows = [
        (n * DAY / 10, {name: each[n] for name, each in cells.items()}, {})
        for n in range(120)
    ]
    home = write(tmp_path / "recorded", rows)

    files, recorded = (
        read_new_rows(Asked("watch", path, None, [str(each)]))
        for each in (source, home)
    )
    result = watch(path, home, "--report", tmp_path / "a.png")

    assert recorded.ids[:2] == ["r0-0", "r1-0"]
    assert recorded.times[1] == START + DAY / 10
    assert recorded.x.keys() == files.x.keys()
    for name, column in files.x.items():
        np.testing.assert_array_equal(recorded.x[name], column)
    assert result.exit_code == 0, result.output


def test_cells_mean_what_the_server_said_they_mean(tmp_path, capsys):
    form = CellFormat(missing=("-999", "n/a"))
    columns = (
        TableColumn("age", "number", "age", form),
        TableColumn("town", "category", "town", form),
        TableColumn(
            "day",
            "date",
            "day",
            dataclasses.replace(form, date_format="%d.%m.%Y"),
        ),
    )
    cells = [
        {"age": 5.0, "town": " Rome ", "day": "01.03.2024"},
        {"age": -999.0, "town": "n/a", "day": ""},
        {"age": np.inf, "town": b"\xff", "day": "n/a"},
        {"age": 5.0, "town": "Rome", "day": "2024-03-01"},  # as versions before
        {"age": "five", "town": "Rome", "day": ""},
        {"town": "Rome", "day": ""},
    ]
    rows = [(number, inputs, {}) for number, inputs in enumerate(cells)]
    home = write(tmp_path / "recorded", rows, name="films")
    asked = Asked("adapt", tmp_path / "towns" / "1", None, [str(home)])
    asked.__dict__["specification"] = types.SimpleNamespace(columns=columns)

    found = _recorded_new_rows.read_recorded(asked, "table")

    np.testing.assert_array_equal(found.x["age"], [5, np.nan, np.nan])
    assert found.x["town"].tolist() == ["Rome", "", "\ufffd"]
    np.testing.assert_array_equal(found.x["day"], [19783, np.nan, np.nan])
    said = capsys.readouterr().err
    assert "3 of 6 recorded rows" in said
    assert "`day` is no date as the model reads them: 2024-03-01" in said
    assert "recorded of a model of the name `films`, where this one" in said


@pytest.fixture
def no_tokens(monkeypatch):
    """Has texts stay what they are."""
    monkeypatch.setattr(text_job, "tokens_of", lambda *given, **_: given[-1])
    monkeypatch.setattr("aet_keras.recipes.kinds.load_recipe", lambda _: None)


def test_rows_of_one_id_are_told_apart(
    tmp_path, no_tokens, monkeypatch, capsys
):
    """A client may send its own, and with every request the same."""
    rows = [(n * 60.0, {"texts": text}, {}) for n, text in enumerate("abc")]
    home = write(tmp_path / "recorded", rows)
    for file in home.glob("*/*2.row"):
        row = dataclasses.replace(decode_row(file.read_bytes()), id="r1-0")
        file.write_bytes(encode_row(row))
    (tmp_path / "saved").mkdir()
    monkeypatch.chdir(tmp_path / "saved")
    asked = Asked("adapt", pathlib.Path("1"), None, [str(home)])

    found = _recorded_new_rows.read_recorded(asked, "text")

    assert found.ids == ["r0-0", "r1-0", "r1-0"]
    assert found.names == [
        "r0-0",
        "r1-0 2026-11-01 00:01:00.000+00:00",
        "r1-0 2026-11-01 00:02:00.000+00:00",
    ]
    assert capsys.readouterr().err == ""  # the name is that of the folder


def test_texts_are_read_as_they_were_sent(tmp_path, no_tokens):
    rows = [
        (n * 60.0, {"texts": text}, {})
        for n, text in enumerate(["good", "b\u00e9", ""])
    ]
    home = write(tmp_path / "recorded", rows)
    asked = Asked("watch", tmp_path, None, [str(home)])

    found = _recorded_new_rows.read_recorded(asked, "text")

    assert found.texts == found.x == ["good", "b\u00e9", ""]


def test_a_model_cannot_learn_from_outputs_alone(tmp_path):
    scores = {"probabilities": np.ones(2), "embeddings": np.ones(3)}
    home = write(tmp_path / "recorded", [(0.0, None, scores)])
    asked = Asked("adapt", tmp_path, None, [str(home)])

    with pytest.raises(DataError, match="--record-what inputs"):
        _recorded_new_rows.read_recorded(asked, "text")
