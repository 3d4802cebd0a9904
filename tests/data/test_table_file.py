"""Is a table read as it was written, and what is none of it refused?"""

import gzip
import os

import pytest

from aet_keras import data
from aet_keras.errors import DataError


def write(folder, text, name="credit.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_every_cell_is_a_string(tmp_path):
    path = write(tmp_path, "id,age\n007,3.0\n8,x\n")

    frame = data.read_csv("credit", path)

    assert frame.to_dict("list") == {"id": ["007", "8"], "age": ["3.0", "x"]}


def test_an_empty_cell_is_missing_and_no_word_is(tmp_path):
    path = write(tmp_path, "age,sex\n,f\nNA,None\n")

    frame = data.read_csv("credit", path).fillna("")

    assert frame["age"].tolist() == ["", "NA"]
    assert frame["sex"].tolist() == ["f", "None"]


def test_quotes_commas_and_lines_inside_a_cell_stay(tmp_path):
    path = write(tmp_path, 'text,label\n"one, ""two""\nthree",good\n')

    assert data.read_csv("credit", path)["text"][0] == 'one, "two"\nthree'


def test_tabs_part_the_cells_of_tsv(tmp_path):
    path = write(tmp_path, "text\tlabel\na, b\tgood\n", "reviews.tsv")

    assert data.read_csv("reviews", path)["text"][0] == "a, b"


def test_gzip_is_unpacked(tmp_path):
    path = tmp_path / "credit.csv.gz"
    path.write_bytes(gzip.compress(b"age\n33\n"))

    assert data.read_csv("credit", path)["age"].tolist() == ["33"]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = write(tmp_path, "age\n33\n", encoding="utf-8-sig")

    assert list(data.read_csv("credit", path)) == ["age"]


def test_a_nameless_column_of_row_numbers_is_left_out(tmp_path):
    path = write(tmp_path, ",age\n1,33\n2,34\n")

    assert list(data.read_csv("credit", path)) == ["age"]


def test_another_encoding_is_named(tmp_path):
    path = write(tmp_path, "Größe\n33\n", encoding="latin-1")

    with pytest.raises(
        DataError, match="byte 2 is not valid `utf-8`.*`latin-1`"
    ):
        data.read_csv("credit", path, encoding="utf-8")
    frame = data.read_csv("credit", path, encoding="latin-1")
    assert list(frame) == ["Größe"] and frame.attrs["notes"] == ()


def test_what_is_utf_8_though_another_encoding_is_said_is_noted(tmp_path):
    path = write(tmp_path, "Größe\n33\n", encoding="utf-8")
    plain = write(tmp_path, "age\n33\n", name="plain.csv")

    (note,) = data.read_csv("credit", path, encoding="cp1252").attrs["notes"]
    frame = data.read_csv("credit", plain, encoding="cp1252")

    assert "such as `GrÃ¶ÃŸe`, but its bytes are UTF-8" in note
    assert frame.attrs["notes"] == ()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "must be a table"),
        ("age\n", "must have rows"),
        ("age,age\n1,2\n", "`age` twice. Rename"),
        ("age,sex\n1,2\n1,2,3\n", "line 3 has 3 cells.*into quotes"),
    ],
    ids=["empty", "no rows", "one name twice", "a cell too many"],
)
def test_what_is_no_table_is_refused(tmp_path, text, match):
    with pytest.raises(DataError, match=match):
        data.read_csv("credit", write(tmp_path, text))


@pytest.mark.parametrize("cut", [0, 12], ids=["cut off", "no gzip"])
def test_a_packed_file_that_is_damaged_is_refused(tmp_path, cut):
    packed = gzip.compress(b"age,sex\n" + b"33,f\n" * 99)
    path = tmp_path / "credit.csv.gz"
    path.write_bytes(packed[cut:-12])

    with pytest.raises(DataError, match="readable to its end.*pack it anew"):
        data.read_csv("credit", path)


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, "age\n33\n", "credits.csv")

    with pytest.raises(DataError, match="Nearest: `credits.csv`"):
        data.read_csv("credit", tmp_path / "credit.csv")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "ascii"])
def test_a_file_in_utf_8_is_not_read_as_another(tmp_path, encoding):
    path = write(tmp_path, "Größe\n33\n")

    with pytest.raises(DataError, match=f"the encoding `{encoding}`"):
        data.read_csv("credit", path, encoding=encoding)


def test_an_unknown_encoding_names_some(tmp_path):
    path = write(tmp_path, "age\n33\n")

    with pytest.raises(ValueError, match="Try `auto`, `utf-8`"):
        data.read_csv("credit", path, encoding="utf-9")


def test_a_missing_column_names_the_nearest(tmp_path):
    path = write(tmp_path, "age,creditability\n33,1\n")
    frame = data.read_csv("credit", path)

    data.table_file.check_columns(
        "credit", frame, target="creditability", time=None
    )
    with pytest.raises(DataError, match="Nearest: `creditability`.*2 columns"):
        data.table_file.check_columns("credit", frame, target="creditable")


def test_a_nameless_column_that_says_something_is_noted(tmp_path):
    path = write(tmp_path, ",age\nann,33\nbob,34\n")

    frame = data.read_csv("credit", path)

    assert list(frame) == ["age"]
    assert "column 1 has no name and is left out" in frame.attrs["notes"][0]


def test_names_that_differ_by_case_only_are_noted(tmp_path):
    path = write(tmp_path, "Age,age\n1,2\n")

    frame = data.read_csv("credit", path)

    assert frame.to_dict("list") == {"Age": ["1"], "age": ["2"]}
    assert "`Age` and `age`" in frame.attrs["notes"][0]


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet", "a.csv.gz"])
def test_a_pipe_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)

    with pytest.raises(DataError, match="a named pipe"):
        data.read_csv("credit", tmp_path / name)


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    (tmp_path / "a.csv").symlink_to("b.csv")
    (tmp_path / "c.csv").symlink_to("c.csv")

    with pytest.raises(DataError, match="a link to nothing"):
        data.read_csv("credit", tmp_path / "a.csv")
    with pytest.raises(DataError, match="leads back to itself"):
        data.read_csv("credit", tmp_path / "c.csv")


def test_a_long_cell_is_read_to_its_end(tmp_path):
    path = write(tmp_path, f'text,label\n"{"so, " * 50_000}",good\n')

    assert len(data.read_csv("credit", path)["text"][0]) == 199_999


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("age paid\n1 a\n2 b\n", "Spaces seem to separate its cells"),
        ("age   paid\n1     a\n22    b\n", "Spaces seem to separate"),
        ("Sold in 2020\n\nage,paid\n1,a\n", "remove lines that stand above"),
        ('{"age": 1}\n{"age": 2}\n', "call it `.json`"),
        ("<table>\n<tr>\n", "save its table as CSV"),
        ("age^paid\n1^a\n", "such as `sep=^`"),
        ("age\n1\n", "such as `sep=^`"),
    ],
)
def test_a_file_of_one_column_says_what_may_separate_its_cells(
    tmp_path, text, advice
):
    with pytest.raises(DataError) as caught:
        data.read_table(write(tmp_path, text), target="paid")

    assert "read as one column" in str(caught.value)
    assert advice in str(caught.value)


def test_one_space_may_be_the_separator(tmp_path):
    path = write(tmp_path, "sep= \nage paid\n1 a\n")

    assert data.read_csv("credit", path).to_dict("list") == {
        "age": ["1"],
        "paid": ["a"],
    }


@pytest.mark.parametrize(
    ("begin", "advice"),
    [
        (b"PK\x03\x04", "a spreadsheet or a .zip by its first bytes"),
        (b"\x1f\x8b", "Let its name end in `.csv.gz`"),
        (b"PAR1", "Let its name end in `.parquet`"),
        (b"%PDF-", "Save its table as CSV"),
    ],
)
def test_a_file_of_another_kind_is_not_a_matter_of_encoding(
    tmp_path, begin, advice
):
    path = tmp_path / "a.csv"
    path.write_bytes(begin + b"\xff\x80\x90")

    with pytest.raises(DataError) as caught:
        data.read_csv("credit", path)

    assert advice in str(caught.value)
    assert "encoding" not in str(caught.value)


def test_a_text_that_begins_like_another_kind_is_a_text(tmp_path):
    path = write(tmp_path, "PAR1,BZh\n1,2\n")

    assert list(data.read_csv("credit", path)) == ["PAR1", "BZh"]
