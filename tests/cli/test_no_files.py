"""Is what is no file refused at once, by every command that reads one?"""

import os

import pytest
import served_models
from click.testing import CliRunner

from aet_keras.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def odd(tmp_path):
    """Returns a function from an ending to paths that are no files."""

    def make(ending):
        paths = [
            tmp_path / f"{word}{ending}" for word in ("pipe", "loop", "to")
        ]
        os.mkfifo(paths[0])
        paths[1].symlink_to(paths[1])
        paths[2].symlink_to("nowhere")
        return paths

    return make


REASONS = ["a named pipe", "leads back to itself", "a link to nothing"]


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        (".csv", ["--target", "paid"]),
        (".parquet", ["--target", "paid"]),
        (".jsonl", ["--text-column", "text"]),
        (".csv.gz", ["--user", "user"]),
        (".npz", []),
        ("", []),
    ],
)
def test_fit_refuses_its_data(odd, out, sentence, ending, options):
    for path, reason in zip(odd(ending), REASONS, strict=True):
        done = run("fit", path, "--out", out, *options)

        assert done.exit_code != 0
        assert reason in sentence(done)
        assert not out.exists()


def test_fit_refuses_a_pipe_of_a_recipe(odd, out, sentence):
    done = run("fit", "--recipe", odd(".json")[0], "--out", out)

    assert "a named pipe" in sentence(done)


def test_tune_refuses_a_pipe_of_a_space(odd, out, sentence):
    done = run("tune", "digits", "--space", odd(".json")[0], "--out", out)

    assert "a named pipe" in sentence(done)


@pytest.mark.parametrize(
    ("option", "ending", "others"),
    [
        ("--weights", ".weights.h5", ["--backbone", "VGG16"]),
        ("--backbone", ".keras", ["--text-column", "text"]),
        ("--vocabulary", ".txt", ["--text-column", "t", "--backbone", "own"]),
        ("--from", "", ["--target", "paid"]),
        ("--from", "", ["--user", "user"]),
    ],
)
def test_fit_refuses_what_it_opens_late_before_it_reads_the_data(
    odd, out, sentence, tmp_path, option, ending, others
):
    own = tmp_path / "own.keras"
    own.write_bytes(b"")
    others = [own if each == "own" else each for each in others]

    for path, reason in zip(odd(ending), REASONS, strict=True):
        done = run("fit", "lost.csv", "--out", out, option, path, *others)

        assert done.exit_code == 1
        assert reason in sentence(done)
        assert not out.exists()


def test_fit_refuses_a_pipe_inside_an_earlier_model(tmp_path):
    from aet_keras.errors import ExportError
    from aet_keras.training import job as _earlier

    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "manifest.json").write_text("{}")
    (tmp_path / "1" / "saved_model.pb").touch()
    os.mkfifo(tmp_path / "1" / "model.keras")

    with pytest.raises(ExportError, match="a named pipe"):
        _earlier.load_earlier(str(tmp_path / "1"))


@pytest.fixture(scope="module")
def clothes(tmp_path_factory):
    home = tmp_path_factory.mktemp("saved") / "clothes"
    home.mkdir()
    served_models.write_version(home / "1")
    return home


def test_predict_names_images_that_are_none(clothes, odd, sentence):
    folder = odd(".png")[0].parent / "folder.jpg"
    folder.mkdir()

    done = run("predict", clothes, *odd(".jpg"), folder)

    assert done.exit_code == 1
    assert "a named pipe" in sentence(done) and "and 1 more" in sentence(done)


def test_predict_names_texts_that_are_none(reviews, odd, sentence):
    done = run("predict", reviews, "a good film", "none.txt", *odd(".txt"))

    assert done.exit_code == 1
    assert done.stdout == "a good film  good, 75.0%\n"
    assert "none.txt (not there); " in sentence(done)


def test_predict_reads_a_text_as_training_does(reviews, tmp_path, sentence):
    path = tmp_path / "a.txt"
    path.write_bytes("ein süßer good film".encode("latin-1"))

    done = run("predict", reviews, path)
    told = run("predict", reviews, path, "--encoding", "utf-8")

    assert done.exit_code == 0 and "good, 75.0%" in done.stdout
    assert "read as `cp1252`" in done.stderr
    assert "byte 5 is not valid `utf-8`" in sentence(told)


@pytest.mark.parametrize("content", ["{", "[]", "\xff", "[" * 99_999])
def test_a_damaged_recipe_beside_a_model_is_said(
    reviews, content, monkeypatch, sentence
):
    path = reviews / "1" / "recipe.json"
    path.write_bytes(content.encode("latin-1"))
    try:
        done = run("predict", reviews, "a good film")
    finally:
        path.unlink()

    assert "predict: a recipe must be a" in sentence(done)
