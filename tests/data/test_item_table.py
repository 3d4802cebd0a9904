"""Are items read with their gaps, and refused where something is wrong?"""

import item_files
import numpy as np
import pytest

from aet_keras.data import item_table, read_csv
from aet_keras.data.item_table import (
    normal_words,
    read_item_rows,
    read_items,
)
from aet_keras.errors import DataError

COLUMNS = {"image_column": "file", "text_column": "title", "target": "kind"}
SIZE = {"image_size": (8, 8)}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("items")
    return item_files.write_items(folder, 60, image_size=8)


def test_each_row_has_its_own_image_text_and_cells(path):
    dataset = read_items(path, **COLUMNS, **SIZE)

    rows = path.read_text().splitlines()[1:]
    for split in (dataset.train, dataset.validation, dataset.test):
        for place, name in enumerate(split.names):
            file, title, ink, colour, kind = rows[
                int(name.split()[1]) - 1
            ].split(",")
            inputs = {k: column[place] for k, column in split.inputs.items()}
            assert inputs["has_image"] == bool(file)
            assert inputs["has_text"] == bool(title)
            assert inputs["pixels"].any() == bool(file)
            assert inputs["words"] == title and inputs["colour"] == colour
            assert inputs["ink"] == np.float32(ink)
            names = dataset.specification.class_names
            assert names[split.labels[place]] == kind


def test_a_table_of_images_and_texts_alone_leaves_bare_rows_out(path):
    lines = [line.split(",") for line in path.read_text().splitlines()]
    bare = path.parent / "bare.csv"
    bare.write_text("\n".join(f"{a},{b},{e}" for a, b, _, _, e in lines))

    dataset = read_items(bare, **COLUMNS, **SIZE)

    assert dataset.specification.columns == ()
    splits = (dataset.train, dataset.validation, dataset.test)
    assert sum(split.count for split in splits) == 59
    assert "1 row was left out: neither image nor text" in str(dataset.notes)


def test_a_file_that_is_not_there_is_named_or_counts_as_missing(path):
    odd = path.parent / "odd.csv"
    odd.write_text(path.read_text().replace("\n0.png", "\ngone.png"))

    with pytest.raises(DataError, match=r"gone\.png .*--skip-bad"):
        read_items(odd, **COLUMNS, **SIZE)
    dataset = read_items(odd, **COLUMNS, **SIZE, skip_bad=True)

    assert "1 image is not there, and counts as missing" in str(
        dataset.notes
    ).replace("count as", "counts as")


def test_rows_that_are_in_two_splits_are_said(path):
    again = path.parent / "again.csv"
    names, *rows = path.read_text().splitlines()
    again.write_text("\n".join([names, *rows, *rows]))

    notes = str(read_items(again, **COLUMNS, **SIZE).notes)

    assert "stand, cell for cell, in an earlier split" in notes
    assert "cell for cell" not in str(read_items(path, **COLUMNS, **SIZE).notes)


def test_a_new_text_is_missing_where_it_was_in_training(path):
    table = path.parent / "prices.csv"
    _, *rows = path.read_text().splitlines()
    lines = ["file,title,price"]
    lines += [f"{row.split(',')[0]},NA,{n / 7}" for n, row in enumerate(rows)]
    table.write_text("\n".join([*lines, "0.png,a hat,NA"]))

    dataset = read_items(table, **{**COLUMNS, "target": "price"}, **SIZE)

    frame = read_csv("test", table)
    _, texts = read_item_rows(frame, dataset.specification, table)
    read = [
        dict(zip(each.names, each.inputs["words"], strict=True))
        for each in (dataset.train, dataset.validation, dataset.test)
    ]
    learned = {k: v for each in read for k, v in each.items()}
    assert {k: texts[int(k.split()[1]) - 1] for k in learned} == learned


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text_column": "file"}, "`file` twice"),
        ({"target": "title"}, "`title` twice"),
        ({"image_column": "photo"}, "no column `photo`"),
    ],
    ids=["one for two parts", "the text as target", "a mistyped name"],
)
def test_a_column_has_one_use(path, changed, said):
    with pytest.raises(DataError, match=said):
        read_items(path, **{**COLUMNS, **changed}, **SIZE)


def test_a_table_without_any_image_or_text_is_refused(path):
    lines = [line.split(",") for line in path.read_text().splitlines()]
    none = path.parent / "none.csv"
    rows = [f",,{c},{d},{e}" for _, _, c, d, e in lines[1:]]
    none.write_text("\n".join([",".join(lines[0]), *rows]))

    with pytest.raises(DataError, match="must have an image or a text"):
        read_items(none, **COLUMNS, **SIZE)


def test_words_are_the_same_in_any_case_and_with_any_sign():
    said = normal_words(["Café-Bar_2", " A  b ", ""]).numpy().tolist()

    assert [each.decode() for each in said] == ["café bar 2", "a b", ""]
    assert item_table.PIXELS == "pixels"
