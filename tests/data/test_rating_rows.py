"""Is what may be misread in ratings said, or read as the user says?"""

import pandas

from aet_keras import data
from aet_keras.data import new_ratings, rating_rows

HEAD = "user,item,rating,sex"


def test_names_that_a_person_takes_for_one_are_said(tmp_path):
    users = ["Ann", "ann ", "Bob", "Jos\u00e9", "Jose\u0301"]
    rows = [f"{users[i % 5]},i{i % 4},{1 + i % 3},F" for i in range(60)]
    rows += [f"{each},I1,2,f" for each in users]
    path = tmp_path / "a.csv"
    path.write_text("\n".join([HEAD, *rows]))
    settings = {"user": "user", "item": "item", "rating": "rating"}

    first = data.read_ratings(path, user_features=["sex"], **settings)
    new = tmp_path / "b.csv"
    new.write_text(f"{HEAD}\nBOB,i1,2,F\nBOB,i1,2,F\nBOB,i1,3,F")
    later = new_ratings.read_new_ratings([new], first.specification, **settings)

    notes = [each for each in first.notes if "differ" in each]
    assert [each.split(":")[1] for each in notes] == [
        " `Ann` and `ann`.",
        " `Jose\\u0301` and `Jos\\xe9`.",
        " `I1` and `i1`.",
        " `F` and `f`.",
    ]
    assert later.split.count == 2
    assert later.notes == (
        "1 rating is there before, of the same user and item, and left out: "
        "each counts once.",
        "These users differ by case only, and stay separate: `Bob` and `BOB`.",
    )


def test_a_date_format_that_is_given_wins():
    cells = pandas.Series(["2024-01-02", "2024-02-01"])

    (usual, _), (told, notes) = (
        rating_rows.read_times("who", "when", cells, given)
        for given in ((), ("%Y-%d-%m",))
    )

    assert usual[0] < usual[1] and told[0] > told[1]
    assert notes == []
