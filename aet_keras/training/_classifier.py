"""Which model does a recipe ask for, and what of it is kept in a file?"""

import os

import keras

from aet_keras import tasks


def build_classifier(recipe, class_count: int) -> keras.Model:
    """Returns the compiled model of a `Recipe`."""
    model = tasks.build_image_classifier(
        recipe.backbone,
        class_count=class_count,
        weights=recipe.weights,
        image_size=(recipe.image_size,) * 2,
        dropout=recipe.dropout,
        attention=recipe.attention,
        momentum=0.9 if recipe.train_batch_normalization else None,
    )
    model.compile(
        keras.optimizers.Adam(recipe.learning_rate),
        loss="sparse_categorical_crossentropy",
        # By its name, Keras makes it inside the first step: traced twice.
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    return model


def save_classifier(model: keras.Model, path: str | os.PathLike) -> None:
    """Saves the same layers in a model that is not compiled.

    The optimizer knows weights that are frozen at the end; Keras would build
    it on the trainable ones when the file is loaded, and warn.
    """
    keras.Model(model.input, model.output, name=model.name).save(path)
