import csv

import numpy as np
from PIL import Image

from aet_keras.tuning.trials import Search, Trial


def trials(*scores, objective="val_accuracy"):
    """Returns a trial a score; `None` is one that failed."""
    return tuple(
        Trial(
            number,
            {"dropout": number / 10},
            {} if score is None else {objective: score},
            error="ValueError: too small" if score is None else None,
            seconds=1.5,
        )
        for number, score in enumerate(scores, start=1)
    )


def test_higher_is_better_of_an_accuracy():
    search = Search(trials(0.5, None, 0.8, 0.7))

    assert search.best.number == 3
    assert search.best_so_far == (0.5, 0.5, 0.8, 0.8)
    assert [trial.number for trial in search.ranked] == [3, 4, 1, 2]


def test_lower_is_better_of_a_loss():
    search = Search(trials(0.5, 0.2, 0.3, objective="val_loss"), "val_loss")

    assert search.best.number == 2
    assert search.best_so_far == (0.5, 0.2, 0.2)


def test_of_equal_accuracies_the_lower_loss_is_better():
    figures = ({"val_accuracy": 0.5, "val_loss": x} for x in (0.9, 0.4, 0.6))
    search = Search(tuple(Trial(i, {}, f) for i, f in enumerate(figures)))

    assert search.best.number == 1


def test_nothing_is_best_where_all_failed():
    assert Search(trials(None, None)).best is None
    assert Search(()).best is None


def test_the_table_holds_a_line_a_trial(tmp_path):
    path = Search(trials(0.5, None)).save_csv(tmp_path / "trials.csv")

    first, second = csv.DictReader(path.read_text().splitlines())
    assert (first["val_accuracy"], first["dropout"]) == ("0.5", "0.1")
    assert second["val_accuracy"] == ""
    assert second["error"] == "ValueError: too small"


def test_what_keras_tuner_keeps_is_left_out_but_for_the_epochs():
    values = {"dropout": 0.1, "tuner/epochs": 3, "tuner/bracket": 2}

    assert Trial(1, values).to_text() == "dropout 0.1, epochs 3"


def test_the_chart_is_drawn_whatever_came_of_it(tmp_path):
    for name, scores in {"a": (0.5, None, 0.8), "b": (None,), "c": ()}.items():
        path = Search(trials(*scores)).draw(tmp_path / f"{name}.png")

        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.shape == (550, 880)
        assert pixels.std() > 5
