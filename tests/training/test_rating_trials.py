"""Does a recommender learn new ratings, judged by users and not by rows?"""

import numpy as np
import pytest
import rating_data

from aet_keras import data
from aet_keras.data.new_ratings import read_new_ratings
from aet_keras.errors import DataError
from aet_keras.tasks import rating_model
from aet_keras.training import rating_trials
from aet_keras.training.rating_archive import KnownRatings
from aet_keras.training.rating_new_users import grown_by
from aet_keras.training.rating_trials import adapt_ratings

USED = {"user": "user", "item": "item"}


def write(path, users, *, more=0.0, seed=5, each=8):
    """Ratings that follow the item's number, and `more` for each user."""
    random = np.random.default_rng(seed)
    lines = ["user,item,age,decade,rating"]
    for user in users:
        age = "old" if user % 2 else "young"
        for item in random.choice(12, each, replace=False):
            said = 1 + item % 4 + (user % 2) * (item % 3 == 0)
            said += more + random.normal(0, 0.3)
            lines.append(f"u{user},i{item},{age},{item // 4},{said:.2f}")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Returns what is known, and a model that starts at its biases."""
    folder = tmp_path_factory.mktemp("films")
    path = write(folder / "old.csv", range(40), seed=0)
    dataset = rating_data.read_ratings(path)
    _, tables, model = rating_data.build_model(dataset)
    known = KnownRatings(
        dataset.train,
        dataset.validation,
        dataset.test,
        dataset.specification,
        item_features=tables.item_features,
    )
    return folder, known, model


def read(made, users, **settings):
    folder, known, _ = made
    path = write(folder / "new.csv", users, **settings)
    return read_new_ratings([path], known.specification, **USED)


def adapted(made, new, **settings):
    _, known, model = made
    return adapt_ratings(model, known, new.split, new.specification, **settings)


def biases_of(model):
    return model.get_layer("user_bias").get_weights()[0][:, 0]


def test_known_users_who_rate_higher_now_get_other_biases(made):
    new = read(made, range(30), more=2.0)

    found = adapted(made, new)

    assert found.kept and found.kept[0] != rating_trials.HISTORY
    verdict = found.verdict
    assert verdict.outcome == "better", verdict.reason
    assert verdict.new.count == 30  # users, who rated 240 films
    assert verdict.new.before > 1.5 and verdict.new.after < 1.0
    moved = biases_of(found.model) - biases_of(made[2])
    rated = np.unique(new.split.inputs["user"])
    assert moved[rated].mean() > 1.0
    np.testing.assert_array_equal(np.delete(moved, rated), 0)


def test_a_user_learns_what_kind_of_items_he_likes(made):
    """Factors and bias of each user are those of a ridge regression."""
    folder, known, model = made
    kept = model.get_layer("item_factors").get_weights()
    kinds = np.array([[0, 0], *([0, 1], [1, 0]) * 6], "float32")
    model.get_layer("item_factors").set_weights([kinds])
    path = write(folder / "likes.csv", range(30))
    header, *lines = path.read_text().split("\n")
    for place, line in enumerate(lines):
        *first, rating = line.split(",")
        item, user = int(first[1][1:]), int(first[0][1:])
        more = 1.5 if item % 2 == user // 2 % 2 else -1.5
        lines[place] = ",".join([*first, f"{float(rating) + more:.2f}"])
    path.write_text("\n".join([header, *lines]))
    new = read_new_ratings([path], known.specification, **USED)
    try:
        found = adapted(made, new)
        before, after = (
            each.get_layer("user_factors").get_weights()[0]
            for each in (model, found.model)
        )
    finally:
        model.get_layer("item_factors").set_weights(kept)

    assert found.kept == (rating_trials.FACTORS,)
    assert found.verdict.outcome == "better", found.verdict.reason
    rated = np.unique(new.split.inputs["user"])
    np.testing.assert_array_equal(np.delete(after, rated, 0), 0)
    likes = (after - before) @ [1, -1]
    users = [int(known.specification.users[code - 1][1:]) for code in rated]
    is_even = np.array(users) // 2 % 2 == 0
    assert (likes[rated][is_even] < -0.5).all()
    assert (likes[rated][~is_even] > 0.5).all()


def test_other_users_judge_what_is_forgotten(made, monkeypatch):
    """Whoever rates otherwise now has old ratings that prove nothing."""
    new, few = read(made, range(30), more=2.0), read(made, range(40), more=2.0)
    learn = rating_trials._Run.learn
    others = np.setdiff1d(np.arange(41), new.split.inputs["user"])

    def spoil(run, name, learned):
        model, tables, said = learn(run, name, learned)
        (table,) = model.get_layer("user_bias").get_weights()
        table[others] += 1
        model.get_layer("user_bias").set_weights([table])
        return model, tables, said

    alone = adapted(made, few)
    monkeypatch.setattr(rating_trials._Run, "learn", spoil)
    spoilt = adapted(made, new)

    assert alone.verdict.old is None and alone.verdict.outcome == "better"
    assert spoilt.verdict.outcome == "not better"
    assert spoilt.verdict.old.gain < -0.05


def test_new_users_are_learned_and_old_ones_stay(made):
    new = read(made, range(100, 130), more=1.5)

    found = adapted(made, new)

    assert found.verdict.outcome == "better", found.verdict.reason
    before, after = biases_of(made[2]), biases_of(found.model)
    assert len(after) == len(before) + 30
    assert new.specification.users[-30:] == tuple(
        f"u{user}" for user in range(100, 130)
    )
    np.testing.assert_array_equal(after[: len(before)], before)
    assert after[-30:].mean() > 0.5


def test_new_items_get_the_bias_of_what_features_do_not_say(made, tmp_path):
    _, known, model = made
    path = write(tmp_path / "a.csv", range(100, 130))
    more = [f"u{n},hit,old,1,{9 - n % 2}" for n in range(100, 130)]
    more = [*more[:20], path.read_text(), *more[20:]]  # some to learn, to judge
    lines = [line for part in more for line in part.split("\n")]
    header = "user,item,age,decade,rating"
    lines = [header, *(line for line in lines if line != header)]
    path.write_text("\n".join(lines))
    new = read_new_ratings([path], known.specification, **USED)

    found = adapted(made, new)

    assert found.verdict.outcome == "better", found.verdict.reason
    assert "1 item is new" in found.attempts[0].reason
    before, after = (
        each.get_layer("item_bias").get_weights()[0][:, 0]
        for each in (model, found.model)
    )
    # The shrunk mean of what is left of 8 and 9 above about 3.
    strength = model.get_layer("item_bias").embeddings_regularizer.l2
    strength = float(strength) * known.train.count
    assert len(after) == 14
    assert after[-1] == pytest.approx(30 * 5.5 / (30 + strength), abs=1.5)
    rank = found.model.get_layer("rank").get_weights()
    assert [each.shape[-1] for each in rank] == [14, 14]
    if found.kept == (rating_trials.HISTORY,):
        np.testing.assert_array_equal(after[:13], before)


def test_ratings_as_before_prove_nothing(made):
    new = read(made, range(30))
    before = made[2].get_weights()

    found = adapted(made, new)

    assert not found.verdict.is_better
    for one, other in zip(before, made[2].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_users_err_together_so_that_rows_would_prove_too_much():
    """Of useless changes of users, by rows far more than one in 20 pass."""
    random, draws = np.random.default_rng(0), 300
    passed = {"rows": 0, "users": 0}
    for _ in range(draws):
        own = random.normal(size=(30, 1))  # what a change does to a user
        after = 5 + own + 0.2 * random.normal(size=(30, 8))
        before = np.full((30, 8), 5.0)
        kind = rating_trials._KIND
        gains = {
            "rows": kind.gain(before.ravel(), after.ravel()),
            "users": kind.gain(before.mean(axis=1), after.mean(axis=1)),
        }
        for name, gain in gains.items():
            passed[name] += gain.low > 0

    assert passed["users"] <= 0.07 * draws < 0.2 * draws < passed["rows"]


def test_the_later_half_of_each_user_judges():
    users = np.array([2, 1, 2, 1, 2, 3, 1, 1])

    later = rating_trials._later_half(users)

    assert later.tolist() == [False] * 4 + [True, False, True, True]


def test_few_users_prove_nothing(made):
    new = read(made, range(19))

    with pytest.raises(DataError, match="at least 20 users.*Received: 19"):
        adapted(made, new)


def test_new_items_of_which_nothing_is_known_are_left_out(made, tmp_path):
    path = write(tmp_path / "a.csv", range(25))
    odd = ["u1,new film,old,1,4", "u1,odd,old,9,4"]
    odd += [f"u{user},met,old,9,2" for user in range(5)]
    path.write_text("\n".join([path.read_text(), *odd]))
    alone = tmp_path / "b.csv"
    alone.write_text("user,item,age,decade,rating\nu1,new film,old,1,4")

    new = read_new_ratings([path], made[1].specification, **USED)

    assert new.split.count == 206
    assert new.specification.items[12:] == ("met", "new film")
    assert "1 rating is left out" in new.notes[-1]
    with pytest.raises(DataError, match="of items that the model knows"):
        read_new_ratings([alone], made[1].specification, **USED)


def test_the_older_ratings_come_first(made, tmp_path):
    path = tmp_path / "timed.csv"
    path.write_text(
        "user,item,age,decade,rating,day\nu1,i2,old,0,4,2026-01-03\n"
        "u1,i3,old,0,3,2026-01-01\nu0,i1,old,0,2,2026-01-02"
    )

    new = read_new_ratings([path], made[1].specification, time="day", **USED)

    assert new.split.labels.tolist() == [3, 2, 4]
    assert isinstance(new.split, data.Split)


def test_penalties_of_all_tables_stay_the_same_share_of_more_rows(made):
    _, _, model = made
    tables = [
        *rating_model.user_layers(model),
        *rating_model.item_layers(model),
    ]

    grown = grown_by(model, 3, penalty_ratio=0.5)

    for name in tables:
        old, new = (
            float(each.get_layer(name).embeddings_regularizer.l2)
            for each in (model, grown)
        )
        assert new == pytest.approx(0.5 * old)
