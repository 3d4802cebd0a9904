"""Does the command line say what it takes, and refuse the rest?"""

import pytest
from click.testing import CliRunner

import aet_keras
from aet_keras import tasks
from aet_keras.cli import main
from aet_keras.cli.fit import fit as fit_command


def invoke(*arguments):
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_the_commands_and_the_exit_codes(option):
    result = invoke(option)

    assert result.exit_code == 0
    assert "fit" in result.stdout
    assert "0 done, 1 failed, 2 misused" in result.stdout


def test_help_of_fit_names_every_source_and_default():
    result = invoke("fit", "--help")

    assert result.exit_code == 0
    for word in ("digits", "train/", ".npz", "tfds:NAME"):
        assert word in result.stdout
    said = " ".join(result.stdout.split())
    assert (
        "[default: images 20; texts 8; tables 40, fewer of more than 12,800 "
        "rows (2,000 steps, at least 4 epochs), with --from 40; ratings 16; "
        "items 12]" in said
    )


def test_every_attention_has_its_word():
    (option,) = [p for p in fit_command.params if p.name == "attention"]

    assert tuple(option.type.choices) == tasks.image_model.ATTENTIONS


def test_version_is_the_packages():
    result = invoke("--version")

    assert result.exit_code == 0
    assert result.stdout == f"aet-keras {aet_keras.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "digits", "--out", "o", "--epoch", "3"], "--epochs"),
        (["fit", "--out", "o"], "DATA must be given"),
        (["fit", "digits"], "Missing option '--out'"),
        (["fti", "digits"], "No such command 'fti'"),
        (["fit", "digits", "--out", "o", "--epochs", "0"], "x>=1"),
        (["fit", "digits", "--out", "o", "--epochs", "ten"], "'ten'"),
        (["fit", "digits", "--out", "o", "--learning-rate", "0"], "x>0"),
        (["fit", "digits", "--out", "o", "--augment", "much"], "'strong'"),
        (["fit", "digits", "--out", "o", "--seed", "-1"], "x>=0"),
    ],
    ids=[
        "unknown option",
        "no data",
        "no out",
        "unknown command",
        "no epochs",
        "epochs in words",
        "rate of 0",
        "unknown augmentation",
        "negative seed",
    ],
)
def test_misuse_is_exit_code_2_and_names_the_mistake(
    arguments, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    result = invoke(*arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", ["nan", "inf"])
def test_a_rate_that_is_no_number_is_misuse(rate, fit, out, sentence):
    result = fit("digits", "--learning-rate", rate)

    assert result.exit_code == 2
    assert "`learning_rate` must be a finite number" in sentence(result)
    assert not out.exists()
