"""Does a served recommender answer ids and histories as its model does?"""

import types

import numpy as np
import pytest
import rating_data
import tensorflow as tf

from aet_keras import data, export, publishing
from aet_keras.errors import ExportError
from aet_keras.export import rating_answers, saved_model


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    dataset = rating_data.read_ratings(
        rating_data.write_ratings(folder / "films.csv")
    )
    _, tables, model = rating_data.build_model(dataset)
    rating_data.randomize_weights(model)
    about = {"specification": dataset.specification, "tables": tables}
    export.write_rating_model(model, folder / "1", **about)
    served = tf.saved_model.load(str(folder / "1"))
    return dataset, tables, model, folder / "1", served


def ask(written, name, **inputs):
    served = written[-1].signatures[name]
    inputs = {key: tf.constant(value) for key, value in inputs.items()}
    return {key: each.numpy() for key, each in served(**inputs).items()}


def ranked(written, user):
    """Returns ids and logits of what a user has not rated, the best first."""
    dataset, tables, model, *_ = written
    inputs = {"user": np.array([[user]]), "item": np.array([[0]])}
    logits = model.predict_on_batch(tables.rows(inputs))["rank"][0]
    left = np.setdiff1d(np.arange(1, len(logits)), tables.rated(user))
    best = left[np.argsort(-logits[left])]
    odds = np.exp(logits[best])
    return [dataset.specification.items[i - 1] for i in best], odds / odds.sum()


def test_scores_are_the_models_and_say_who_is_known(written):
    dataset, tables, model, *_ = written

    said = ask(
        written,
        "serving_default",
        user=["u3", "u3", "nobody"],
        item=["i2", "nothing", "i2"],
    )

    names = dataset.specification
    u, i = 1 + names.users.index("u3"), 1 + names.items.index("i2")
    inputs = {"user": np.array([[u], [u], [0]]), "item": [[i], [0], [i]]}
    inputs["item"] = np.array(inputs["item"])
    wanted = model.predict_on_batch(tables.rows(inputs))["rating"][:, 0]
    np.testing.assert_allclose(said["scores"], wanted, atol=1e-5)
    assert said["is_known"].tolist() == [True, False, False]


def test_a_whole_number_is_the_same_id_as_a_float(tmp_path):
    table = saved_model.code_table(tmp_path / "ids.txt", ["7", "17"])
    ids = tf.constant(["17", "17.0", "007", "7.5", "7."])

    whole = rating_answers.codes(table, ids, are_whole=True)
    words = rating_answers.codes(table, ids)

    assert whole.numpy().tolist() == [2, 2, 0, 0, 1]
    assert words.numpy().tolist() == [2, 0, 0, 0, 0]


def test_the_best_items_are_those_not_rated(written):
    dataset = written[0]

    said = ask(written, "top_k", user=["u3"], k=[3])

    names, shares = ranked(written, 1 + dataset.specification.users.index("u3"))
    assert [each.decode() for each in said["items"][0]] == names[:3]
    np.testing.assert_allclose(said["scores"][0], shares[:3], atol=1e-5)
    asked = ask(written, "serving_default", user=["u3"] * 3, item=names[:3])
    np.testing.assert_allclose(said["ratings"][0], asked["scores"], atol=1e-5)


def test_a_stranger_gets_what_nobody_in_particular_likes(written):
    said = ask(written, "top_k", user=["nobody", "u3"], k=[4, 1])

    names, _ = ranked(written, 0)
    assert [each.decode() for each in said["items"][0]] == names[:4]
    assert said["is_known"].tolist() == [False, True]
    assert said["items"][1].tolist()[1:] == [b""] * 3


def test_more_than_there_are_is_all_there_are(written):
    dataset, tables, *_ = written

    said = ask(written, "top_k", user=["u3"], k=[500])

    user = 1 + dataset.specification.users.index("u3")
    left = len(dataset.specification.items) - len(set(tables.rated(user)))
    assert said["items"].shape == (1, len(dataset.specification.items))
    assert (said["items"][0] != b"").sum() == left
    assert said["scores"].sum() == pytest.approx(1, abs=1e-5)
    assert np.isfinite(said["ratings"]).all()


def test_a_history_stands_for_a_user(written):
    dataset, tables, model, *_ = written

    said = ask(
        written,
        "history",
        items=[["i1", "i4", "what"], ["", "", ""]],
        ratings=[[5.0, 1.0, 3.0], [0.0, 0.0, 0.0]],
        k=[2, 2],
    )

    codes = [1 + dataset.specification.items.index(i) for i in ("i1", "i4")]
    rows = tables.rows({"user": np.array([[0]]), "item": np.array([[0]])})
    rows["history_items"] = np.array([[0, 0, 0, *codes, 0]])
    rows["history_ratings"] = np.array([[0, 0, 0, 5.0, 1.0, 3.0]], "float32")
    logits = model.predict_on_batch(rows)["rank"][0]
    logits[[0, *codes]] = -np.inf
    best = dataset.specification.items[logits.argmax() - 1]
    assert said["items"][0, 0].decode() == best
    assert said["is_known"].tolist() == [True, False]


def test_reasons_are_what_is_predicted_without_each_part(written):
    dataset, tables, model, *_ = written
    names = dataset.specification
    u, i = 1 + names.users.index("u3"), 1 + names.items.index("i2")

    said = ask(written, "reasons", user=["u3", "nobody"], item=["i2", "i2"])

    def predict(user, item, hidden=None):
        inputs = {"user": np.array([[user]]), "item": np.array([[item]])}
        rows = tables.rows(inputs)
        past = rows["history_items"].copy()
        past[past == i] = 0  # the item itself is never looked at
        if hidden is not None:
            past[0, hidden] = 0
        rows["history_items"] = past
        return model.predict_on_batch(rows)["rating"].item()

    assert said["scores"][0] == pytest.approx(predict(u, i), abs=1e-5)
    assert said["without_user"][0] == pytest.approx(predict(0, i), abs=1e-5)
    assert said["without_item"][0] == pytest.approx(predict(u, 0), abs=1e-5)
    wanted = [predict(u, i, hidden) for hidden in range(rating_data.LENGTH)]
    np.testing.assert_allclose(said["without"][0], wanted, atol=1e-5)
    past = tables.history_items[u]
    shown = [names.items[c - 1] if c and c != i else "" for c in past]
    assert [each.decode() for each in said["items"][0]] == shown
    assert said["is_known"].tolist() == [True, False]
    assert not any(said["items"][1])  # nothing is known of a stranger
    assert said["without"][1] == pytest.approx(said["scores"][1], abs=1e-5)


def test_features_can_be_told(written):
    dataset, tables, model, *_ = written

    said = ask(
        written,
        "features",
        user=["u3"],
        item=["i2"],
        age=["young"],
        decade=["2"],
    )

    names = dataset.specification
    inputs = {
        "user": np.array([[1 + names.users.index("u3")]]),
        "item": np.array([[1 + names.items.index("i2")]]),
        "user_features": np.array([[2]]),
        "item_features": np.array([[3]]),
    }
    wanted = model.predict_on_batch(tables.rows(inputs))["rating"].item()
    assert said["scores"].item() == pytest.approx(wanted, abs=1e-5)


def test_the_comparison_sees_another_model(written):
    dataset, tables, model, version, _ = written
    about = {"specification": dataset.specification, "tables": tables}
    rows = {n: dataset.test.inputs[n] for n in ("user", "item")}

    same = export.compare_rating_export(version, model, rows, **about)
    _, _, other = rating_data.build_model(dataset)

    assert same.is_telling and same.difference < 1e-5
    with pytest.raises(ExportError, match="Do not serve it"):
        export.compare_rating_export(version, other, rows, **about)


def test_a_version_says_what_it_takes(written):
    manifest = publishing.check_manifest(written[3])

    assert set(manifest.signatures["top_k"]["inputs"]) == {"user", "k"}
    assert "assets/users.txt" in manifest.files


def test_tables_of_another_length_are_refused(written, tmp_path):
    dataset, _, model, *_ = written
    tables = data.make_rating_tables([dataset.train], dataset.specification)

    with pytest.raises(ValueError, match="rating_tables"):
        export.write_rating_model(
            model,
            tmp_path,
            specification=dataset.specification,
            tables=tables,
        )


def test_who_has_met_all_items_is_shown_none():
    met = {1: [1, 2, 3], 2: [3]}
    tables = types.SimpleNamespace(rated=met.__getitem__)
    logits = np.log([[9.0, 1.0, 3.0, 5.0]] * 2).astype("float32")

    shares = rating_answers.best_shares(logits, [1, 2], tables)

    np.testing.assert_allclose(shares, [[0, 0, 0], [0.75, 0.25, 0]], rtol=1e-6)
