"""What is left of a finished report, and of hyperparameters?"""

import numpy as np
import pytest
import tensorflow as tf
import tracker_files
from tensorboard.plugins.hparams import api_pb2, metadata

from aet_keras import evaluation
from aet_keras.tracking import TensorBoard, _records


def scores(names):
    """Returns the figures of a classifier that takes 0 for 1 once."""
    random = np.random.default_rng(0)
    labels = np.arange(3 * len(names)) % len(names)
    taken = labels.copy()
    taken[0] = 1
    probabilities = np.eye(len(names))[taken] + random.uniform(
        0, 0.01, (len(labels), len(names))
    )
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return evaluation.measure_classification(
        labels, probabilities, class_names=names
    )


def report(names=("hat", "shoe", "a|b")):
    return evaluation.Report(
        "clothes",
        "2026-01-31T12:00:00",
        scores(names),
        history={"loss": [0.7, 0.6]},
        best_epoch=2,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Returns what stands in the run `report`."""
    folder = tmp_path_factory.mktemp("logs")
    TensorBoard(folder).record_report(report())
    return tracker_files.read_tensors(folder / "report")


def test_a_report_is_a_chart_a_text_and_a_matrix_of_the_kept_epoch(written):
    assert set(written) == {
        "report",
        "report_text",
        "confusion_matrix",
        "confusion_matrix_table",
    }
    assert all(list(points) == [2] for points in written.values())


def test_the_text_is_what_a_person_reads_in_the_terminal(written):
    (text,) = written["report_text"].values()

    lines = text.item().decode().splitlines()
    expected = [f"    {line}" for line in report().to_text().splitlines()]
    assert lines == expected


def test_the_matrix_is_a_table_and_a_chart(written):
    (table,) = written["confusion_matrix_table"].values()
    (chart,) = written["confusion_matrix"].values()

    head, _, first, *_ = table.item().decode().splitlines()
    assert head == "true \\ predicted | hat | shoe | a\\|b"
    assert first == "**hat** | 2 | 1 | 0"
    pixels = tf.io.decode_png(chart[2]).numpy()  # width, height, bytes
    assert pixels.shape[0] > 300 and np.ptp(pixels) > 200


def test_the_chart_that_is_given_is_the_one_shown(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), "uint8")
    path = tmp_path / "report.png"
    path.write_bytes(tf.io.encode_png(pixels).numpy())

    TensorBoard(tmp_path).record_report(report(), chart=path)

    (shown,) = tracker_files.read_tensors(tmp_path / "report")[
        "report"
    ].values()
    np.testing.assert_array_equal(tf.io.decode_png(shown[2]), pixels)


def test_many_classes_are_drawn_without_names_and_listed_by_their_errors():
    many = scores([f"class {index}" for index in range(60)])

    table = _records.matrix_table(many)

    assert "class 0" in table and " | " not in table
    assert tf.io.decode_png(_records.matrix_png(many)).shape[0] > 1000


def test_hyperparameters_stand_in_the_table_of_tensorboard(tmp_path):
    board = TensorBoard(tmp_path)
    values = {"rate": np.float32(0.5), "units": 8, "graft": None, "on": True}

    board.record_hparams(values, {"test_accuracy": 0.75})

    content = tracker_files.read_plugin_content(
        tmp_path, metadata.SESSION_START_INFO_TAG
    )
    hparams = metadata.parse_session_start_info_plugin_data(content).hparams
    assert hparams["rate"].number_value == 0.5
    assert hparams["units"].number_value == 8
    assert hparams["graft"].string_value == "None"
    assert hparams["on"].bool_value is True
    assert tracker_files.read_scalars(tmp_path)["test_accuracy"] == {0: 0.75}
    content = tracker_files.read_plugin_content(
        tmp_path, metadata.SESSION_END_INFO_TAG
    )
    ended = metadata.parse_session_end_info_plugin_data(content)
    assert ended.status == api_pb2.STATUS_SUCCESS


def test_a_recommender_has_a_chart_and_a_text_and_no_matrix(
    tmp_path, rating_report
):
    board = TensorBoard(tmp_path)

    board.record_report(rating_report)

    assert board.failure is None
    found = tracker_files.read_tensors(tmp_path / "report")
    assert set(found) == {"report", "report_text"}
    (text,) = found["report_text"].values()
    assert "1.2" in text.item().decode()


def test_a_report_that_cannot_be_written_breaks_nothing(tmp_path):
    board = TensorBoard(tmp_path / "file")
    (tmp_path / "file").touch()

    with pytest.warns(UserWarning, match="nothing more is written"):
        board.record_report(report())
    board.record_hparams({"rate": 1}, {})  # the second is silent

    assert board.failure
