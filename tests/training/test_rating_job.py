"""Does a recipe for ratings end in a report, an export, and new users?"""

import numpy as np
import pytest
import rating_data

from aet_keras import data, training
from aet_keras.errors import DataError
from aet_keras.training.rating_job import JOB


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    path = rating_data.write_ratings(folder / "films.csv", range(30))
    recipe = rating_data.rating_recipe(
        path, user_effect_strength=2.0, item_effect_strength=2.0, epochs=6
    )
    dataset = JOB.read(recipe)
    model = JOB.build(recipe, dataset)
    run = JOB.fit(model, recipe, dataset, best=JOB.best(recipe, dataset))
    return recipe, dataset, run


@pytest.fixture(scope="module")
def adapted(done, tmp_path_factory):
    _, dataset, run = done
    path = tmp_path_factory.mktemp("late") / "late.csv"
    rating_data.write_ratings(path, range(100, 104), seed=1)
    new = rating_data.read_ratings(
        path, like=dataset.specification, split="leave_last_out"
    )
    before = [w.copy() for w in run.model.get_weights()]
    result = training.adapt_users(
        run.model, dataset, new, epochs=4, batch_size=16
    )
    return new, before, result


def tables(dataset, specification=None, train=None):
    return data.make_rating_tables(
        [train or dataset.train],
        specification or dataset.specification,
        history_length=rating_data.LENGTH,
    )


def test_the_report_stands_beside_its_baselines(done):
    _, dataset, run = done

    report = JOB.measure(run, "films", dataset)

    biases = report.test.baselines["biases"]
    assert report.test.rmse < biases.rmse  # age decides on every third item
    assert report.test.count == dataset.test.count
    assert set(report.test.baselines) == {"biases", "mean rating", "popularity"}
    assert report.to_json()["rmse"] == report.test.rmse
    assert len(report.rates) == len(run.history["loss"])


def test_what_is_measured_is_what_predict_says(done):
    _, dataset, run = done
    rows = tables(dataset).rows(dataset.test.inputs)

    report = JOB.measure(run, "films", dataset)

    said = run.model.predict(rows, verbose=0)["rating"][:, 0]
    rmse = np.sqrt(np.mean((said - dataset.test.labels) ** 2))
    assert report.test.rmse == pytest.approx(rmse, abs=1e-5)


def test_the_introduction_counts_users_and_items(done):
    _, dataset, _ = done

    assert "30 users and 12 items." in list(JOB.introduce(dataset))


def test_few_items_make_the_hit_rate_idle_and_it_is_said(tmp_path):
    path = rating_data.write_ratings(tmp_path / "few.csv", items=9, each=6)

    said = list(JOB.introduce(rating_data.read_ratings(path)))

    assert "the hit rate is 1" in said[-1]


def test_no_bit_of_an_old_users_predictions_moves(done, adapted):
    _, dataset, run = done
    _, before, result = adapted
    rows = {
        side: tables(dataset).rows(getattr(dataset, side).inputs)
        for side in ("train", "test")
    }

    for split in rows.values():
        old, new = run.model(split), result.model(split)
        for name in ("rating", "rank"):
            np.testing.assert_array_equal(new[name], old[name])
    for now, then in zip(run.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_only_rows_of_users_moved(adapted):
    _, _, result = adapted

    assert result.run.trained_groups
    assert not any(any(epoch) for epoch in result.run.trained_groups)


def test_new_users_are_predicted_better_than_strangers(done, adapted):
    _, dataset, run = done
    new, _, result = adapted
    looked_up = tables(dataset, result.specification, result.train)
    users = len(dataset.specification.users)
    inputs = {**new.train.inputs, "user": new.train.inputs["user"] + users}

    known = result.model.predict(looked_up.rows(inputs), verbose=0)
    stranger = {**new.train.inputs, "user": 0 * new.train.inputs["user"]}
    unknown = run.model.predict(tables(dataset).rows(stranger), verbose=0)

    def error(said):
        return np.mean((said["rating"][:, 0] - new.train.labels) ** 2)

    assert result.specification.users[-4:] == new.specification.users
    assert error(known) < error(unknown)


def test_users_that_are_known_are_refused(done):
    _, dataset, run = done

    with pytest.raises(DataError, match="Leave their rows out"):
        training.adapt_users(run.model, dataset, dataset)


def test_other_codes_are_refused(done, tmp_path):
    _, dataset, run = done
    path = rating_data.write_ratings(tmp_path / "a.csv", range(50, 60), items=9)

    with pytest.raises(DataError, match="like=dataset.specification"):
        training.adapt_users(run.model, dataset, rating_data.read_ratings(path))
