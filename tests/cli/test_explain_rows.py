"""Does `aet-keras explain` name the words and cells of an answer?"""

import json
import types

import numpy as np
import pytest
from click.testing import CliRunner

from aet_keras.cli import _explain_rows, main
from aet_keras.cli._inputs import Row


def explain(*arguments):
    command = ["explain", *map(str, arguments)]
    return CliRunner().invoke(main, command)


def test_the_word_that_decides_is_named_and_drawn(reviews, tmp_path):
    result = explain(reviews, "a good film", "--out", tmp_path)

    assert result.exit_code == 0, result.output
    drawn = tmp_path / "1_a_good_film_occlusion.png"
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert result.stdout.startswith(f"{drawn}  good, 75.0%: good +0.500")


@pytest.mark.parametrize("command", ["explain", "predict"])
def test_texts_in_quotes_have_no_encoding(reviews, sentence, command):
    asked = [command, str(reviews), "a good film", "--encoding", "ascii"]

    result = CliRunner().invoke(main, asked)

    assert result.exit_code == 2
    assert "`--encoding` must be left out here" in sentence(result)


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


@pytest.mark.parametrize(
    ("kind", "column", "cells", "strongest"),
    [
        ("text", "label_column", {"texts": b"a good film"}, ("good", 2.0)),
        ("item", "target", {"title": "good", "n": 1.0}, ("title = good", 2.0)),
        ("table", "target", {"a": "good", "n": 1.0}, ("a = good", 2.0)),
    ],
)
def test_a_number_of_any_kind_of_data_is_explained(
    tmp_path, kind, column, cells, strongest
):
    def call(signature, arrays):
        texts, *_ = arrays.values()
        decoded = [t.decode() if isinstance(t, bytes) else t for t in texts]
        values = [3.0 if "good" in text else 1.0 for text in decoded]
        return {"values": np.array(values, "float32")}

    (tmp_path / "recipe.json").write_text(json.dumps({column: "price"}))
    version = types.SimpleNamespace(kind=kind, call=call)

    what, title, left_out = _explain_rows._explained_number(
        tmp_path, version, Row("x", cells), None
    )

    assert (what, title) == ("price", "price = 3")
    assert left_out.strongest(1) == [strongest]


@pytest.mark.parametrize("output", ["median", "called"])
@pytest.mark.parametrize(("asked", "column"), [(None, 1), ("good", 2)])
def test_the_class_that_predict_answers_is_explained(output, asked, column):
    names = np.array([b"bad", b"fair", b"good"], object)

    def call(signature, arrays):
        count = len(arrays["texts"])
        return {
            "probabilities": np.tile([0.4, 0.25, 0.35], (count, 1)),
            "classes": np.tile(names, (count, 1)),
            output: np.array([b"fair"] * count, object),
        }

    version = types.SimpleNamespace(kind="text", call=call)
    row = Row("x", {"texts": b"a film"})

    found, left_out = _explain_rows._explained_class(version, row, asked)

    assert (left_out.column, found[left_out.column]) == (
        column,
        names[column].decode(),
    )
