"""Runs a recipe, from its data to a published version and its report."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Sequence

import keras

from aet_keras import data, evaluation, export, publishing
from aet_keras._progress import Step, listening
from aet_keras._progress import report as say_progress
from aet_keras.drift.reference import FILE
from aet_keras.errors import ExportError
from aet_keras.evaluation.guarantee import Guarantee
from aet_keras.evaluation.mistake_chart import draw_mistakes
from aet_keras.export.card import write_card
from aet_keras.publishing.data_kind import written_kind
from aet_keras.publishing.publication import find_version
from aet_keras.recipes.base_recipe import BaseRecipe
from aet_keras.recipes.image_recipe import ImageRecipe
from aet_keras.recipes.item_recipe import ItemRecipe
from aet_keras.recipes.kinds import KINDS
from aet_keras.training import (
    earlier,
    guarantees,
    image_job,
    item_earlier,
    item_job,
    rating_job,
    stress,
    table_job,
    text_job,
)
from aet_keras.training.adjusted import with_adjusted_head
from aet_keras.training.earlier_start import compared_with_earlier
from aet_keras.training.group_rows import find_groups, with_groups
from aet_keras.training.job import Job
from aet_keras.training.measuring import Clock
from aet_keras.training.merged import with_merged
from aet_keras.training.run_guards import (
    best_kept,
    check_finished,
    check_named_files,
    check_out,
    save_classifier,
)
from aet_keras.training.saved_run import SavedRun
from aet_keras.training.shared_run import SharedRun
from aet_keras.training.teachers import with_teacher

JOBS = {
    "image": image_job.JOB,
    "text": text_job.JOB,
    "table": table_job.JOB,
    "rating": rating_job.JOB,
    "item": item_job.JOB,
}


@dataclasses.dataclass(frozen=True)
class Publication:
    """Holds the results of a recipe.

    Args:
        model: the trained `keras.Model`, with the best epoch's weights.
        report: `aet_keras.evaluation.Report`.
        version: path of the published version, `OUT/1`.
        comparison: `Comparison` of the SavedModel with it.

    Example: see `run_recipe`.
    """

    model: keras.Model
    report: evaluation.Report
    version: pathlib.Path
    comparison: export.comparison.Comparison


def run_recipe(
    recipe: BaseRecipe,
    out: str | os.PathLike,
    *,
    observers: Sequence[keras.callbacks.Callback] = (),
    trackers: Sequence[keras.callbacks.Callback] = (),
    say: Callable[[str], None] = lambda sentence: None,
    progress: Callable[[Step], None] | None = None,
) -> Publication | None:
    """Adapts a model to new data, measures it, and publishes it.

    Everything in it can be written with the parts; for images they are
    `read_dataset`, `build_classifier`, `fit_recipe`,
    `evaluation.measure_classification`, `publishing.publish`.

    If `TF_CONFIG` names several processes, each of them calls it with the same
    recipe and an `out` on a disk that they share: they train together, and the
    first one publishes.

    A run is saved in `OUT/.saves` after each epoch, if 30 s have passed since
    the last save, and goes on from there where the same recipe, data,
    start and versions are given again, except with a teacher or rows without
    labels. Once it has published, its saves are removed.

    Args:
        recipe: `Recipe`, or that of another kind of data.
        out: path of the folder to publish in. A new version is added; older
            ones are not touched.
        observers: callbacks that come after ours, to show progress.
        trackers: callbacks of `aet_keras.tracking`; they also get the recipe,
            the finished report and its chart.
        say: function of a sentence, called with what a person should know.
        progress: optional function of a `Step`, with `what` is being done,
            how much of it is `done`, and the `total`.

    Returns:
        `Publication`; None in a process of a cluster that is not its chief.

    Raises:
        DataError: if the data cannot be learned from.
        TypeError: if it is no recipe.
        WeightsError: if the backbone's weights cannot be had or do not fit.
        TrainingError: if the loss became NaN or the run was interrupted. The
            best weights so far are then in `OUT/interrupted.keras`; likewise
            if anything else fails after the first epoch.
        ExportError: if nothing can be written in `out`, or what was written
            differs from the model.

    Example:

    >>> import tempfile
    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=1, image_size=32)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     run = aet_keras.training.run_recipe(recipe, out)
    ...     print(run.version.name, run.report.best_epoch)
    1 1
    """
    with listening(progress):
        return _run(recipe, pathlib.Path(out), observers, trackers, say)


def _run(recipe, out, observers, trackers, say):
    job = job_of(recipe)
    check_out(out, recipe.kind)
    publishing.publication.check_writable(out)
    recipe = _pinned(recipe)
    check_named_files(recipe)
    shared = SharedRun(recipe, out)  # before TensorFlow computes anything
    saved = SavedRun(recipe, out)
    clock = Clock()
    say_progress("reading")
    dataset = earlier.noted(recipe, job.read(recipe))
    dataset = with_teacher(recipe, dataset, job.teacher_rows)
    guarantees.check(recipe, dataset)
    stress.check(recipe, dataset)
    groups = find_groups(recipe, dataset)
    for sentence in job.introduce(dataset):
        say(sentence)
    clock.lap("reading")
    for sentence in shared.introduce(dataset):
        say(sentence)
    keras.utils.set_random_seed(recipe.seed)
    say_progress("building the model")
    with shared.scope():
        model = job.build(recipe, dataset)
    for sentence in saved.introduce(dataset, model):
        say(sentence)
    best = job.best(recipe, dataset)
    watching = (*trackers, *observers, *shared.callbacks, *saved.begin())
    with (
        finished(trackers),
        best_kept(
            model,
            best,
            out,
            writes=shared.is_chief,
            advice=lambda: saved.advice,
        ) as learned,
        shared.ended_together(),
        saved.ended(),
        data.streamed_images.failures_named(dataset),
    ):
        run = job.fit(model, recipe, dataset, best=best, callbacks=watching)
        check_finished(learned)
        run = shared.outside(run, lambda: job.build(recipe, dataset))
        learned.trained(run.model)
        clock.lap("training")
        if run.unlabelled is not None:
            say(run.unlabelled)
        if not shared.is_chief:
            return None
        dataset = with_merged(job, recipe, run.model, dataset)
        run = with_adjusted_head(job, recipe, run, dataset)
        run, dataset = job.finish(run, dataset)
        say_progress("measuring the model on the test rows")
        measured = job.measure(run, out.resolve().name, dataset)
        notes = (*measured.notes, *saved.notes)
        measured = dataclasses.replace(measured, notes=notes)
        measured = with_groups(measured, groups, job, run.model, dataset)
        if recipe.kind in earlier.KINDS:
            measured = _beside_earlier(measured, job, recipe, dataset, run)
        measured = stress.with_stress(measured, recipe, run.model, dataset)
        done = _publish(job, recipe, run.model, dataset, measured, out, clock)
        hand_over(trackers, recipe, done.report, done.version / "report.png")
        return done


def _beside_earlier(report, job, recipe, dataset, run):
    """Adds the figures of the earlier model, if that can still be read."""
    try:
        beside = compared_with_earlier(recipe, dataset, run.model, job.predict)
    except (ExportError, OSError) as error:  # it must not cost what was trained
        note = f"The earlier model is not compared: it cannot be read. {error}"
        return dataclasses.replace(report, notes=(*report.notes, note))
    return dataclasses.replace(report, earlier=beside)


def job_of(recipe: BaseRecipe) -> Job:
    """Returns the steps of a run for a recipe's kind of data."""
    if type(recipe) in KINDS.values():
        return JOBS[recipe.kind]
    kinds = ", ".join(made.__name__ for made in KINDS.values())
    raise TypeError(
        "run_recipe: `recipe` must be a Recipe, because it says what is to be "
        f"done. Received: {type(recipe).__name__}. There are: {kinds}."
    )


def _pinned(recipe):
    """Names the versions that a run is made of: newer ones will follow."""
    teacher = getattr(recipe, "teacher", None)
    if teacher is not None and not teacher.endswith(".keras"):
        recipe = dataclasses.replace(recipe, teacher=str(find_version(teacher)))
    folder = getattr(recipe, "from_", None)
    if folder is None:
        return recipe
    version = find_version(folder)
    kind = written_kind(version, recipe.owner)
    if kind not in (None, recipe.kind):
        raise ExportError(
            f"{recipe.owner}: `from_` must name an earlier model of "
            f"{recipe.rows}, because it goes on learning from them. Received: "
            f"from_={folder!r}, which is of {KINDS[kind].rows}. Name another "
            "folder, or leave it out."
        )
    recipe = dataclasses.replace(recipe, from_=str(version))
    if recipe.kind in earlier.KINDS:
        return earlier.as_earlier(recipe)
    is_of_items = isinstance(recipe, ItemRecipe)
    return item_earlier.as_earlier(recipe) if is_of_items else recipe


def _publish(job, recipe, model, dataset, report, out, clock):
    """Writes the next version, and returns the `Publication`."""
    made = {}

    guarantee, covered = guarantees.find(job, recipe, model, dataset)
    report = dataclasses.replace(report, coverage=covered)
    clock.lap("measuring")

    def write(directory):
        say_progress("writing the SavedModel, and comparing it")
        made["comparison"] = write_model(
            job, recipe, model, dataset, directory, guarantee=guarantee
        )
        reference = job.reference_of(model, dataset)
        if reference is not None:
            reference.save(directory / FILE)
        clock.lap("export")
        say_progress("drawing the report")
        timed = dataclasses.replace(report, seconds=clock.seconds)
        write_report(timed, dataset, directory)
        write_card(directory, name=out.resolve().name)
        made["report"] = timed

    version = publishing.publish(out, write)
    return Publication(model, version=version, **made)


def write_model(
    job: Job,
    recipe: BaseRecipe,
    model: keras.Model,
    dataset: data.Dataset,
    directory: pathlib.Path,
    *,
    guarantee: Guarantee | None = None,
) -> export.comparison.Comparison:
    """Writes a model for servers and for Keras, and its recipe.

    Args:
        job: `Job` of the kind of data.
        recipe: of the run.
        model: classifier, or model of ratings.
        dataset: what the SavedModel is compared on: rows of `test`.
        directory: of the version; it exists.
        guarantee: optional `Guarantee` that its answers hold.

    Returns:
        `Comparison` of the SavedModel with the model.
    """
    comparison = job.write(
        model, recipe, dataset, directory, guarantee=guarantee
    )
    save_classifier(model, directory / "model.keras")
    recipe.save(directory / "recipe.json")
    return comparison


def write_report(
    report: evaluation.Report, dataset: data.Dataset, directory: pathlib.Path
) -> None:
    """Writes a report into a version, as JSON and drawn."""
    report.save(directory / "report.json")
    evaluation.draw_report(report, directory / "report.png")
    _draw_mistakes(report, dataset, directory / "top_losses.png")


def _draw_mistakes(report, dataset, path):
    """Draws the images that are called wrongly, if there are any."""
    if dataset.specification.kind != "image" or not report.mistakes:
        return
    images = {
        each.row: dataset.test.inputs[each.row] for each in report.mistakes
    }
    draw_mistakes(report, images, path)


_METRICS = (
    "accuracy loss macro_f1 micro_f1 mean_average_precision rmse mae r2 "
    "hit_rate ndcg"
).split()


@contextlib.contextmanager
def finished(trackers: Sequence) -> Iterator[None]:
    """Closes trackers in the end, whatever happens; Keras may not."""
    try:
        yield
    finally:
        for each in trackers:
            each.finish()


def hand_over(
    trackers: Sequence,
    recipe: ImageRecipe,
    report: evaluation.Report,
    chart: str | os.PathLike,
) -> None:
    """Gives trackers the settings, the figures, and the report."""
    metrics = {
        f"test_{key}": getattr(report.test, key)
        for key in _METRICS
        if getattr(report.test, key, None) is not None
    }
    for each in trackers:
        each.record_hparams(recipe.to_json(), metrics)
        each.record_report(report, chart=chart)
