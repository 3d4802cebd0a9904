"""Does a served table model say of raw cells what Keras says?"""

import dataclasses
import json

import keras
import numpy as np
import pytest
import table_data
import tensorflow as tf

from aet_keras import data, export, publishing
from aet_keras.data import date_cells
from aet_keras.errors import ExportError
from aet_keras.export import table_graph
from aet_keras.publishing.manifest import write_manifest


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Returns a directory, its model and the data set it learned."""
    folder = tmp_path_factory.mktemp("table")
    path = table_data.write_table(folder / "credit.csv")
    _, dataset, model = table_data.build_model(path)
    network = model.get_layer("network")
    change = network.get_layer("change")
    change.set_weights([np.random.normal(size=change.kernel.shape)])
    export.write_table_model(
        model,
        folder / "1",
        specification=dataset.specification,
        rows=dataset.test.inputs,
    )
    return folder / "1", model, dataset


def test_a_served_model_agrees_on_odd_cells_too(published):
    directory, model, _ = published
    served = tf.saved_model.load(directory).signatures["serving_default"]
    days = np.float32([19783, np.nan, 19784])  # 2024-03-01 is 19783

    answer = served(
        age=tf.constant([33.0, np.nan, 90.0]),
        branch=tf.constant(["south", "", "a town nobody knows"]),
        opened=tf.constant(["2024-03-01", "", "2024/3/2 08:00"]),
    )

    cells = {
        "age": np.float32([33, np.nan, 90]),
        "branch": np.array(["south", "", "a town nobody knows"], object),
        "opened": days,
    }
    expected = model(data.as_tensors(cells))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert answer["classes"].numpy().tolist() == [[b"no", b"yes"]] * 3


def test_a_number_that_nobody_expected_is_answered(published):
    directory, _, _ = published
    served = tf.saved_model.load(directory).signatures["serving_default"]

    answer = served(
        age=tf.constant([1e20, -9.96921e36, 1e6]),
        branch=tf.constant(["south"] * 3),
        opened=tf.constant([""] * 3),
    )

    assert np.isfinite(answer["probabilities"]).all()


def test_examples_may_leave_cells_out(published):
    directory, model, _ = published
    serve = tf.saved_model.load(directory).signatures["classify"]
    example = tf.train.Example()
    example.features.feature["age"].float_list.value.append(33.0)

    answer = serve(inputs=tf.constant([example.SerializeToString()]))

    cells = {
        "age": np.float32([33]),
        "branch": np.array([""], object),
        "opened": np.float32([np.nan]),
    }
    expected = model(data.as_tensors(cells))
    np.testing.assert_allclose(answer["scores"], expected, atol=1e-5)


def test_the_comparison_counts_two_odd_rows_and_is_telling(published):
    directory, model, dataset = published

    compared = export.compare_table_export(
        directory,
        model,
        dataset.test.inputs,
        specification=dataset.specification,
    )

    assert compared.difference < 1e-5 and compared.is_telling
    assert compared.count == dataset.test.count + 2


def test_what_was_learned_of_categories_comes_back(published):
    directory, model, _ = published

    found = export.table_manifest.read_categories(directory)

    lookup = model.get_layer("branch_preprocessor")
    learned = lookup.get_vocabulary(include_special_tokens=False)
    assert found == {"branch": learned} and learned


def test_the_specification_comes_back_from_the_manifest(published):
    directory, _, dataset = published

    assert (
        export.table_manifest.read_table_manifest(directory)
        == dataset.specification
    )
    said = json.loads((directory / "manifest.json").read_text())
    inputs = said["signatures"]["serving_default"]["inputs"]
    assert {k: v["dtype"] for k, v in inputs.items()} == {
        "age": "float32",
        "branch": "string",
        "opened": "string",
    }


def test_warm_up_requests_can_be_run(published):
    directory, _, _ = published
    path = directory / "assets.extra" / "tf_serving_warmup_requests"

    records = list(tf.data.TFRecordDataset(str(path)))

    assert len(records) == 3


def test_another_model_is_an_export_error(published):
    directory, model, dataset = published
    linear = model.get_layer("network").get_layer("linear")
    kernel, bias = linear.get_weights()
    linear.set_weights([kernel, bias + [0, 1]])

    with pytest.raises(ExportError, match="Do not serve it"):
        export.compare_table_export(
            directory,
            model,
            dataset.test.inputs,
            specification=dataset.specification,
        )
    linear.set_weights([kernel, bias])


def test_a_model_of_other_columns_is_refused(published, tmp_path):
    _, _, dataset = published
    cells = keras.Input((1,), name="size")
    model = keras.Model({"size": cells}, keras.layers.Dense(2)(cells))

    with pytest.raises(ValueError, match="build_table_classifier"):
        export.write_table_model(
            model,
            tmp_path,
            specification=dataset.specification,
            rows=dataset.test.inputs,
        )


def test_a_version_of_something_else_is_refused(tmp_path):
    version = publishing.publish(
        tmp_path, lambda d: (d / "saved_model.pb").touch()
    )

    with pytest.raises(ExportError, match="--target"):
        export.table_manifest.read_table_manifest(version)


def test_dates_are_read_as_numpy_reads_them():
    days = np.arange(-200_000, 200_000, 997)
    text = days.astype("datetime64[D]").astype(str)

    found = table_graph.days_of(tf.constant(text.tolist())).numpy()

    np.testing.assert_array_equal(found, days)
    np.testing.assert_array_equal(date_cells.write_days(np.float32(days)), text)


FORMATS = {
    "%d.%m.%Y": ["09.08.2022", "31.02.2022", "9.8.2022 10:15", "2022-08-09"],
    "%m/%d/%y": ["01/31/68", "1/31/69", "31/01/20", "01/31/2020"],
    "%b %d, %Y": ["Jan 01, 2020", "june 1, 2020", "Juno 1, 2020"],
    "%d-%b-%y": ["01-DEC-22", "1-Dec.-22", "01-12-22"],
    "%d.%m.%Y %H:%M": ["09.08.2022 10:15", "09.08.2022"],
    "%Y-%m-%d": ["2020-02-29T23:59:59+02:00", "2020-2-29 1:02 PM", "0000-01-01",
                 "2020.02.29", "2020-02-29 soon", "2020-02-29 10:00 UTC"],
    "": ["2020-02-29 soon", "2020/2/29", "2021-02-29"],
}  # fmt: skip


def test_a_graph_reads_each_format_as_training_does():
    for date_format, texts in FORMATS.items():
        expected = [date_cells.read_day(text, date_format) for text in texts]

        found = table_graph.days_of(tf.constant(texts), date_format)

        np.testing.assert_array_equal(found, np.float32(expected), date_format)
        assert np.isfinite(expected).any() and np.isnan(expected).any()


WORDS = data.specifications.CellFormat(missing=("n/a", "-999"))
SERVED = (
    data.specifications.TableColumn("price", "number", "price", WORDS),
    data.specifications.TableColumn(
        "vip",
        "category",
        "vip",
        dataclasses.replace(WORDS, spellings=("No", "Yes")),
    ),
    data.specifications.TableColumn(
        "day", "date", "day", dataclasses.replace(WORDS, date_format="%d.%m.%Y")
    ),
)


def test_a_served_cell_means_what_it_meant_in_training():
    price, vip, day = (
        lambda cells, column=column: table_graph.read(
            tf.constant(cells), column
        ).numpy()
        for column in SERVED
    )

    np.testing.assert_array_equal(price([1.5, -999.0]), [1.5, np.nan])
    np.testing.assert_array_equal(price([np.inf, -np.inf]), [np.nan, np.nan])
    said = ["n/a", "None", "", "YES", "\u00a0no \n", "-999", " n/a"]
    expected = ["", "None", "", "Yes", "No", "", ""]
    assert [word.decode() for word in vip(said)] == expected
    np.testing.assert_array_equal(
        day(["02.01.1970", "n/a", ""]), np.float32([1, np.nan, np.nan])
    )
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        day(["02.01.1970", "1970-01-02"])
    said = caught.value.message
    assert "`day` must be a date such as 17.03.2024" in said
    assert "1970-01-02" in said


def test_a_manifest_of_an_earlier_release_means_what_it_meant(tmp_path):
    earlier = {"name": "age", "kind": "number", "title": "age"}
    said = {
        "columns": [earlier],
        "class_names": ["no", "yes"],
        "source": "a.csv",
        "target": "paid",
        "positive": "yes",
    }
    write_manifest(tmp_path, {"format": 1, "table": said})

    found = export.table_manifest.read_table_manifest(tmp_path)

    assert "None" in found.columns[0].format.missing
    assert "None" in found.missing


@pytest.mark.parametrize(
    "text", ["", "2023-02-29", "2024-13-01", "2024-00-10", "17.3.2024"]
)
def test_what_is_no_date_is_missing(text):
    assert np.isnan(table_graph.days_of(tf.constant([text])).numpy()).all()
