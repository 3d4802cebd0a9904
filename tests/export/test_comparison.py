import image_models
import keras
import numpy as np
import pytest
import tensorflow as tf

from aet_keras.errors import ExportError
from aet_keras.export import compare_image_export, write_image_model
from aet_keras.export.comparison import Comparison

NAMES = ["hat", "shoe", "coat"]


@pytest.fixture(scope="module")
def result(exported):
    """Returns how an export compares with its model."""
    return compare_image_export(exported.path, exported.model, exported.images)


@pytest.fixture(scope="module")
def quick(exported, tmp_path_factory):
    """Returns an export of that model which is loaded and compared fast."""
    path = tmp_path_factory.mktemp("quick") / "1"
    with pytest.MonkeyPatch.context() as patch:
        image_models.export_shortly(patch)
        return write_image_model(exported.model, path, class_names=NAMES)


def test_export_agrees_with_its_model(result):
    assert result.difference < 1e-6
    assert result.count == 5
    assert result.is_telling
    assert "on 5 images" in result.to_text()


def test_spread_is_the_widest_gap_between_two_images(exported, result):
    rows = exported.expected
    gaps = [np.abs(a - b).max() for a in rows for b in rows]
    assert result.spread == pytest.approx(max(gaps), abs=1e-6)


@pytest.mark.usefixtures("short_decoder")
def test_flat_outputs_are_called_so(classifier, images, tmp_path):
    kernel, bias = classifier.layers[-1].get_weights()
    classifier.layers[-1].set_weights([0 * kernel, bias])
    write_image_model(classifier, tmp_path, class_names=NAMES)

    result = compare_image_export(tmp_path, classifier, images)

    assert not result.is_telling
    assert "proves little" in result.to_text()


def moved_on(model, step):
    """Returns a copy of a model whose last bias is another."""
    moved = keras.models.clone_model(model)
    moved.set_weights(model.get_weights())
    kernel, bias = moved.layers[-1].get_weights()
    moved.layers[-1].set_weights([kernel, bias + step])
    return moved


def test_model_that_moved_on_is_noticed(exported, quick, images):
    model = moved_on(exported.model, [0.01, 0, 0])

    with pytest.raises(ExportError, match="differs from the model by .*e-0"):
        compare_image_export(quick, model, images)
    assert compare_image_export(quick, model, images, tolerance=0.1)


def test_decoding_that_moved_on_is_noticed(
    exported, quick, images, monkeypatch
):
    def dim(images):
        return [tf.io.encode_png(each // 2).numpy() for each in images]

    monkeypatch.setattr("aet_keras.export.comparison.encode_png", dim)

    with pytest.raises(ExportError, match="for the PNG files of 5, most on"):
        compare_image_export(quick, exported.model, images)


def test_other_shape_is_noticed(exported, quick, images):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    other = keras.Model(inputs, keras.layers.Dense(4)(x))

    with pytest.raises(ExportError, match=r"shape \(5, 3\), the model \(5, 4"):
        compare_image_export(quick, other, images)


def test_numbers_that_are_not_finite_are_noticed(exported, quick, images):
    model = moved_on(exported.model, np.nan)

    with pytest.raises(ExportError, match="the model puts out 15 of 15"):
        compare_image_export(quick, model, images)


def test_folder_without_export_is_an_export_error(classifier, images, tmp_path):
    with pytest.raises(ExportError, match="no SavedModel could be loaded"):
        compare_image_export(tmp_path, classifier, images)


def test_export_of_another_kind_is_refused(classifier, images, tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))

    with pytest.raises(ExportError, match="Write it with `write_image_model`"):
        compare_image_export(tmp_path, classifier, images)


def test_floats_are_compared_as_whole_pixels(exported, quick, images):
    floats = images + 0.3

    assert compare_image_export(quick, exported.model, floats).is_telling


@pytest.mark.usefixtures("short_decoder")
def test_rounding_of_xla_is_not_taken_for_a_difference(images, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for _ in range(4):
        x = keras.layers.Conv2D(16, 3, padding="same", activation="gelu")(x)
        x = keras.layers.BatchNormalization()(3 * x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    model.compile(jit_compile=True)
    write_image_model(model, tmp_path, class_names=NAMES)

    result = compare_image_export(tmp_path, model, images)

    assert result.difference < 1e-5


def test_images_must_come_as_a_batch(classifier, images, tmp_path):
    with pytest.raises(ValueError, match="count, height, width, channels"):
        compare_image_export(tmp_path, classifier, images[0])


def test_comparison_of_many_reads_as_a_sentence():
    text = Comparison(difference=3e-8, count=32, spread=0.5).to_text()

    assert text == "The export agrees with the model to 3.0e-08 on 32 images."
