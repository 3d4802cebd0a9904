"""Reads, builds, trains and publishes what an image recipe asks for."""

import dataclasses
import functools
import os
from collections.abc import Sequence

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import backbones, data, export, policies, tasks
from aet_keras import callbacks as parts
from aet_keras.backbones.cached_weights import find_cached_weights
from aet_keras.data.target_batches import make_target_batches
from aet_keras.errors import DataError
from aet_keras.recipes import shared_settings
from aet_keras.recipes.image_recipe import ImageRecipe
from aet_keras.training import earlier, earlier_start, heads, job
from aet_keras.training.fine_tune import Run, fine_tune, stop_early
from aet_keras.training.measuring import measure, predict
from aet_keras.training.teacher_outputs import image_size_of
from aet_keras.training.teachers import TaughtSplit, targets_of, with_teacher
from aet_keras.training.unlabelled_rows import later_learned


def read_dataset(recipe: ImageRecipe) -> data.Dataset:
    """Reads the images of a recipe.

    Args:
        recipe: `ImageRecipe`.

    Returns:
        `aet_keras.data.Dataset`, split and resized as the recipe says. Its
        notes say what may mislead: classes of very different sizes, or
        coloured images for a backbone that has seen none.

    Raises:
        DataError: if the images cannot be learned from.
        ValueError: if an earlier model (`from_`) has to say their size:
            `run_recipe` asks it.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits", image_size=8)
    >>> aet_keras.training.image_job.read_dataset(recipe).train.inputs.shape[1:]
    (8, 8, 3)
    """
    earlier.check_settled(recipe)
    if recipe.data == "digits":
        why = "these images are arrays in memory"
        shared_settings.check_of_use(
            recipe, "skip_bad", "stream", why=why, error=DataError
        )
    read = job.with_settings(data.read_images, recipe)
    dataset = read(recipe.data, image_size=(recipe.image_size,) * 2)
    return job.with_note(recipe, with_backbone_note(recipe, dataset))


def build_classifier(recipe: ImageRecipe, class_count: int) -> keras.Model:
    """Builds and compiles the model of a recipe.

    Args:
        recipe: `ImageRecipe`.
        class_count: int >= 2.

    Returns:
        A compiled `keras.Model`; see `aet_keras.tasks.build_image_classifier`.

    Raises:
        ValueError: if what is to be grafted does not fit the backbone, or the
            recipe begins with an earlier model (`from_`), whose classes have
            names: `run_recipe` builds on it.
        WeightsError: if the backbone's weights cannot be had or do not fit.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits")
    >>> aet_keras.training.image_job.build_classifier(recipe, 10).output_shape
    (None, 10)
    """
    if recipe.from_ is not None:
        raise ValueError(
            f"{recipe.owner}: a recipe with `from_` must be run by "
            "`training.run_recipe`, because classes are known by their names. "
            f"Received: from_={recipe.from_!r}. Call that, or leave it out."
        )
    model = _built(recipe, class_count)
    job.compile_classifier(model, recipe)
    return model


def _built(recipe, class_count, activation="softmax"):
    build = job.with_settings(tasks.build_image_classifier, recipe)
    return build(
        class_count=class_count,
        activation=activation,
        image_size=(recipe.image_size,) * 2,
        momentum=MOMENTUM if recipe.train_batch_normalization else None,
    )


MOMENTUM = 0.9  # of BatchNormalization that trains
ROBUST_VIEWS = 3  # corrupted passes that are recorded and replayed


def fit_recipe(
    model: keras.Model,
    recipe: ImageRecipe,
    dataset: data.Dataset,
    *,
    cache: str | os.PathLike | None = "auto",
    best: parts.KeepBest | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a model as a recipe says.

    Args:
        model: what `build_classifier` built.
        recipe: `ImageRecipe`.
        dataset: what `read_dataset` read.
        cache: where to keep what frozen groups put out, as of
            `aet_keras.callbacks.ElasticFreezing`; augmented images are new
            in each epoch, and are not kept. Of `augment="robust"` three
            passes are, but not for other runs.
        best: optional `aet_keras.callbacks.KeepBest`, as of `fine_tune`.
        callbacks: more callbacks; they come after ours.

    Returns:
        `Run`.

    Raises:
        DataError: if an image that is streamed cannot be read again.
        ValueError: if an argument is out of its range.

    Example:

    >>> recipe = aet_keras.recipes.Recipe("digits", epochs=1, image_size=32)
    >>> dataset = aet_keras.training.image_job.read_dataset(recipe)
    >>> model = aet_keras.training.image_job.build_classifier(recipe, 10)
    >>> run = aet_keras.training.image_job.fit_recipe(model, recipe, dataset)
    >>> len(run.history["val_loss"])
    1
    """
    check.instance("fit_recipe", of=ImageRecipe, recipe=recipe)
    dataset = with_teacher(recipe, dataset, _teacher_rows)
    fit = functools.partial(
        _fit, recipe=recipe, cache=cache, best=best, callbacks=callbacks
    )
    learn_more = later_learned(model, recipe, dataset)
    begun = earlier_start.draw_head(model, recipe, dataset, predict)
    run = heads.learn(model, recipe, dataset, fit)
    run = dataclasses.replace(run, cache_events=[*begun, *run.cache_events])
    if learn_more is None:
        return run
    return dataclasses.replace(run, unlabelled=learn_more())


def _fit(model, dataset, *, recipe, cache, best, callbacks):
    augment = data.build_augmentation(
        recipe.augment,
        image_size=dataset.specification.image_size,
        seed=recipe.seed,
    )
    weights = job.weights_of(recipe, dataset)
    train = _train_batches(
        dataset.train,
        weights,
        batch_size=recipe.batch_size,
        shuffle_seed=recipe.seed,
        augment=augment,
    )
    with data.streamed_images.failures_named(dataset):
        return fine_tune(
            model,
            train,
            validation_data=data.make_batches(
                dataset.validation, batch_size=128, class_weights=weights
            ),
            epochs=recipe.epochs,
            freezing=_freezing(recipe, cache),
            rate=job.rate_of(recipe),
            best=best,
            callbacks=[*job.anchors_of(recipe), *callbacks],
            verbose=0,
            shuffle=False,  # the data set shuffles itself
        )


def _train_batches(split, weights, **settings):
    targets = targets_of(split)
    if not isinstance(split, TaughtSplit):
        return data.make_batches(split, class_weights=weights, **settings)
    rows = None if weights is None else weights[split.labels]
    if split.more is not None:
        count = len(split.more)
        if rows is not None:
            rows = np.append(rows, np.ones(count))
        split = data.Split(
            np.concatenate([split.inputs[:], split.more]),
            np.arange(split.count + count),
            (*split.names, *("unlabelled",) * count),
        )
    return make_target_batches(split, targets, weights=rows, **settings)


def _teacher_rows(recipe, dataset, teacher):
    """Returns images at the size that the teacher takes."""
    height, width = image_size_of(teacher.model) or (None, None)
    if height != width or height in (None, recipe.image_size):
        return lambda split, name: split.inputs  # or resized as it is asked
    sized = dataclasses.replace(recipe, image_size=height)
    other = job.with_settings(data.read_images, sized)(
        recipe.data, image_size=(height, width)
    )

    def rows(split, name):
        found = getattr(other, name)
        # An image that was added meanwhile would move the others.
        return (found if found.names == split.names else split).inputs

    return rows


def _freezing(recipe, cache):
    is_robust = recipe.augment == "robust"
    if is_robust and cache is not None:
        cache = "auto"  # what is drawn is of no use to other runs
    elif recipe.augment != "none":
        cache = None  # nothing to replay where each epoch's images are new
    return parts.ElasticFreezing(
        _thaw_policy(recipe),
        train_batch_normalization=recipe.train_batch_normalization,
        cache=cache,
        views=ROBUST_VIEWS if is_robust else 1,
    )


def _thaw_policy(recipe):
    """Returns when groups thaw."""
    if recipe.thaw is not None:
        return job.policy_of(recipe.thaw)
    if recipe.weights == "none" and recipe.from_ is None:
        return policies.ThawAll()
    return policies.ThawTopThenAll()


_MOSTLY = 0.5
_DOWNLOADED = "MobileNetV2 --image-size 96"


def with_backbone_note(
    recipe: ImageRecipe, dataset: data.Dataset
) -> data.Dataset:
    """Notes that the embedded backbone has not seen images such as these.

    It has seen clothes drawn in grey. Where most images are coloured, the
    note names a backbone that has seen photos: one that is in Keras's cache,
    or else one that is downloaded.
    """
    own = (None, backbones.applications.EMBEDDED)
    if (
        recipe.from_ is not None
        or recipe.backbone != backbones.applications.EMBEDDED
        or recipe.weights not in own
    ):
        return dataset
    share = data.image_decoding.coloured_share(dataset.train.inputs)
    if share < _MOSTLY:
        return dataset
    note = (
        f"{share:.0%} of the images are coloured, and the embedded backbone "
        "has seen clothes in grey only. A backbone that has seen photos will "
        f"do much better: {_advice()}"
    )
    return dataclasses.replace(dataset, notes=(*dataset.notes, note))


def _advice():
    cached = find_cached_weights()
    if not cached:
        return f"`--backbone {_DOWNLOADED}`, 9 MB that are downloaded once."
    first = cached[0]
    size = f" --image-size {first.image_size}" if first.image_size else ""
    return (
        f"`--backbone {first.backbone}{size}`. Its weights are in "
        f"{first.path.parent}: nothing is downloaded."
    )


_COMPARED_IMAGES = 64


def _build(recipe, dataset):
    if recipe.from_ is not None:
        model = earlier.build(recipe, dataset)
        if recipe.train_batch_normalization:
            tasks.image_model.set_momentum(model, MOMENTUM)
        return heads.compiled(model, recipe, dataset)
    head = heads.head_of(dataset)
    model = _built(recipe, head.units(dataset), head.activation)
    return heads.compiled(model, recipe, dataset)


def _write(model, recipe, dataset, directory, guarantee=None):
    images = dataset.test.inputs[:_COMPARED_IMAGES]
    export.write_image_model(
        model,
        directory,
        images=images,
        guarantee=guarantee,
        **heads.said_of(dataset),
    )
    kind = dataset.specification.target_kind
    return export.compare_image_export(
        directory, model, images, target_kind=kind
    )


JOB = job.Job(
    read=read_dataset,
    introduce=functools.partial(job.introduce, rows="images"),
    build=_build,
    fit=fit_recipe,
    measure=measure,
    write=_write,
    best=lambda recipe, _: stop_early(recipe.epochs, is_averaged=True),
    rows=job.rows_of,
    teacher_rows=_teacher_rows,
    predict=predict,
)
