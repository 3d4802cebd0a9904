"""Is a date read as its writer meant it, or asked about?"""

import collections
import datetime

import numpy as np
import pandas
import pytest

from aet_keras.data import date_cells
from aet_keras.data.specifications import CellFormat, TableColumn

CASES = {
    "ISO": (["2022-08-09", "2022/8/9 10:15"], "%Y-%m-%d"),
    "ISO with zones": (
        ["2022-08-09T23:30:00+02:00", "2022-08-09T01:00:00.5Z"],
        "%Y-%m-%d",
    ),
    "German": (["09.08.2022", "31.08.2022"], "%d.%m.%Y"),
    "American": (["08/09/2022", "01/31/2020"], "%m/%d/%Y"),
    "British": (["09/08/2022", "31/01/2020"], "%d/%m/%Y"),
    "names": (["Aug 09, 2022", "September 1, 2022"], "%b %d, %Y"),
    "names behind": (["09 Aug 2022", "1 Sept 2022"], "%d %b %Y"),
    "Oracle": (["09-AUG-22", "01-SEP-22"], "%d-%b-%y"),
    "short years": (["08/09/22", "01/31/99"], "%m/%d/%y"),
    "with a time": (["09.08.2022 10:15", "31.08.2022 23:59:59"], "%d.%m.%Y"),
}


@pytest.mark.parametrize("case", CASES)
def test_cells_show_how_dates_are_written(case):
    cells, expected = CASES[case]

    form = date_cells.find_date_form(collections.Counter(cells))

    assert (form.date_format, form.rival) == (expected, "")
    day = datetime.date(2022, 8, 9) - datetime.date(1970, 1, 1)
    assert date_cells.read_day(cells[0], expected) == day.days


@pytest.mark.parametrize(
    ("cells", "both"),
    [
        (["01/02/2020", "03/04/2020"], {"%d/%m/%Y", "%m/%d/%Y"}),
        (["31.01.2020", "01.31.2020", "02.03.2020"], {"%d.%m.%Y", "%m.%d.%Y"}),
    ],
    ids=["no cell shows it", "cells disagree"],
)
def test_an_order_that_is_not_shown_is_asked_for(cells, both):
    many = collections.Counter(dict.fromkeys(cells, 1))
    many["05.06.2020" if "." in cells[0] else "05/06/2020"] = 99

    form = date_cells.find_date_form(many)

    assert {form.date_format, form.rival} == both
    assert "--date-format" in date_cells.ambiguous("opened", form)


def test_a_format_that_is_given_decides():
    cells = collections.Counter(["01/02/2020", "03/04/2020"])

    form = date_cells.find_date_form(cells, ("%m/%d/%Y",))

    assert form.date_format == "%m/%d/%Y" and not form.rival


@pytest.mark.parametrize(
    "date_format",
    ["%d.%m.%Y", "%m/%d/%y", "%b %d, %Y", "%d-%b-%y", "%d.%m.%Y %H:%M:%S",
     "%Y%m%d", "%A, %d. %B %Y, %I:%M %p", "%Y-%m-%dT%H:%M:%S.%f%z"],
)  # fmt: skip
def test_a_date_is_written_as_strptime_reads_it(date_format):
    days = np.float32([0, 11016, 19783, 20000])

    texts = date_cells.write_days(days, date_format)

    assert [date_cells.read_day(t, date_format) for t in texts] == days.tolist()
    if "%A" not in date_format:  # its weekday is not that of the date
        read = [datetime.datetime.strptime(t, date_format) for t in texts]
        assert [each.date().toordinal() - 719163 for each in read] == [*days]


@pytest.mark.parametrize(
    "date_format", ["%d.%m", "%Y-%m-%d %Y", "%d.%m.%Y %q", "%d.%m.%Y%", "day"]
)
def test_a_format_without_a_day_is_refused(date_format):
    with pytest.raises(ValueError, match="year, month and day once each"):
        date_cells.check_date_format("read_table", date_format)


def test_dates_become_days_since_1970():
    cells = ["1970-01-02", "2024/3/17 08:30", "17.3.2024", "2023-02-29", ""]

    found = date_cells.to_days(pandas.Series(cells, dtype=object))

    # 54 years of 365 days, 13 leap days before 2024, 31 + 29 + 16 in it.
    expected = [1, 54 * 365 + 13 + 76, *[np.nan] * 3]
    np.testing.assert_array_equal(found, np.float32(expected))


def test_dates_of_a_table_become_days_by_the_format_of_their_column():
    columns = [
        TableColumn(
            "since", "date", "Since", CellFormat(date_format="%d.%m.%Y")
        ),
        TableColumn("job", "category", "Job"),
    ]
    jobs = np.array(["tailor", ""], object)
    cells = {"since": np.array(["03.01.1970", ""], object), "job": jobs}

    found = date_cells.dates_to_days(cells, columns)

    np.testing.assert_array_equal(found["since"], np.float32([2, np.nan]))
    assert found["job"] is jobs and cells["since"][0] == "03.01.1970"
