"""Are the request logs of TensorFlow Serving read row by row?"""

import gzip
import os

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from aet_keras.data import recorded_rows
from aet_keras.data.recorded_rows import is_recorded, read_recorded_rows
from aet_keras.errors import DataError

SCORES = np.array([[0.25, 0.75], [1, 0]], "float32")
NAMES = np.array([[b"a", b"b"]] * 2, object)


def log(inputs, *, time=0, outputs=None, version=3):
    """Returns the record of a predict request, as the server makes it."""
    made = prediction_log_pb2.PredictionLog()
    made.log_metadata.timestamp_secs = time
    made.log_metadata.model_spec.name = "clothes"
    mine = made.predict_log
    if outputs is None:
        outputs = {"probabilities": SCORES, "classes": NAMES}
    for key, value in inputs.items():
        mine.request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    for key, value in outputs.items():
        mine.response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    mine.response.model_spec.version.value = version
    return made


def write(path, *logs, compression=None):
    with tf.io.TFRecordWriter(os.fspath(path), compression) as writer:
        for each in logs:
            writer.write(each.SerializeToString())
    return path


def ids(path, **more):
    return [row.id for row in read_recorded_rows(path, **more)]


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_a_request_is_read_row_by_row(tmp_path, compression):
    images = np.arange(24, dtype="uint8").reshape(2, 2, 2, 3)
    file = tmp_path / "requests.log"
    write(file, log({"images": images}, time=5), compression=compression)

    first, second = read_recorded_rows(file)

    assert (first.id, second.id) == ("requests.log:0-0", "requests.log:0-1")
    assert (first.time, first.version) == (5.0, 3)
    np.testing.assert_array_equal(second.inputs["images"], images[1])
    assert list(second.outputs) == ["probabilities"]
    np.testing.assert_array_equal(second.outputs["probabilities"], [1, 0])


def test_cells_and_files_are_what_an_instance_has(tmp_path):
    inputs = {
        "image_bytes": [b"\xff\xd8", b"a"],
        "job": ["é".encode(), b"\xff"],
        "age": np.array([31.5, 2], "float32"),
    }

    first, second = read_recorded_rows(write(tmp_path / "a", log(inputs)))

    assert first.inputs == {"age": 31.5, "image_bytes": b"\xff\xd8", "job": "é"}
    assert second.inputs == {"age": 2.0, "image_bytes": b"a", "job": b"\xff"}


def test_a_folder_is_read_by_time_and_has_the_time_of_its_files(tmp_path):
    texts = {"texts": [b"one", b"two"]}
    write(tmp_path / "b-00001", log(texts, time=20), log(texts, time=10))
    late = write(tmp_path / "a-00000", log(texts))
    os.utime(late, (15, 15))
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".hidden").write_bytes(b"no log")
    (tmp_path / "c-00002").touch()  # nothing was asked yet
    said = []

    rows = read_recorded_rows(tmp_path, say=said.append)

    assert [row.time for row in rows] == [10, 10, 15, 15, 20, 20]
    assert rows[0].id == "b-00001:1-0"
    assert not said


def test_a_request_without_a_response_has_no_outputs(tmp_path):
    asked = log({"texts": [b"one"]}, outputs={})
    asked.predict_log.ClearField("response")
    asked.predict_log.request.model_spec.version.value = 7

    (row,) = read_recorded_rows(write(tmp_path / "a", asked))

    assert (row.outputs, row.version) == ({}, 7)


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_what_is_before_the_damage_is_read(tmp_path, compression):
    texts = np.random.default_rng(0).bytes(3000)
    logs = [log({"texts": [texts, texts]}) for _ in range(3)]
    file = write(tmp_path / "a", *logs, compression=compression)
    file.write_bytes(file.read_bytes()[:-50])
    said = []

    found = ids(file, say=said.append)

    assert found == ["a:0-0", "a:0-1", "a:1-0", "a:1-1"]
    assert "4 rows could be read, not all" in said[0]
    assert "half-written after 2 records" in said[0]


def test_records_that_are_no_predict_requests_are_counted(tmp_path):
    classify = prediction_log_pb2.PredictionLog()
    classify.classify_log.request.model_spec.name = "clothes"
    uneven = log({"texts": [b"one"]})
    good = log({"texts": [b"one", b"two"]})
    other = prediction_log_pb2.PredictionLog
    file = write(tmp_path / "a", classify, uneven, good, other())
    said = []

    found = ids(file, say=said.append)

    assert found == ["a:2-0", "a:2-1"]
    assert "record 1" in said[0] and "differ in their number of rows" in said[0]
    assert "2 records of other calls" in said[0]


def test_other_files_among_logs_are_named(tmp_path):
    write(tmp_path / "a", log({"texts": [b"one", b"two"]}))
    (tmp_path / "b.txt").write_text("hello")
    said = []

    assert len(ids(tmp_path, say=said.append)) == 2
    assert "b.txt is no log of requests" in said[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"hello, this is a text", b"\x1f\x8bno gzip", b"\0" * 100, b"\xff"],
    ids=["empty", "text", "damaged gzip", "zeros", "a byte"],
)
def test_other_files_are_no_logs(tmp_path, content):
    (tmp_path / "a").write_bytes(content)

    assert not is_recorded(tmp_path / "a")
    assert not is_recorded(tmp_path)
    with pytest.raises(DataError, match="TFRecord file of `PredictionLog`"):
        read_recorded_rows(tmp_path / "a")


def test_tfrecords_of_examples_are_no_logs(tmp_path):
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x" * 9]))
    features = tf.train.Features(feature={"image": feature})
    write(tmp_path / "a", tf.train.Example(features=features))

    assert not is_recorded(tmp_path / "a")
    assert is_recorded(write(tmp_path / "b", log({"texts": [b"1", b"2"]})))
    packed = tmp_path / "c.gz"
    packed.write_bytes(gzip.compress((tmp_path / "b").read_bytes()))
    assert is_recorded(packed)


def test_without_the_serving_api_it_is_said_what_installs_it(
    tmp_path, monkeypatch
):
    file = write(tmp_path / "a", log({"texts": [b"one", b"two"]}))

    def refuse(name, *, extra):
        raise ImportError(f"{name}: `pip install aet-keras[{extra}]`")

    monkeypatch.setattr(recorded_rows.serving_logs, "optional", refuse)

    assert is_recorded(file)
    with pytest.raises(ImportError, match=r"prediction_log_pb2.*\[training\]"):
        read_recorded_rows(file)
