"""Does `aet-keras predict` recommend what the published model says?"""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from aet_keras.cli import main


def predict(*arguments):
    command = ["predict", *map(str, arguments)]
    return CliRunner().invoke(main, command)


def test_each_user_is_recommended_the_best_items(films):
    home, served = films

    result = predict(home, "u3", "u4", "--top", 2, "--json")

    assert result.exit_code == 0, result.output
    said = served.signatures["top_k"](
        user=tf.constant(["u3", "u4"]), k=tf.constant([2, 2])
    )
    for place, line in enumerate(result.stdout.splitlines()):
        answer = json.loads(line)
        assert answer["user"] == f"u{place + 3}" and answer["is_known"]
        found = [each["item"] for each in answer["items"]]
        assert found == [i.decode() for i in said["items"].numpy()[place]]
        ratings = [each["rating"] for each in answer["items"]]
        np.testing.assert_allclose(ratings, said["ratings"][place], atol=1e-4)


def test_an_unknown_user_gets_what_is_popular_and_is_told_so(films):
    result = predict(films[0], "nobody")

    assert result.stdout.startswith("nobody (not known: what is popular)  i")
    assert result.stdout.count(";") == 9  # ten items


def test_a_file_is_no_user(films, tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("user\nu3\n")

    result = predict(films[0], path)

    assert result.exit_code == 2 and result.stdout == ""
    assert "must be ids of users" in result.stderr


@pytest.mark.parametrize("option", ["--id", "--encoding"])
def test_what_only_files_have_is_refused(films, option):
    result = predict(films[0], "u3", option, "ascii")

    assert result.exit_code == 2 and result.stdout == ""
    assert f"`{option}` must be left out here" in result.stderr


def test_csv_has_a_row_a_user(films):
    result = predict(films[0], "u3", "nobody", "--top", 2, "--format", "csv")

    header, known, unknown = csv.reader(result.stdout.splitlines())
    assert header == ["id", "item", "rating", "item_2", "rating_2", "is_known"]
    assert (known[0], known[-1]) == ("u3", "true")
    assert (unknown[0], unknown[-1]) == ("nobody", "false")
    assert float(known[2]) >= float(known[4])
