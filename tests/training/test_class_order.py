"""Do classes get the order that a recipe says, and is a wrong one refused?"""

import numpy as np
import pytest

from aet_keras import data, recipes
from aet_keras.errors import DataError
from aet_keras.training.table_job import JOB


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("order") / "food.csv"
    words = ["good", "bad", "fair"]
    rows = [
        f"{i % 3},{i * 7 % 11},{words[i % 3]},{10 * (i % 3)}" for i in range(60)
    ]
    path.write_text("\n".join(["place,noise,said,score", *rows]))
    return str(path)


def read(table, order, target="said", **settings):
    recipe = recipes.TableRecipe(table, target, class_order=order, **settings)
    return JOB.read(recipe)


def test_labels_follow_the_order(table):
    plain = read(table, None)
    dataset = read(table, ("bad", "fair", "good"))

    names = dataset.specification.class_names
    assert names == ("bad", "fair", "good")
    assert dataset.specification.is_ordered
    assert "bad < fair < good" in dataset.notes[-1]
    for name in ("train", "validation", "test"):
        said, before = getattr(dataset, name), getattr(plain, name)
        old = np.array(plain.specification.class_names)[before.labels]
        assert np.array(names)[said.labels].tolist() == old.tolist()


def test_numbers_are_ordered_by_value(table):
    dataset = read(table, ("numbers",), "score", target_kind="classes")

    assert dataset.specification.class_names == ("0", "10", "20")


@pytest.mark.parametrize(
    ("order", "target", "advice"),
    [
        (("bad", "good"), "said", "name each class once"),
        (("numbers",), "said", "Name them, the lowest first"),
        (("a", "b"), "noise", "of kind 'number'"),
    ],
    ids=["missing", "words", "number"],
)
def test_a_wrong_order_is_refused(table, order, target, advice):
    kind = "number" if target == "noise" else "classes"

    with pytest.raises(DataError, match=advice):
        read(table, order, target, target_kind=kind)


def test_the_score_of_ordered_classes_has_an_order(table):
    from aet_keras.training.objectives import objective_of

    dataset = read(table, ("bad", "fair", "good"))
    test = dataset.test
    shares = np.eye(3)[(test.labels + 1) % 3]
    shares[0] = [0.4, 0.2, 0.4]  # the median is the second

    scores = objective_of(dataset).score(test.labels, shares, dataset, {})

    called = np.array([1, *((test.labels[1:] + 1) % 3)])
    assert scores.accuracy == pytest.approx((called == test.labels).mean())
    wanted = np.abs(called - test.labels).mean()
    assert scores.order.mae == pytest.approx(wanted)
    assert isinstance(dataset, data.Dataset)
