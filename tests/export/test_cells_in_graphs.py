"""Does a graph read every cell, damaged ones too, as Python reads it?"""

import random

import numpy as np
import pandas
import pytest
import tensorflow as tf

from aet_keras import data
from aet_keras.data import date_cells, table_cells
from aet_keras.export import table_graph

TIMES = (" 10:15", "T10:15:01Z", " 1:2", ", 10:15 AM", " 10:15:01.5+02:00")
SIGNS = "0123456789./- TZ:ajJé\u0663%\n"


def damaged(text, chance):
    """Returns a text with one sign changed, more or less."""
    place = chance.randrange(len(text))
    sign = chance.choice(SIGNS) * chance.randrange(2)
    return text[:place] + sign + text[place + chance.randrange(2) :]


@pytest.mark.parametrize(
    "date_format",
    ["", "%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%b %d, %Y", "%d-%b-%y", "%Y%m%d",
     "%a, %d %b %Y %H:%M:%S %z"],
)  # fmt: skip
def test_damaged_dates_are_the_same_to_both(date_format):
    chance = random.Random(0)
    days = np.float32([chance.randrange(-300, 25_000) for _ in range(40)])
    whole = date_cells.write_days(days, date_format).tolist()
    texts = [*whole, *(text + chance.choice(TIMES) for text in whole)]
    texts += [damaged(text, chance) for text in texts * 8]

    found = table_graph.days_of(tf.constant(texts), date_format)

    expected = np.float32([date_cells.read_day(t, date_format) for t in texts])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(expected[:40], days)
    assert np.isnan(expected).any()


def test_spaces_and_letters_are_the_same_to_both():
    form = data.specifications.CellFormat(
        missing=("n/a", "-"), spellings=("Ja", "nein")
    )
    words = [
        "n/a\u3000", "\x85-", "-\t", "JA", "nEIN ", "ja\x1c", "x y", "\u200bja",
        "", "\xc9", "n / a", "\ufeffja", "-\x0b\x0c", " N/A",
    ]  # fmt: skip
    column = data.specifications.TableColumn("vip", "category", "vip", form)

    found = table_graph.read(tf.constant(words), column).numpy()

    cells = table_cells.stripped(pandas.Series(words, dtype=object))
    expected = table_cells.words_of(cells, form).tolist()
    assert [word.decode() for word in found] == expected
    assert expected.count("") == 5 and expected.count("Ja") == 2
