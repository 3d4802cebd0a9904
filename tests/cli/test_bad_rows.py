"""Does a bad file of texts, rows or ratings end in a sentence and no file?"""

import gzip

import pytest
from click.testing import CliRunner

from aet_keras.cli import main

TABLE = ["--target", "paid"]
RATINGS = ["--user", "user", "--item", "item", "--rating", "stars"]
TEXTS = ["--text-column", "text", "--label-column", "label"]


def credit(paid=lambda row: "yn"[row % 3 == 0], count=40):
    """Returns lines of a table, the last cell by a function of the row."""
    rows = [f"{20 + row},{'ab'[row % 2]},{paid(row)}" for row in range(count)]
    return "\n".join(["age,branch,paid", *rows])


def films(rating=lambda row: row % 5, user=lambda row: f"u{row % 5}"):
    rows = [f"{user(row)},f{row % 7},{rating(row)}" for row in range(40)]
    return "\n".join(["user,item,stars", *rows])


def reviews(label=lambda row: "ab"[row % 2], text="film {}"):
    rows = [f"{text.format(row)},{label(row)}" for row in range(30)]
    return "\n".join(["text,label", *rows])


BAD = {
    "no such column": (credit(), ["--target", "payed"], "Nearest: `paid`"),
    "one value": (credit(lambda row: "y"), TABLE, "Name another column"),
    "no target": (credit(lambda row: ""), TABLE, "no value at all"),
    "few rows": (credit(count=4), TABLE, "Add rows to the class"),
    "semicolons": (
        credit().replace(",", ";") + "\n3;a\n",
        TABLE,
        "line 42 has 2 cells separated by semicolons",
    ),
    "a use twice": (credit(), [*TABLE, "--kind", "paid=number"], "no other"),
    "ids as floats": (
        films(user=lambda row: row % 5 + 0.5),
        RATINGS,
        "write them as text",
    ),
    "no ratings": (films(lambda row: "NaN"), RATINGS, "at least 10 rows"),
    "equal ratings": (films(lambda row: 3), RATINGS, "ratings must differ"),
    "no such text": (reviews(), ["--text-column", "txt"], "Nearest: `text`"),
    "one label": (reviews(lambda row: "a"), TEXTS, "`a`"),
    "empty texts": (reviews(text=""), TEXTS, "empty"),
}


def fit(path, out, *options):
    command = ["fit", str(path), "--out", str(out), *options]
    return CliRunner().invoke(main, command)


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_learned_from_is_refused(
    case, tmp_path, out, sentence
):
    text, options, advice = BAD[case]
    path = tmp_path / "rows.csv"
    path.write_text(text)

    result = fit(path, out, *options)

    assert result.exit_code == 1
    assert advice in sentence(result)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "name", "advice"),
    [
        (credit(lambda row: "дж"[row % 2] * 3).encode("cp1251"), "rows.csv",
         "`--encoding`"),
        (gzip.compress(credit().encode())[:-20], "rows.csv.gz", "pack it anew"),
    ],
    ids=["cyrillic", "cut off"],
)  # fmt: skip
def test_a_file_that_is_written_otherwise_is_refused(
    content, name, advice, tmp_path, out, sentence
):
    path = tmp_path / name
    path.write_bytes(content)

    result = fit(path, out, *TABLE)

    assert result.exit_code == 1
    assert advice in sentence(result)
    assert not out.exists()
