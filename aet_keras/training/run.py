"""What happens from a recipe to a SavedModel and its report?"""

import dataclasses
import datetime
import importlib.metadata
import os
import pathlib
import platform
import time
from collections.abc import Callable, Sequence

import keras

from aet_keras import callbacks, data, evaluation, export, policies, tasks
from aet_keras.errors import TrainingError
from aet_keras.training.recipe import Recipe

_COMPARED_PICTURES = 64


@dataclasses.dataclass(frozen=True)
class Run:
    """Holds what a run left behind.

    Args:
        model: the trained `keras.Model`, with the best epoch's weights.
        report: `aet_keras.evaluation.Report`.
        version: path of the published version, `OUT/1`.
        comparison: `aet_keras.export.Comparison` of the SavedModel with it.

    Example: see `run_recipe`.

    >>> aet_keras.training.Run.__dataclass_fields__["report"].name
    'report'
    """

    model: keras.Model
    report: evaluation.Report
    version: pathlib.Path
    comparison: export.Comparison


def run_recipe(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    observers: Sequence[keras.callbacks.Callback] = (),
    say: Callable[[str], None] = lambda sentence: None,
) -> Run:
    """Adapts a backbone to pictures, measures it, and publishes it.

    Everything in it can be written with the parts: `data.read_images`,
    `tasks.build_image_classifier`, the callbacks, `model.fit`,
    `evaluation.measure_classification`, `export.publish`.

    Args:
        recipe: `Recipe`.
        out: path of the folder to publish in. A new version is added; older
            ones are not touched.
        observers: callbacks that come after ours, to show progress.
        say: function of a sentence, called with what a person should know.

    Returns:
        `Run`.

    Raises:
        DataError: if the pictures cannot be learned from.
        WeightsError: if the backbone's weights cannot be had or do not fit.
        TrainingError: if the loss became NaN or the run was interrupted. The
            best weights so far are then in `OUT/interrupted.keras`.
        ExportError: if nothing can be written in `out`, or what was written
            differs from the model.

    Example:

    >>> import tempfile
    >>> recipe = aet_keras.training.Recipe("digits", epochs=1, image_size=32)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     run = aet_keras.training.run_recipe(recipe, out)
    ...     print(run.version.name, run.report.best_epoch)
    1 1
    """
    out = pathlib.Path(out)
    export.check_writable(out)
    clock = _Clock()
    dataset = data.read_images(
        recipe.data,
        image_size=(recipe.image_size,) * 2,
        seed=recipe.seed,
        validation_ratio=recipe.validation_ratio,
        test_ratio=recipe.test_ratio,
        skip_bad=recipe.skip_bad,
    )
    for sentence in _introduction(dataset):
        say(sentence)
    clock.lap("reading")
    keras.utils.set_random_seed(recipe.seed)
    model = _compiled(recipe, len(dataset.specification.class_names))
    watching = _Watching.of(recipe)
    _fit(model, recipe, dataset, watching, observers, out)
    clock.lap("training")
    report = _measure(model, out.name, dataset, watching, clock)
    comparisons = []

    def write(directory):
        names = dataset.specification.class_names
        export.write_classifier(model, directory, class_names=names)
        pictures = dataset.test.inputs[:_COMPARED_PICTURES]
        comparisons.append(export.compare_export(directory, model, pictures))
        _without_optimizer(model).save(directory / "model.keras")
        recipe.save(directory / "recipe.json")
        clock.lap("export")
        timed = dataclasses.replace(report, seconds=clock.seconds)
        timed.save(directory / "report.json")
        evaluation.draw_report(timed, directory / "report.png")

    version = export.publish(out, write)
    timed = dataclasses.replace(report, seconds=clock.seconds)
    return Run(model, timed, version, comparisons[0])


@dataclasses.dataclass
class _Watching:
    """The callbacks of a run, each at hand by its name."""

    freezing: callbacks.ElasticFreezing
    rate: callbacks.AdaptiveLearningRate
    best: callbacks.KeepBest
    history: keras.callbacks.History

    @classmethod
    def of(cls, recipe):
        is_random = recipe.weights == "none"
        return cls(
            callbacks.ElasticFreezing(
                policies.ThawAll() if is_random else None,
                train_batch_normalization=is_random,
            ),
            callbacks.AdaptiveLearningRate(),
            callbacks.KeepBest(),
            keras.callbacks.History(),
        )


class _Clock:
    """Tells how long each part of a run took, and the whole."""

    def __init__(self):
        self._begin = self._last = time.perf_counter()
        self.seconds = {}

    def lap(self, name):
        now = time.perf_counter()
        self.seconds = {
            **self.seconds,
            name: now - self._last,
            "total": now - self._begin,
        }
        self._last = now


def _introduction(dataset):
    splits = (dataset.train, dataset.validation, dataset.test)
    counts = " / ".join(str(len(split.labels)) for split in splits)
    classes = len(dataset.specification.class_names)
    yield f"{counts} pictures to train / validate / test, {classes} classes."
    yield from dataset.notes


def _compiled(recipe, class_count):
    model = tasks.build_image_classifier(
        recipe.backbone,
        class_count=class_count,
        weights=recipe.weights,
        image_size=(recipe.image_size,) * 2,
        dropout=recipe.dropout,
    )
    _compile(model, recipe.learning_rate)
    return model


def _compile(model, learning_rate):
    model.compile(
        keras.optimizers.Adam(learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def _fit(model, recipe, dataset, watching, observers, out):
    train = data.batches(
        dataset.train,
        batch_size=recipe.batch_size,
        shuffle_seed=recipe.seed,
        augment=data.augmentation(
            recipe.augment,
            image_size=dataset.specification.image_size,
            seed=recipe.seed,
        ),
    )
    validation = data.batches(dataset.validation, batch_size=128)
    try:
        model.fit(
            train,
            validation_data=validation,
            epochs=recipe.epochs,
            verbose=0,
            shuffle=False,  # the data set shuffles itself
            callbacks=[*vars(watching).values(), *observers],
        )
    except KeyboardInterrupt:
        reason = "the run was interrupted"
        raise _stopped(model, reason, watching.best, out) from None
    if watching.best.stopped:
        raise _stopped(model, watching.best.stopped, watching.best, out)


def _stopped(model, reason, best, out):
    """Saves the best weights of a run that must stop, and says where."""
    if not best.best_epoch:
        return TrainingError(
            f"Stopped: {reason}, before an epoch was complete. There was "
            "nothing to keep."
        )
    best.restore()
    out.mkdir(parents=True, exist_ok=True)
    aside = out / f".interrupted-{os.getpid()}.keras"
    try:
        _without_optimizer(model).save(aside)
        os.replace(aside, out / "interrupted.keras")
    finally:
        aside.unlink(missing_ok=True)
    return TrainingError(
        f"Stopped: {reason}. The weights of epoch {best.best_epoch}, the best "
        f"so far, are kept in `{out / 'interrupted.keras'}`."
    )


def _measure(model, name, dataset, watching, clock):
    freezing, history = watching.freezing, watching.history.history
    return evaluation.Report(
        name=name,
        created=datetime.datetime.now().isoformat(timespec="seconds"),
        test=_scores(model, dataset.test, dataset),
        validation=_scores(model, dataset.validation, dataset),
        history=history,
        rates=history["adaptive_learning_rate/rate"],
        group_names=(*freezing.group_names, "head"),
        trained_groups=[(*moved, True) for moved in freezing.history],
        events=[f"after epoch {e}: {change}" for e, change in freezing.events],
        best_epoch=watching.best.best_epoch,
        seconds=clock.seconds,
        versions=_versions(),
        notes=dataset.notes,
    )


def _scores(model, split, dataset):
    batches = data.batches(split, batch_size=128)
    return evaluation.measure_classification(
        split.labels,
        model.predict(batches, verbose=0),
        class_names=dataset.specification.class_names,
    )


def _versions():
    names = ("aet-keras", "keras", "tensorflow")
    versions = {name: importlib.metadata.version(name) for name in names}
    return {**versions, "python": platform.python_version()}


def _without_optimizer(model):
    """Returns the same layers in a model whose optimizer holds no state.

    The optimizer knows weights that are frozen at the end; Keras would build
    it on the trainable ones, and warn, when the file is loaded.
    """
    bare = keras.Model(model.inputs, model.outputs, name=model.name)
    _compile(bare, float(model.optimizer.learning_rate.numpy()))
    return bare
