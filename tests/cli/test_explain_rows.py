"""Does `aet-keras explain` name the words and cells of an answer?"""

import pytest
from click.testing import CliRunner

from aet_keras.cli import main


def explain(*arguments):
    command = ["explain", *map(str, arguments)]
    return CliRunner().invoke(main, command)


def test_the_word_that_decides_is_named_and_drawn(reviews, tmp_path):
    result = explain(reviews, "a good film", "--out", tmp_path)

    assert result.exit_code == 0, result.output
    drawn = tmp_path / "1_a_good_film_occlusion.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert result.stdout.startswith(f"{drawn}  good, 75.0%: good +0.500")


def test_another_class_may_be_asked_about(reviews, tmp_path):
    options = "--class", "bad", "--out", tmp_path

    result = explain(reviews, "a good film", *options)

    assert "bad, 25.0%: good -0.500" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "god"], "Nearest: `good`"),
        (["--method", "grad-cam"], "must be occlusion for texts"),
    ],
)
def test_what_does_not_fit_is_refused(reviews, options, words):
    result = explain(reviews, "a good film", *options)

    assert result.exit_code == 2
    assert words in result.stderr
    assert not (reviews / "explanations").exists()
