"""Defines the steps of a run on ratings."""

import dataclasses
import functools

import numpy as np

from aet_keras import callbacks as parts
from aet_keras import data, export, policies, tasks
from aet_keras.errors import DataError
from aet_keras.publishing.publication import find_version
from aet_keras.recipes import shared_settings
from aet_keras.training import item_neighbours, job, rating_measuring
from aet_keras.training.fine_tune import fine_tune
from aet_keras.training.measuring import measure
from aet_keras.training.rating_archive import (
    KnownRatings,
    keep_ratings,
    kept_ratings,
)
from aet_keras.training.rating_factors import solve_factors
from aet_keras.training.rating_new_users import (
    GrownRatings,
    join_ratings,
    learn_new_users,
    with_new_users,
)

_OF_RATINGS = (
    "factors",
    "factor_strength",
    "user_effect_strength",
    "item_effect_strength",
)
_OF_FEATURES = "user_effect_strength", "item_effect_strength"
_OF_ALL = "rank_factors", "rank_strength", "history_length"
_COMPARED = 64
_BATCH, _NEW_BATCH = 1024, 256  # new users have few ratings
_SHOWN = 10  # what hit rate and NDCG look at


_check_of_use = functools.partial(shared_settings.check_of_use, error=DataError)


def _read(recipe):
    why = f"there is no column of times, {recipe.named('time')}"
    if recipe.time is None:
        _check_of_use(recipe, "date_formats", why=why)
    if recipe.from_ is None:
        if not (recipe.user_features or recipe.item_features):
            why = "there is no column about users or items"
            _check_of_use(recipe, *_OF_FEATURES, why=why)
        return _checked(recipe, _read_rows(recipe))
    known = kept_ratings(find_version(recipe.from_))
    _check_features(recipe, known.specification)
    new = _read_rows(recipe, like=known.specification)
    said = shared_settings.note_of_earlier(recipe, *_OF_RATINGS, *_OF_ALL)
    new = dataclasses.replace(new, notes=(*new.notes, *said))
    return _checked(recipe, join_ratings(known, new))


def _checked(recipe, dataset):
    """Raises where a setting of interactions and ratings is of the other."""
    if dataset.specification.has_ratings:
        if recipe.negatives is not None:
            raise DataError(
                "RatingRecipe: `negatives` must go with interactions, because "
                "ratings are compared with no drawn items. Received: "
                f"negatives={recipe.negatives!r}. Leave it out."
            )
        return dataset
    why = "only a model of ratings has it, and these rows have none"
    _check_of_use(recipe, *_OF_RATINGS, "decimal", why=why)
    if recipe.item_features:
        raise DataError(
            "RatingRecipe: `item_features` must go with ratings, because of "
            "interactions each item has a vector of its own. Received: "
            f"{', '.join(recipe.item_features)}. Leave them out."
        )
    return dataset


def _check_features(recipe, known):
    for name in ("user_features", "item_features"):
        asked = getattr(recipe, name)
        has = tuple(each.column for each in getattr(known, name))
        if asked and asked != has:
            raise DataError(
                f"RatingRecipe: `{name}` must be those that the model in "
                f"`{recipe.from_}` looks at, because nothing else of it moves. "
                f"Received: {', '.join(asked)}, where it looks at "
                f"{', '.join(has) or 'none'}. Leave them out."
            )


def _read_rows(recipe, like=None):
    read = job.with_settings(data.read_ratings, recipe)
    return read(recipe.data, like=like)


def _introduce(dataset):
    specification = dataset.specification
    rows = "ratings" if specification.has_ratings else "interactions"
    if isinstance(dataset, GrownRatings):
        yield from job.introduce(dataset.new, f"{rows} of new users")
        count = len(dataset.new.specification.users)
        new = "1 user is" if count == 1 else f"{count} users are"
        yield f"{new} new; what is said of the others stays."
    else:
        yield from job.introduce(dataset, rows)
    yield (
        f"{len(specification.users)} users and {len(specification.items)} "
        "items."
    )
    if len(specification.items) <= _SHOWN:
        yield (
            f"With no more than {_SHOWN} items every one of them is shown: the "
            "hit rate is 1 however they rank."
        )


def _tables(dataset, length):
    return data.make_rating_tables(
        [dataset.train], dataset.specification, history_length=length
    )


def _build(recipe, dataset):
    if recipe.from_ is not None:
        return with_new_users(job.load_earlier(recipe.from_), dataset)
    specification = dataset.specification
    is_rated = specification.has_ratings
    model = job.with_settings(tasks.build_recommender, recipe)(
        specification,
        rating_measuring.usual_biases(dataset) if is_rated else None,
        item_counts=_tables(dataset, recipe.history_length).item_counts,
    )
    rating_measuring.compile_recommender(model, recipe.learning_rate)
    return model


def _best(recipe, dataset):
    return rating_measuring.best_kept(
        dataset.specification, patience_epochs=max(5, recipe.epochs // 2)
    )


def _fit(model, recipe, dataset, *, best=None, callbacks=()):
    rate = job.policy_of(recipe.rate, policies.WarmupCosine())
    best = _best(recipe, dataset) if best is None else best
    if recipe.from_ is not None:
        return learn_new_users(
            model,
            dataset,
            epochs=recipe.epochs,
            batch_size=recipe.batch_size or _NEW_BATCH,
            learning_rate=recipe.learning_rate,
            rate=rate,
            best=best,
            callbacks=callbacks,
            seed=recipe.seed,
        )
    tables = _tables(dataset, recipe.history_length)
    users = tasks.rating_model.user_layers(model)
    run = fine_tune(
        model,
        data.rating_lookup.make_rating_batches(
            dataset.train,
            tables,
            batch_size=recipe.batch_size or _BATCH,
            shuffle_seed=recipe.seed,
            negatives=recipe.negatives,
        ),
        validation_data=data.rating_lookup.make_rating_batches(
            dataset.validation, tables, batch_size=4096
        ),
        epochs=recipe.epochs,
        # There is nothing pretrained to wait for.
        freezing=parts.ElasticFreezing(
            policies.ThawAll(), groups=[users], cache=None, warmup_steps=0
        ),
        rate=parts.AdaptiveLearningRate(rate),
        best=best,
        average=False,
        callbacks=callbacks,
        shuffle=False,  # the data set does it
        verbose=0,
    )
    if dataset.specification.has_ratings:
        return solve_factors(
            run, dataset.train, dataset.validation, tables, seed=recipe.seed
        )
    return item_neighbours.add_neighbours(run, dataset.validation, tables)


def _measure(run, name, dataset):
    tables = _tables(dataset, rating_measuring.history_length(run.model))
    is_rated = dataset.specification.has_ratings
    baselines = _rated_baselines if is_rated else _met_baselines
    of = baselines(dataset, tables)

    def score(model, split):
        is_test = split is dataset.test
        others = dataset.validation if is_test else dataset.test
        if not is_test and not is_rated:
            others = None  # what is met later is not known yet
        return rating_measuring.measure_split(
            model, split, tables, others=others, baselines=of(split)
        )

    return measure(run, name, dataset, score=score)


def _rated_baselines(dataset, tables):
    biases = rating_measuring.usual_biases(dataset)

    def of(split):
        told = biases.predict(split.inputs["user"], split.inputs["item"])
        return {
            "biases": (told, biases.items),
            "mean rating": (np.full(split.count, biases.mean), None),
            "popularity": (None, tables.item_counts),
        }

    return of


def _met_baselines(dataset, tables):
    del dataset
    cosine = rating_measuring.item_cosine(tables)
    return lambda split: {
        "item neighbours": (None, cosine),
        "popularity": (None, tables.item_counts),
    }


def _write(model, recipe, dataset, directory, guarantee=None):
    del guarantee  # stars are not told apart by sets
    whole, known = dataset, None
    if isinstance(dataset, GrownRatings):
        whole, known = dataset.whole, dataset.known.item_features
    elif isinstance(dataset, KnownRatings):
        known = dataset.item_features
    tables = data.make_rating_tables(
        [whole.train, whole.validation, whole.test],
        whole.specification,
        history_length=rating_measuring.history_length(model),
        # What an item is taken to be is not for new users to say.
        item_features=known,
    )
    export.write_rating_model(
        model, directory, specification=dataset.specification, tables=tables
    )
    keep_ratings(directory, whole, tables.item_features)
    rows = {
        role: dataset.test.inputs[role][:_COMPARED] for role in ("user", "item")
    }
    return export.compare_rating_export(
        directory,
        model,
        rows,
        specification=dataset.specification,
        tables=tables,
    )


JOB = job.Job(
    read=_read,
    introduce=_introduce,
    build=_build,
    fit=_fit,
    measure=_measure,
    write=_write,
    best=_best,
)
