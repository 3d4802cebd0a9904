"""Does a file of ratings become splits of codes, or a clear refusal?"""

import datetime

import numpy as np
import pytest
import rating_data

from aet_keras import data
from aet_keras.errors import DataError


def write(path, rows, head="user,item,rating"):
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def simple(count=40, users=8, items=5):
    return [f"u{i % users},i{i % items},{1 + i % 4}" for i in range(count)]


def test_codes_name_users_items_and_features(tmp_path):
    path = rating_data.write_ratings(tmp_path / "films.csv")

    dataset = rating_data.read_ratings(path)

    train, specification = dataset.train, dataset.specification
    assert specification.user_features[0].values == ("old", "young")
    for row in range(5):
        number = int(train.names[row].split()[1])
        cells = path.read_text().splitlines()[number].split(",")
        user, item = (train.inputs[n][row, 0] for n in ("user", "item"))
        assert specification.users[user - 1] == cells[0]
        assert specification.items[item - 1] == cells[1]
        age = train.inputs["user_features"][row, 0]
        assert specification.user_features[0].values[age - 1] == cells[2]
        assert train.labels[row] == float(cells[4])


def test_a_random_split_holds_each_row_once(tmp_path):
    path = write(tmp_path / "a.csv", simple())

    dataset = data.read_ratings(path, seed=3)

    splits = dataset.train, dataset.validation, dataset.test
    names = [name for split in splits for name in split.names]
    assert [split.count for split in splits] == [28, 6, 6]
    assert len(set(names)) == len(names) == 40


def test_the_last_rating_of_each_user_is_left_out(tmp_path):
    random = np.random.default_rng(0)
    times = random.permutation(40)
    rows = [f"{r},{t}" for r, t in zip(simple(), times, strict=True)]
    path = write(tmp_path / "a.csv", rows, "user,item,rating,when")

    dataset = data.read_ratings(path, split="leave_last_out", time="when")

    last = {
        f"row {max(range(u, 40, 8), key=lambda r: times[r]) + 1}"
        for u in range(8)
    }
    assert set(dataset.test.names) == last
    assert dataset.validation.count == 8


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("%Y-%m-%d", []),
        ("%Y-%m-%dT12:30Z", ["%Y-%m-%d"]),
        ("%d%m%Y", ["%d%m%Y"]),  # a number, too: 31012024 before 01022024
    ],
)
def test_dates_are_times(tmp_path, written, given):
    first = datetime.date(2024, 1, 29)
    days = [first + datetime.timedelta(days=i // 8) for i in range(40)]
    cells = [day.strftime(written) for day in days]
    rows = map(",".join, zip(simple(), cells, strict=True))
    path = write(tmp_path / "a.csv", rows, "user,item,rating,when")

    dataset = data.read_ratings(
        path, split="leave_last_out", time="when", date_formats=given
    )

    assert not any("--date-format" in note for note in dataset.notes)
    assert set(dataset.test.names) == {f"row {i}" for i in range(33, 41)}


def test_without_times_chance_leaves_out_and_says_so(tmp_path):
    path = write(tmp_path / "a.csv", simple())

    dataset = data.read_ratings(path, split="leave_last_out")

    assert "drawn at random" in dataset.notes[0]


def test_whole_floats_are_ids_with_a_note(tmp_path):
    rows = [f"{i % 8}.0,i{i % 5},{1 + i % 4}" for i in range(40)]
    path = write(tmp_path / "a.csv", rows)

    dataset = data.read_ratings(path)

    assert dataset.specification.users[:2] == ("0", "1")
    assert "`0.0` is read as `0`" in dataset.notes[0]


def test_pairs_in_two_splits_are_counted(tmp_path):
    path = write(tmp_path / "a.csv", [*simple(), *simple()])

    dataset = data.read_ratings(path)

    pairs = [
        set(zip(*(s.inputs[n][:, 0] for n in ("user", "item")), strict=True))
        for s in (dataset.train, dataset.validation, dataset.test)
    ]
    assert len(set.union(*pairs)) == 40
    assert "an earlier split pairs" in " ".join(dataset.notes)


def test_rows_without_a_number_are_left_out(tmp_path):
    path = write(tmp_path / "a.csv", [*simple(), "u1,i1,NaN", "u1,i2,good"])

    dataset = data.read_ratings(path)

    assert "2 rows are left out" in dataset.notes[0]
    assert "`good`" in dataset.notes[0]


def test_ids_are_words_and_markers_are_no_ids(tmp_path):
    rows = [f"{('NA', '007', 'u7')[i % 3]},i{i % 5},{i % 4}" for i in range(40)]
    path = write(tmp_path / "a.csv", [*rows, "N/A,i1,3", "u7,,3"])

    dataset = data.read_ratings(path)

    assert dataset.specification.users == ("007", "NA", "u7")
    said = " ".join(dataset.notes)
    assert "1 row has no `user` (`N/A` (1)) and is left out" in said
    assert "1 row has no `item` and is left out" in said
    assert "`NA` (14) is kept as an id of its own; `--missing NA`" in said


def test_a_word_among_numbers_is_no_id(tmp_path):
    rows = [f"{('None', '7', '8')[i % 3]},i{i % 5},{i % 4}" for i in range(40)]

    dataset = data.read_ratings(write(tmp_path / "a.csv", rows))

    assert dataset.specification.users == ("7", "8")
    assert "(`None` (14)) and are left out" in " ".join(dataset.notes)


def test_ratings_may_have_decimal_commas_and_times_an_order(tmp_path):
    rows = [
        f'u{i % 8},i{i % 5},"{i % 4},5",{1 + i // 8}.12.2024 1{i % 8}:00'
        for i in range(40)
    ]
    path = write(tmp_path / "a.csv", rows, "user,item,rating,when")
    times = {"split": "leave_last_out", "time": "when"}

    with pytest.raises(DataError, match="--date-format"):
        data.read_ratings(path, **times)
    dataset = data.read_ratings(
        path, date_formats=["%d.%m.%Y", "%Y%m%d"], **times
    )

    note = "`--date-format %Y%m%d` is not used: `when` is not written so."
    assert note in dataset.notes
    assert "%d.%m.%Y" not in " ".join(dataset.notes)
    assert set(dataset.train.labels) == {0.5, 1.5, 2.5, 3.5}
    assert set(dataset.test.names) == {f"row {i}" for i in range(33, 41)}


def test_like_keeps_the_codes_of_items(tmp_path):
    old = rating_data.read_ratings(
        rating_data.write_ratings(tmp_path / "old.csv")
    )
    path = rating_data.write_ratings(
        tmp_path / "new.csv", range(50, 54), seed=1
    )

    new = rating_data.read_ratings(path, like=old.specification)

    assert new.specification.items == old.specification.items
    assert new.specification.users == ("u50", "u51", "u52", "u53")


def test_a_rating_that_may_mean_a_gap_is_said_and_left_out_if_asked(tmp_path):
    rows = [
        f"u{i % 9},i{i % 7},{-99 if i % 8 == 0 else i % 5}" for i in range(60)
    ]
    path = write(tmp_path / "a.csv", rows)

    notes = data.read_ratings(path).notes
    labels = data.read_ratings(path, missing=["-99"]).train.labels

    assert any("8 cells are -99, far from all other" in each for each in notes)
    assert labels.min() == 0


def test_what_an_earlier_model_has_not_learned_is_said(tmp_path):
    head = "user,item,rating,town"
    old = [f"u{i % 4},i{i % 5},{i % 3},{'ab'[i % 2]}" for i in range(40)]
    new = [f"v{i % 4},i{i % 7},{i % 3},{'bc'[i % 2]}" for i in range(40)]
    for name, rows in (("old", old), ("new", new)):
        (tmp_path / f"{name}.csv").write_text("\n".join([head, *rows]))
    like = data.read_ratings(
        tmp_path / "old.csv", user_features=["town"]
    ).specification

    said = data.read_ratings(tmp_path / "new.csv", like=like).notes

    stays = "the earlier model has not learned, such as"
    items = sum(i % 7 > 4 for i in range(40))
    assert any(
        f"{items} rows have in `item` what {stays} `i5`" in n for n in said
    )
    assert any(f"20 rows have in `town` what {stays} `c`" in n for n in said)
    assert not any(
        stays in note
        for note in data.read_ratings(
            tmp_path / "old.csv", user_features=["town"]
        ).notes
    )


def test_like_asks_for_the_columns_of_its_features(tmp_path):
    old = rating_data.read_ratings(
        rating_data.write_ratings(tmp_path / "old.csv")
    )
    path = write(tmp_path / "a.csv", simple())

    with pytest.raises(DataError, match="no column `age` .user_features"):
        data.read_ratings(path, like=old.specification)


def test_like_refuses_a_user_that_it_has(tmp_path):
    old = rating_data.read_ratings(
        rating_data.write_ratings(tmp_path / "old.csv")
    )
    path = rating_data.write_ratings(
        tmp_path / "new.csv", range(18, 22), seed=1
    )

    with pytest.raises(DataError, match="`u18` and 1 more, known already"):
        rating_data.read_ratings(path, like=old.specification)


def test_ratios_that_leave_nothing_to_learn_from_are_refused(tmp_path):
    path = write(tmp_path / "a.csv", simple(10))

    with pytest.raises(DataError, match="Give smaller ratios"):
        data.read_ratings(path, validation_ratio=0.49, test_ratio=0.5)


def test_like_reads_one_new_user_with_few_ratings(tmp_path):
    old = rating_data.read_ratings(
        rating_data.write_ratings(tmp_path / "old.csv")
    )
    path = rating_data.write_ratings(tmp_path / "new.csv", [77], each=4)

    new = rating_data.read_ratings(path, like=old.specification)

    assert new.specification.users == ("u77",) and new.train.count == 2


@pytest.mark.parametrize(
    ("count", "said"), [(3, "1 rating"), (20, "3 ratings")]
)
def test_ratings_of_users_with_none_to_learn_from_are_counted(
    count, said, tmp_path
):
    like = data.read_ratings(write(tmp_path / "a.csv", simple())).specification
    rows = [f"new {row}" for row in simple(count, users=count)]
    path = write(tmp_path / "b.csv", rows)

    dataset = data.read_ratings(path, like=like)

    verb = "is" if count == 3 else "are"
    note = f"{said} to test on {verb} of users with none to learn from."
    assert note in dataset.notes


def test_times_may_be_of_summer_and_winter(tmp_path):
    zones = "2024-03-30T12:00+01:00", "2024-03-31T10:30+02:00"
    rows = [f"u{i % 8},i{i % 5},{1 + i % 4},{zones[i % 2]}" for i in range(40)]
    path = write(tmp_path / "a.csv", rows, "user,item,rating,when")

    dataset = data.read_ratings(path, split="leave_last_out", time="when")

    assert dataset.test.count == 8


@pytest.mark.parametrize(
    ("rows", "arguments", "advice"),
    [
        (simple(), {"rating": "ratin"}, "Nearest: `rating`"),
        (simple(), {"item_features": ["itemm"]}, "Nearest: `item`"),
        (simple(), {"item": "user"}, "columns of their own"),
        (simple(4), {}, "at least 10 rows"),
        ([f"{i}.5,i{i},{i}" for i in range(20)], {}, "write them as text"),
        ([f"u{i},i{i},3" for i in range(20)], {}, "3 in every row"),
        (
            [f"u{i},i1,{i}" for i in range(20)],
            {"split": "leave_last_out"},
            'Use split="random"',
        ),
        (
            [f"u{i % 3},{i},{i}" for i in range(300)],
            {"user": "rating", "rating": "user"},
            "at least 10 rows",
        ),
        (simple(), {"split": "leave_last_out", "time": "item"}, "2024-03-17"),
    ],
    ids=[
        "no column",
        "no feature",
        "one column twice",
        "too few rows",
        "float ids",
        "constant rating",
        "one rating a user",
        "words for ratings",
        "words for times",
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    tmp_path, rows, arguments, advice
):
    path = write(tmp_path / "a.csv", rows)

    with pytest.raises(DataError, match=advice):
        data.read_ratings(path, **arguments)


def test_a_feature_of_many_values_is_refused(tmp_path):
    rows = [f"{row},{i}" for i, row in enumerate(simple(400))]
    path = write(tmp_path / "a.csv", rows, "user,item,rating,price")

    with pytest.raises(DataError, match="Cut it into ranges"):
        data.read_ratings(path, item_features=["price"])


def test_another_encoding_is_named(tmp_path):
    path = tmp_path / "a.csv"
    text = "user,item,rating\n" + "\n".join(["Zoë,i1,3", *simple()])
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(DataError, match="--encoding"):
        data.read_ratings(path, encoding="utf-8")
    users = data.read_ratings(path, encoding="latin-1").specification.users
    assert len(users) >= 8


def test_ratings_that_are_no_numbers_are_shown(tmp_path):
    rows = [f"u{i % 8},i{i % 5},{1 + i % 4}/5" for i in range(40)]

    with pytest.raises(DataError, match=r"Received: 0\. 40 rows .*`1/5` \(10"):
        data.read_ratings(write(tmp_path / "a.csv", rows))


def test_without_ratings_or_time_the_rows_are_interactions(tmp_path):
    path = tmp_path / "met.csv"
    rows = [f"u{i % 4},i{i % 5},x" for i in range(20)]
    path.write_text("\n".join(["user,item,note", *rows, rows[0]]))

    dataset = data.read_ratings(path)

    assert not dataset.specification.has_ratings
    assert set(dataset.train.labels) == {1.0}
    splits = dataset.train, dataset.validation, dataset.test
    assert sum(split.count for split in splits) == 20
    notes = " ".join(dataset.notes)
    assert "Not looked at: `note`" in notes
    assert "1 row repeats" in notes
    assert "drawn at random" in notes and "`--time`" in notes


def test_a_split_by_time_learns_nothing_that_came_later(tmp_path):
    path = tmp_path / "met.csv"
    order = np.random.default_rng(0).permutation(40)
    rows = [f"u{i % 4},i{i % 9},{i % 3},{i // 4}" for i in order]
    path.write_text("\n".join(["user,item,rating,day", *rows]))

    dataset = data.read_ratings(path, time="day")

    days = [
        {int(order[int(name.split()[1]) - 1]) // 4 for name in split.names}
        for split in (dataset.train, dataset.validation, dataset.test)
    ]
    assert max(days[0]) < min(days[1]) and max(days[1]) < min(days[2])
    assert dataset.specification.has_ratings


def test_one_moment_cannot_be_cut(tmp_path):
    path = tmp_path / "met.csv"
    rows = [f"u{i % 4},i{i % 9},1" for i in range(40)]
    path.write_text("\n".join(["user,item,day", *rows]))

    with pytest.raises(DataError, match="1 moment in 36 rows"):
        data.read_ratings(path, time="day")
