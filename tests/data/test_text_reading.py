"""Does each source of texts find its reader?"""

import pytest
import text_data

from aet_keras.data import read_texts
from aet_keras.errors import DataError


def test_a_table_and_a_folder_of_the_same_texts_hold_the_same(tmp_path):
    table = text_data.write_table(tmp_path / "reviews.csv")
    for number, (text, label) in enumerate(
        zip(*text_data.texts(), strict=True)
    ):
        folder = tmp_path / "reviews" / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02}.txt").write_text(text)

    first, second = (read_texts(s) for s in (table, tmp_path / "reviews"))

    both = [
        {
            *dataset.train.inputs,
            *dataset.validation.inputs,
            *dataset.test.inputs,
        }
        for dataset in (first, second)
    ]
    assert both[0] == both[1] == set(text_data.texts()[0])
    names = {each.specification.class_names for each in (first, second)}
    assert names == {("bad", "good")}


def test_a_source_of_another_kind_names_the_nearest(tmp_path):
    text_data.write_table(tmp_path / "reviews.csv")

    with pytest.raises(DataError, match="Nearest: `reviews.csv`"):
        read_texts(tmp_path / "reviews.doc")
