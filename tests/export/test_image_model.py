import logging
import os
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.export import write_image_model

NAMES = ["hat", "Schuh mit Öse", "帽子"]


def serve(directory, images):
    exported = tf.saved_model.load(directory)
    outputs = exported.signatures["serving_default"](images=tf.constant(images))
    return {key: value.numpy() for key, value in outputs.items()}


def test_served_probabilities_are_the_models(exported):
    for count in (1, 5):
        served = exported.call(
            "serving_default", images=exported.images[:count]
        )

        # float32 rounding
        np.testing.assert_allclose(
            served["probabilities"], exported.expected[:count], atol=1e-6
        )
    assert np.ptp(exported.expected, axis=0).max() > 0.5


@pytest.mark.parametrize("batch", [1, 5])
def test_each_image_gets_the_names_of_its_columns(exported, batch):
    images = exported.images[:batch]

    classes = exported.call("serving_default", images=images)["classes"]

    rows = [[name.decode("utf-8") for name in row] for row in classes]
    assert rows == [NAMES] * batch


def test_names_come_from_the_labels_asset(exported, images, tmp_path):
    path = shutil.copytree(exported.path, tmp_path / "1")
    labels = path / "assets" / "labels.txt"
    assert labels.read_text("utf-8") == "".join(f"{n}\n" for n in NAMES)

    labels.write_text("a\nb\nc\n", "utf-8")

    assert serve(path, images[:1])["classes"].tolist() == [[b"a", b"b", b"c"]]


def test_writing_is_silent(classifier, tmp_path, capfd, caplog):
    with caplog.at_level(logging.INFO, logger="keras"):
        write_image_model(classifier, tmp_path / "1", class_names=NAMES)

    out, err = capfd.readouterr()
    assert out == err == ""


@pytest.mark.usefixtures("short_decoder")
def test_trained_model_is_exported_in_inference_mode(images, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, np.array([0, 1, 2, 0, 1]), epochs=2, verbose=0)

    path = write_image_model(model, tmp_path / "1", class_names=NAMES)

    expected = model.predict(images, verbose=0)
    served = serve(path, images)["probabilities"]
    np.testing.assert_allclose(served, expected, atol=1e-5)


@pytest.mark.usefixtures("short_decoder")
@pytest.mark.parametrize(
    ("dtype", "wrap"),
    [
        ("uint8", lambda x: x),
        ("float32", lambda x: [x]),
        ("uint8", lambda x: {"a": x}),
    ],
    ids=["bytes", "list", "dict"],
)
def test_inputs_of_any_dtype_and_packing_are_served(
    images, tmp_path, dtype, wrap
):
    inputs = keras.Input((8, 8, 3), dtype=dtype, name="a")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model(wrap(inputs), wrap(x))

    path = write_image_model(model, tmp_path / "1", class_names=NAMES)

    assert serve(path, images)["probabilities"].shape == (5, 3)


@pytest.mark.usefixtures("short_decoder")
def test_mixed_precision_is_served_as_float32(images, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Dense(3, activation="softmax")(x)

    path = write_image_model(
        keras.Model(inputs, x), tmp_path / "1", class_names=NAMES
    )

    assert serve(path, images)["probabilities"].dtype == "float32"


def test_export_names_neither_keras_classes_nor_ours(exported):
    program = (exported.path / "saved_model.pb").read_bytes()

    assert b"aet_keras" not in program
    assert b"_tf_keras" not in program  # what asks a loader for Keras


BAD_NAMES = {
    "line break": (["a\nb", "c", "d"], "one line of text"),
    "carriage return": (["a\r", "c", "d"], "one line of text"),
    "empty": (["", "c", "d"], "one line of text"),
    "no text": (["a\udcff", "c", "d"], "one line of text"),
    "twice": (["a", "c", "a"], "must differ"),
    "too few": (["a", "c"], "name each column"),
}


@pytest.mark.parametrize("case", BAD_NAMES)
def test_names_that_cannot_be_served_are_refused(classifier, tmp_path, case):
    names, advice = BAD_NAMES[case]

    with pytest.raises(ValueError, match=advice):
        write_image_model(classifier, tmp_path / "1", class_names=names)

    assert not os.listdir(tmp_path)


def test_images_of_open_size_are_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)

    with pytest.raises(ValueError, match="images of one size"):
        write_image_model(keras.Model(inputs, x), tmp_path, class_names=NAMES)


def test_two_inputs_are_refused(tmp_path):
    inputs = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    x = keras.layers.Flatten()(keras.layers.add(inputs))

    with pytest.raises(ValueError, match="with 2 inputs"):
        write_image_model(keras.Model(inputs, x), tmp_path, class_names=NAMES)


def test_subclassed_model_is_refused(tmp_path):
    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="Wrap what you serve"):
        write_image_model(Own(), tmp_path, class_names=NAMES)


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (np.zeros((2, 9, 8, 3)), "Resize them"),
        (np.zeros((8, 8, 3)), "Add the axis"),
        (np.zeros((0, 8, 8, 3)), "Add the axis"),
    ],
    ids=["other size", "no batch", "none"],
)
def test_images_that_are_not_the_models_are_refused(
    classifier, tmp_path, images, advice
):
    with pytest.raises(ValueError, match=advice):
        write_image_model(
            classifier, tmp_path / "1", class_names=NAMES, images=images
        )

    assert not os.listdir(tmp_path)
