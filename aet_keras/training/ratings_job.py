"""What is done with a recipe for ratings?"""

from aet_keras import callbacks as parts
from aet_keras import data, export, policies, tasks
from aet_keras.training._measuring import measure
from aet_keras.training._recommending import (
    compile_recommender,
    measure_split,
    usual_biases,
)
from aet_keras.training.fine_tune import fine_tune
from aet_keras.training.job import Job, introduce

_WATCHED = "val_rating_rmse"
_COMPARED = 64
_SHOWN = 10  # what hit rate and NDCG look at


def _read(recipe):
    return data.read_ratings(
        recipe.data,
        user=recipe.user,
        item=recipe.item,
        rating=recipe.rating,
        split=recipe.split,
        time=recipe.time,
        user_features=recipe.user_features,
        item_features=recipe.item_features,
        encoding=recipe.encoding,
        seed=recipe.seed,
        validation_ratio=recipe.validation_ratio,
        test_ratio=recipe.test_ratio,
    )


def _introduce(dataset):
    yield from introduce(dataset, "ratings")
    specification = dataset.specification
    yield (
        f"{len(specification.users)} users and {len(specification.items)} "
        "items."
    )
    if len(specification.items) <= _SHOWN:
        yield (
            f"With no more than {_SHOWN} items every one of them is shown: the "
            "hit rate is 1 however they rank."
        )


def _tables(recipe, dataset):
    return data.rating_tables(
        [dataset.train],
        dataset.specification,
        history_length=recipe.history_length,
    )


def _build(recipe, dataset):
    model = tasks.build_recommender(
        dataset.specification,
        usual_biases(dataset),
        item_counts=_tables(recipe, dataset).item_counts,
        factors=recipe.factors,
        rank_factors=recipe.rank_factors,
        history_length=recipe.history_length,
        user_effect_strength=recipe.user_effect_strength,
        item_effect_strength=recipe.item_effect_strength,
        factor_strength=recipe.factor_strength,
        rank_strength=recipe.rank_strength,
    )
    compile_recommender(model, recipe.learning_rate)
    return model


def _best(recipe):
    return parts.KeepBest(
        _WATCHED, mode="min", patience_epochs=max(5, recipe.epochs // 2)
    )


def _fit(model, recipe, dataset, *, best=None, callbacks=()):
    tables = _tables(recipe, dataset)
    rate = policies.WarmupCosine()
    if recipe.rate is not None:
        rate = policies.read_policy(recipe.rate)
    users = tasks.user_layers(model)
    return fine_tune(
        model,
        data.rating_batches(
            dataset.train,
            tables,
            batch_size=recipe.batch_size,
            shuffle_seed=recipe.seed,
        ),
        validation_data=data.rating_batches(
            dataset.validation, tables, batch_size=4096
        ),
        epochs=recipe.epochs,
        # There is nothing pretrained to wait for.
        freezing=parts.ElasticFreezing(
            policies.ThawAll(), groups=[users], cache=None, warmup_steps=0
        ),
        rate=parts.AdaptiveLearningRate(rate),
        best=_best(recipe) if best is None else best,
        callbacks=callbacks,
        shuffle=False,  # the data set does it
        verbose=0,
    )


def _measure(run, name, dataset):
    length = run.model.input["history_items"].shape[1]
    tables = data.rating_tables(
        [dataset.train], dataset.specification, history_length=length
    )
    biases = usual_biases(dataset)

    def score(model, split):
        is_test = split is dataset.test
        users, items = split.inputs["user"], split.inputs["item"]
        return measure_split(
            model,
            split,
            tables,
            others=dataset.validation if is_test else dataset.test,
            baselines={
                "biases": (biases.predict(users, items), biases.items),
                "popularity": (None, tables.item_counts),
            },
        )

    return measure(run, name, dataset, score=score)


def _write(model, recipe, dataset, directory):
    splits = (dataset.train, dataset.validation, dataset.test)
    tables = data.rating_tables(
        splits, dataset.specification, history_length=recipe.history_length
    )
    export.write_recommender(
        model, directory, specification=dataset.specification, tables=tables
    )
    rows = {
        side: dataset.test.inputs[side][:_COMPARED] for side in ("user", "item")
    }
    return export.compare_recommender_export(
        directory,
        model,
        rows,
        specification=dataset.specification,
        tables=tables,
    )


JOB = Job(
    read=_read,
    introduce=_introduce,
    build=_build,
    fit=_fit,
    measure=_measure,
    write=_write,
    best=_best,
)
