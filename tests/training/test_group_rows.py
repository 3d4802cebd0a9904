"""Which groups do columns make, and does the report have them?"""

import csv

import numpy as np
import pytest
import table_data

from aet_keras import recipes, training
from aet_keras.errors import DataError
from aet_keras.training import group_rows
from aet_keras.training.group_rows import find_groups


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Returns a table with a column that the model must not see."""
    path = tmp_path_factory.mktemp("table") / "t.csv"
    table_data.write_table(path, 200)
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    sexes = ["sex", *("mf"[i % 3 == 0] for i in range(200))]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [*row, sex] for row, sex in zip(rows, sexes, strict=True)
        )
    return str(path)


def _groups(table, *columns, **settings):
    recipe = recipes.TableRecipe(
        table, "paid", epochs=1, units=4, report_by=columns, **settings
    )
    dataset = training.table_job.read_rows(recipe)
    return dataset, find_groups(recipe, dataset)


def test_groups_are_of_the_rows_of_the_file(table):
    dataset, found = _groups(table, "age<=40,sex", kinds={"sex": "ignore"})

    numbers = [int(name.split()[1]) - 1 for name in dataset.test.names]
    assert found["sex"].tolist() == ["mf"[n % 3 == 0] for n in numbers]
    ages = dataset.test.inputs["age"]
    expected = np.where(ages <= 40, "at most 40", "above 40")
    expected = np.where(np.isnan(ages), "missing", expected)
    assert (found["age<=40"] == expected).all()


def test_a_number_is_cut_into_quarters(table):
    _, found = _groups(table, "age")

    names, counts = np.unique(found["age"], return_counts=True)
    of_numbers = counts[names != "missing"]
    assert len(of_numbers) == 4
    assert of_numbers.max() - of_numbers.min() <= 2


def test_a_cell_of_the_number_itself_is_at_most_that(tmp_path):
    path = tmp_path / "t.csv"
    cells = [(i % 4 + 1) / 10 for i in range(200)]  # 0.1 in float32 is more
    rows = [
        f"{cell},{1700000000 + i},{'yn'[i % 3 > 0]}"
        for i, cell in enumerate(cells)
    ]
    path.write_text("\n".join(["share,time,paid", *rows]))

    dataset, found = _groups(str(path), "share<=0.1", "time")

    is_low = np.isclose(dataset.test.inputs["share"], 0.1)
    assert (
        found["share<=0.1"] == np.where(is_low, "at most 0.1", "above 0.1")
    ).all()
    # Written with six digits, all edges would be 1.7e+09.
    assert len(set(found["time"])) == 4


def test_a_word_for_a_missing_cell_is_no_missing_cell():
    cells = np.array(["missing", "", "others", "a"], object)

    found = group_rows._grouped("x", cells, None, None)

    assert found.tolist() == ["missing", "(missing)", "others", "a"]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("paid", "another than the target"),
        ("branhc", "branch"),
        ("branch<=2", "must hold numbers"),
        ("branch<=2e1", "must hold numbers"),
        ("branch<=1.2.3", "no column `branch<=1.2.3`"),
    ],
)
def test_columns_that_make_no_groups_are_refused(table, column, words):
    with pytest.raises(DataError, match=words):
        _groups(table, column)
