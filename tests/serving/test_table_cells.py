"""Does a client's cell mean what the cells of the training file meant?"""

import csv
import json

import numpy as np
import pytest
import served_models
from click.testing import CliRunner

from aet_keras import recipes
from aet_keras.cli import main
from aet_keras.serving.app import build_app
from aet_keras.serving.model_folder import ModelFolder
from aet_keras.training.table_job import JOB

WORDS = ("None", "nuts", "milk")
TITLES = ["price", "pulse", "allergy", "vip", "opened", "paid"]


def rows(count=150):
    """Yields rows whose cells are written in a way of their own."""
    for i in range(count):
        yield [
            f"${1000 + i * 37 % 900:,}.50",
            "?" if i % 3 == 0 else 60 + i * 7 % 40,
            "N/A" if i % 11 == 0 else WORDS[i % 3],
            ("Yes", "YES", "no")[i % 3],
            "unknown" if i % 13 == 0 else f"{i % 28 + 1:02}.08.2022",
            ("low", "high")[(i * 7 % 40) > 20 and i % 3 != 0],
        ]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Returns a folder with a published classifier, and its data set."""
    folder = tmp_path_factory.mktemp("cells")
    with open(folder / "a.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([TITLES, *rows()])
    recipe = recipes.TableRecipe(str(folder / "a.csv"), "paid", units=4)
    dataset = JOB.read(recipe)
    model = JOB.build(recipe, dataset)
    JOB.write(model, recipe, dataset, folder / "credit" / "1")
    return folder / "credit", dataset, model


@pytest.fixture(scope="module")
def ask(home):
    app = build_app(ModelFolder(home[0]))
    client = served_models.Client(app, "/v1/models/credit")

    def ask(**cells):
        row = {"price": 1200.5, "pulse": 70, "allergy": "nuts", "vip": "no"}
        row |= {"opened": "03.08.2022", **cells}
        answer = client.post(content=json.dumps({"instances": [row]}))
        if answer.status_code != 200:
            return answer.json()["error"]
        (said,) = answer.json()["predictions"]
        return said["probabilities"][0]

    return ask


def test_the_notes_say_how_each_column_was_read(home):
    notes = "\n".join(home[1].notes)

    for said in (
        "`$1,000.50` is, which is 1000.5",
        "`pulse`: 50 cells count as missing, because they are no number: `?`",
        "`allergy`: 14 cells count as missing: `N/A` (14)",
        "`None` (45) is kept as a category of its own; `--missing None`",
        "`YES` is read as `Yes`",
        "`opened`: dates are read as `%d.%m.%Y`",
        "`opened`: 12 cells count as missing: `unknown` (12)",
    ):
        assert said in notes, notes


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("price", [None, float("nan")]),
        ("pulse", [None, float("nan")]),
        ("allergy", [None, "", "N/A", "null", " n/a "]),
        ("vip", ["YES", "yes", "Yes"]),
        ("opened", [None, "", "unknown", "N/A"]),
        ("opened", ["09.08.2022", "9.8.2022 10:15"]),
    ],
)
def test_cells_that_mean_the_same_have_one_answer(ask, column, cells):
    answers = [ask(**{column: cell}) for cell in cells]

    assert np.ptp(answers) < 1e-6


def test_a_word_that_was_learned_is_neither_missing_nor_rare(ask):
    answers = [ask(allergy=cell) for cell in ("None", "", "never seen")]

    assert abs(np.diff(sorted(answers))).min() > 1e-5


@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        ({"opened": "2022-08-09"}, "such as 17.03.2024; where it is missing"),
        ({"opened": "31.02.2022"}, "Received: 31.02.2022"),
        ({"price": "$1,234.00"}, "Write a number such as 1234.5, without"),
        ({"pulse": True}, "or null where it is missing"),
        ({"allergy": 7}, "Write a string, or null where it is missing"),
    ],
)
def test_a_cell_that_cannot_be_read_is_refused_with_advice(ask, cells, advice):
    assert advice in ask(**cells)


def test_examples_may_hold_null(home):
    app = build_app(ModelFolder(home[0]))
    client = served_models.Client(app, "/v1/models/credit")
    some = {"price": 1.5, "vip": "no"}
    examples = [{**some, "pulse": None, "opened": None}, some]

    answer = client.post(
        ":classify", json={"signature_name": "classify", "examples": examples}
    )

    first, second = answer.json()["results"]
    assert first == second


def test_a_file_is_answered_as_the_rows_of_a_client(home, ask, tmp_path):
    path = tmp_path / "new.csv"
    lines = [
        '"$1,234.00",?,None,yes,unknown,',
        '"$1,234.00",70,N/A,no,31.12.2022,',
        "€5,70,milk,no,soon,",
    ]
    path.write_text("\n".join([",".join(TITLES), *lines]), encoding="utf-8")

    command = ["predict", str(home[0]), str(path), "--json", "--top", "2"]
    result = CliRunner().invoke(main, command)

    assert result.exit_code == 0, result.output
    found = [
        {each["class"]: each["probability"] for each in said["classes"]}["high"]
        for said in map(json.loads, result.stdout.splitlines())
    ]
    expected = [
        ask(price=1234, pulse=None, allergy="None", vip="yes", opened=""),
        ask(price=1234, pulse=70, allergy="", opened="31.12.2022"),
        ask(price=None, pulse=70, allergy="milk", opened=""),
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    for said in ("`price` that is no number", "`opened` that is no date"):
        assert said in result.stderr


def test_the_manifest_says_how_a_number_is_sent(home):
    said = json.loads((home[0] / "1" / "manifest.json").read_text("utf-8"))

    (note,) = said["notes"]
    assert "`price` is a float" in note and "`$1,234.5`" in note
