"""Does `aet-keras explain` name the past ratings behind a rating?"""

import re

import pytest
import tensorflow as tf
from click.testing import CliRunner

from aet_keras.cli import main


def explain(*arguments):
    command = ["explain", *map(str, arguments)]
    return CliRunner().invoke(main, command)


@pytest.mark.parametrize("version", ["", "1"])
def test_the_past_ratings_that_count_most_are_named(films, version, tmp_path):
    home, served = films

    result = explain(home / version, "u3", "i2", "--out", tmp_path)

    assert result.exit_code == 0, result.output
    said = served.signatures["reasons"](
        user=tf.constant(["u3"]), item=tf.constant(["i2"])
    )
    score = float(said["scores"][0])
    path, told = result.stdout.split("  ", 1)
    assert path == str(tmp_path / "u3_i2_occlusion.png")
    assert (tmp_path / "u3_i2_occlusion.png").read_bytes()[1:4] == b"PNG"
    assert told.startswith(f"u3, i2: {score:.2f}: ")
    lost = {
        "the user": score - float(said["without_user"][0]),
        "the item": score - float(said["without_item"][0]),
    }
    for item, rating, without in zip(
        said["items"][0].numpy(),
        said["ratings"][0].numpy(),
        said["without"][0].numpy(),
        strict=True,
    ):
        if item:
            lost[f"{item.decode()}, rated {rating:g}"] = score - without
    parts = told.split(": ", 2)[2].strip().split("; ")
    named = [
        re.fullmatch(r"(.+) ([+-]\d\.\d\d)", each).groups() for each in parts
    ]
    strongest = sorted(lost, key=lambda name: -abs(lost[name]))[:3]
    strongest = [name for name in strongest if abs(lost[name]) >= 0.005]
    assert len(strongest) > 1
    assert [name for name, _ in named] == strongest
    for name, value in named:
        assert float(value) == pytest.approx(lost[name], abs=0.0051)


def test_the_best_three_are_explained_where_none_is_named(films, tmp_path):
    home, served = films

    result = explain(home, "u3", "--out", tmp_path)

    best = served.signatures["top_k"](
        user=tf.constant(["u3"]), k=tf.constant([3])
    )
    names = [item.decode() for item in best["items"].numpy()[0]]
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == sorted(f"u3_{name}_occlusion.png" for name in names)
    assert len(result.stdout.splitlines()) == 3


def test_a_stranger_is_said_not_to_be_known(films, tmp_path):
    result = explain(films[0], "nobody", "i2", "--out", tmp_path)

    assert "(one of them not known): the item" in result.stdout
    assert "the user" not in result.stdout  # nothing of the user is known


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "good"], "`--class` must be left out for ratings"),
        (["--method", "attention"], "must be occlusion for texts, table rows"),
    ],
)
def test_what_does_not_fit_is_refused(films, options, words):
    result = explain(films[0], "u3", "i2", *options)

    assert result.exit_code == 2
    assert words in result.stderr
    assert not (films[0] / "explanations").exists()
