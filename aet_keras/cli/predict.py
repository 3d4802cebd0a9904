"""What does a published model say of new pictures, texts or rows?"""

import pathlib

import click

from aet_keras.cli import _answers, _options
from aet_keras.cli._outcome import one_sentence
from aet_keras.cli._questions import find_questions
from aet_keras.cli._recommend import is_recommender, recommend
from aet_keras.cli._versions import load_version_of

_BATCH = 32


@click.command()
@click.argument("folder", type=click.Path(path_type=pathlib.Path))
@click.argument("what", nargs=-1, required=True, metavar="WHAT...")
@click.option(
    "--top",
    type=click.IntRange(1),
    help="How many classes or items to name, the likeliest first. [default: 1 "
    "class, 10 items]",
)
@_options.encoding
@click.option(
    "--format",
    "form",
    type=click.Choice(_answers.FORMATS),
    default="text",
    show_default=True,
    help="text for a person; json, an object a line; csv, a row a line.",
)
@click.option("--json", "form", flag_value="json", help="As --format json.")
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    help="Of tables: the column that names a row in the answer. [default: "
    "FILE:NUMBER]",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def predict(folder, what, top, encoding, form, id_column, debug):
    """Name the class of each picture, text or table row, or recommend.

    FOLDER is saved_models/NAME, as `aet-keras fit` leaves it; its newest
    SavedModel answers, one line each. WHAT are files of pictures, or texts in
    quotes, or .txt files of one text each, or .csv files of rows, or ids of
    users, who are recommended items. What cannot be read is named at the end,
    and makes the exit code 1.
    """
    with one_sentence(debug=debug):
        path, version = load_version_of(folder, is_version_taken=False)
        if is_recommender(version):
            for line in recommend(version, what, top=top, form=form):
                click.echo(line)
            return
        questions = find_questions(
            version, path, what, encoding=encoding, id_column=id_column
        )
        bad = []
        answers = _answered(version, questions, top or 1, bad)
        for line in _answers.class_lines(
            form, questions.noun, answers, top=top or 1
        ):
            click.echo(line)
        _refuse(questions.noun, bad)


def _answered(version, questions, top, bad):
    """Yields each row with its classes; those without go into `bad` too."""
    for batch in questions.batches(_BATCH):
        bad += [each for each in batch if each.reason]
        yield from _scored(version, batch, top)


def _scored(version, batch, top):
    """Yields each row of a batch, with its classes or with None."""
    import numpy as np

    good = [each.values for each in batch if not each.reason]
    rows = iter(())
    if good:
        arrays = {
            name: np.stack([np.asarray(row[name]) for row in good])
            for name in good[0]
        }
        outputs = version.call("serving_default", arrays)
        columns = outputs["classes"], outputs["probabilities"]
        rows = zip(*columns, strict=True)
    for question in batch:
        yield question, None if question.reason else _best(*next(rows), top)


def _best(names, probabilities, top):
    order = probabilities.argsort(kind="stable")[::-1][:top]
    return [(names[i].decode(), float(probabilities[i])) for i in order]


def _refuse(noun, bad):
    from aet_keras.errors import DataError

    if bad:
        said = "; ".join(f"{each.name} ({each.reason})" for each in bad[:3])
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise DataError(
            f"predict: {len(bad)} of the {noun}s could not be read: "
            f"{said}{more}. Mend them or leave them out."
        )
