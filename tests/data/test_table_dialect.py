"""Is a file read as whoever wrote it meant it, or refused with a reason?"""

import csv_dialects
import pytest

from aet_keras import data
from aet_keras.errors import DataError


def write(folder, text, name="credit.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", csv_dialects.CASES)
def test_a_dialect_is_read_as_it_was_meant_or_refused(tmp_path, name):
    raw, expected = csv_dialects.CASES[name]
    path = tmp_path / "a.csv"
    path.write_bytes(raw)

    if expected is None:
        with pytest.raises(DataError, match="^credit: the file must"):
            data.read_csv("credit", path)
        return
    frame = data.read_csv("credit", path)

    assert [list(frame), *frame.fillna("").values.tolist()] == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plain", ""),
        ("texts with many commas", ""),
        ("tabs", "separated by tabs"),
        ("sep=^", '`"sep=^"` in its first line'),
        ("single quotes", "in single quotes"),
        ("escaped quotes", 'are written `\\"`'),
        ("a quoted word begins a cell", "quotes are part of its cells"),
        ("UTF-16 with a mark", "read as `utf-16`, as its first bytes say"),
        ("latin-1", "read as `cp1252` (`latin-1`), with words such as `Größe"),
        ("comments first", "2 lines of comments at its start are left out"),
    ],
)
def test_what_is_not_plain_is_noted(tmp_path, name, said):
    path = write(tmp_path, "")
    path.write_bytes(csv_dialects.CASES[name][0])

    notes = data.read_csv("credit", path).attrs["notes"]

    assert said in " ".join(notes) and bool(notes) == bool(said)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a cell too many", "line 3 has 3 cells .* into quotes"),
        ("a cell too few", "line 3 has 1 cell .* names 2 columns. Add"),
        ("one comma in each text", "line 2 has 3 cells .* into quotes"),
        ("a sum below", "line 4 has 1 cell separated by semicolons"),
        ("a quote left open", "line 2 opens a quote .* never closed. Close"),
        ("two dialects", "commas and by semicolons alike. Write `sep=,` or"),
        ("another alphabet", "byte 4 is not valid `utf-8`. Say which"),
    ],
)
def test_the_sentence_is_true_and_names_the_line_of_the_file(
    tmp_path, name, said
):
    path = write(tmp_path, "")
    path.write_bytes(csv_dialects.CASES[name][0])

    with pytest.raises(DataError, match=said):
        data.read_csv("credit", path)


def test_a_line_is_counted_in_the_file_behind_quoted_lines_and_blanks(tmp_path):
    text = 'sep=;\ntext;label\n"a\nb\nc";good\n\nso;so;bad\n'

    with pytest.raises(DataError, match="whose line 7 has 3 cells"):
        data.read_csv("credit", write(tmp_path, text))


def test_a_byte_is_counted_in_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"fine,good\n" * 500 + b"\x81,bad\n")

    with pytest.raises(DataError, match="byte 5011 is not valid `utf-8`"):
        data.read_csv("credit", path)


@pytest.mark.parametrize("encoding", ["cp1251", "cp850", "mac-roman", "cp932"])
def test_what_may_be_garbled_is_not_read(tmp_path, encoding):
    word = {"cp1251": "Москва", "cp932": "東京の人"}.get(encoding, "Größe süß")
    text = f"city,n\n{word},1\n{word},2\n"

    with pytest.raises(DataError, match="Say which encoding"):
        data.read_csv("credit", write(tmp_path, text, encoding=encoding))


@pytest.mark.parametrize(
    ("name", "decimal"),
    [
        ("plain", ""),
        ("semicolons, decimal commas", ","),
        ("thousands in quotes", ""),
        ("commas in texts", ""),
    ],
)
def test_the_decimal_sign_is_told_where_it_shows(tmp_path, name, decimal):
    path = write(tmp_path, "")
    path.write_bytes(csv_dialects.CASES[name][0])

    assert data.read_csv("credit", path).attrs["decimal"] == decimal


def test_a_damaged_byte_in_utf_8_is_no_other_encoding(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("city,n\ncafé,1\n".encode() + b"caf\xe9,2\n")

    with pytest.raises(DataError, match="byte 18 is not valid `utf-8`"):
        data.read_csv("credit", path)


def test_each_reader_says_how_the_file_was_read(tmp_path):
    rows = [f"{i};{'good' if i % 2 else 'bad'};u{i % 4};1" for i in range(40)]
    path = write(tmp_path, "\n".join(["film number;label;user;n", *rows]))
    said = "separated by semicolons"

    texts = data.text_reading.read_text_table(path, text_column="film number")
    table = data.read_table(path, target="label", kinds={"n": "ignore"})
    rated = data.read_ratings(path, item="label", rating="film number")
    notes: list[str] = []
    data.table_reading.read_table_rows(
        path, table.specification, say=notes.append
    )

    for each in (texts.notes, table.notes, rated.notes, notes):
        assert said in " ".join(each)


def test_a_separator_that_is_said_is_said_once(tmp_path):
    path = write(tmp_path, "SEP=|\nage|paid\n1|a\n")

    (note,) = data.read_csv("credit", path).attrs["notes"]

    assert note.endswith("`SEP=|` in its first line separates its cells.")


def test_one_line_of_comments_is_one(tmp_path):
    path = write(tmp_path, "# sold\nage,paid\n1,a\n")

    (note,) = data.read_csv("credit", path).attrs["notes"]

    assert "1 line of comments at its start is left out" in note


def test_rows_that_all_have_a_name_in_front_are_told_from_loose_commas(
    tmp_path,
):
    named = write(tmp_path, "age,paid\nann,33,a\nbob,41,b\n")
    loose = write(tmp_path, "age,paid\n1,33,a\n41,b\n", "b.csv")

    with pytest.raises(DataError, match="into quotes, or, if the cells at"):
        data.read_csv("credit", named)
    with pytest.raises(DataError, match=r"into quotes\.$"):
        data.read_csv("credit", loose)
