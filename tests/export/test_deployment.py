"""Would TensorFlow Serving start with what is written for it?"""

import http.server
import json
import shutil
import subprocess
import threading

import numpy as np
import pytest
import table_data
import tensorflow as tf
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from aet_keras import data, export
from aet_keras.errors import ExportError
from aet_keras.export import write_deployment
from aet_keras.publishing import publish


@pytest.fixture
def folder(exported, tmp_path):
    """Returns a folder called `clothes` with the export as version 1."""

    def write(aside):
        shutil.copytree(exported.path, aside, dirs_exist_ok=True)

    publish(tmp_path / "clothes", write)
    return tmp_path / "clothes"


def test_all_that_a_server_is_started_with_is_there(folder):
    target = write_deployment(folder)

    assert target == folder / "serving"
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "batching.config",
        "client_grpc.py",
        "client_rest.py",
        "docker-compose.yml",
        "models.config",
    ]
    for path in target.iterdir():
        text = path.read_text()
        assert "$name" not in text and "NAME" not in text
        assert path.name == "batching.config" or "clothes" in text


def test_models_config_is_tensorflow_servings_own(folder):
    text = (write_deployment(folder) / "models.config").read_text()

    config = text_format.Parse(
        text, model_server_config_pb2.ModelServerConfig()
    )

    (model,) = config.model_config_list.config
    assert model.name == "clothes"
    assert model.base_path == "/models/clothes"
    assert model.model_platform == "tensorflow"
    assert model.model_version_policy.latest.num_versions == 1


def batching_parameters():
    """Returns the message of `session_bundle_config.proto`, made here.

    The package of protobufs does not hold it. Field by field as in
    tensorflow_serving/servables/tensorflow/session_bundle_config.proto.
    """
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto",
        package="test",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")
    wrapped = [
        ("max_batch_size", 1, "Int64Value"),
        ("batch_timeout_micros", 2, "Int64Value"),
        ("max_enqueued_batches", 3, "Int64Value"),
        ("num_batch_threads", 4, "Int64Value"),
        ("thread_pool_name", 5, "StringValue"),
    ]
    for name, number, kind in wrapped:
        message.field.add(
            name=name,
            number=number,
            label=field.LABEL_OPTIONAL,
            type=field.TYPE_MESSAGE,
            type_name=f".google.protobuf.{kind}",
        )
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName("test.BatchingParameters")
    return message_factory.GetMessageClass(found)()


def test_batching_config_is_tensorflow_servings_own(folder):
    text = (write_deployment(folder) / "batching.config").read_text()

    batching = text_format.Parse(text, batching_parameters())

    assert batching.max_batch_size.value == 32
    assert 0 < batching.batch_timeout_micros.value < 100_000
    assert batching.max_enqueued_batches.value > 0


@pytest.fixture
def compose(folder):
    """Returns the one service that `docker compose` would start."""
    yaml = pytest.importorskip("yaml", reason="no parser of YAML is installed")
    text = (write_deployment(folder) / "docker-compose.yml").read_text()
    return yaml.safe_load(text)["services"]["serving"]


def test_compose_mounts_what_the_configuration_names(folder, compose):
    mounted = {v["target"]: v["source"] for v in compose["volumes"]}

    assert mounted == {"/models/clothes": "..", "/serving": "."}
    assert all(volume["read_only"] for volume in compose["volumes"])
    for option in compose["command"]:
        name, _, value = option.partition("=")
        assert name.startswith("--") and value
        if value.startswith("/"):
            assert (folder / value.lstrip("/")).is_file()
    assert compose["image"].startswith("tensorflow/serving:")


def test_both_ports_are_open_to_this_machine_alone(compose):
    assert compose["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


def answering(state):
    """Starts a server that says so of any model; returns it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f'{{"model_version_status": [{{"state": "{state}"}}]}}'
            known = self.path == "/v1/models/clothes"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(body.encode() if known else b"{}")

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(("state", "code"), [("AVAILABLE", 0), ("LOADING", 1)])
def test_the_health_check_tells_whether_the_model_is_served(
    compose, state, code
):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash, which the image has")
    kind, *command = compose["healthcheck"]["test"]
    server = answering(state)
    here = command[-1].replace("/8501", f"/{server.server_port}")

    done = subprocess.run([*command[:-1], here], timeout=10)

    server.shutdown()
    server.server_close()
    assert kind == "CMD" and command[:2] == ["bash", "-c"]
    assert done.returncode == code


@pytest.mark.parametrize("client", ["client_rest.py", "client_grpc.py"])
def test_a_client_is_a_program_of_its_own(folder, client):
    text = (write_deployment(folder) / client).read_text()

    compile(text, client, "exec")

    assert "aet_keras" not in text
    assert 'MODEL = "clothes"' in text


def test_writing_again_changes_nothing(folder):
    target = write_deployment(folder)
    before = {path.name: path.read_bytes() for path in target.iterdir()}

    write_deployment(folder)

    assert before == {p.name: p.read_bytes() for p in target.iterdir()}


def test_a_file_that_somebody_changed_is_not_written_over(folder):
    batching = write_deployment(folder) / "batching.config"
    batching.write_text("max_batch_size { value: 8 }")

    with pytest.raises(ExportError, match="`batching.config`, changed since"):
        write_deployment(folder)

    assert batching.read_text() == "max_batch_size { value: 8 }"


@pytest.mark.parametrize("name", ["a:b", "two words", "$HOME", "帽子", "-x"])
def test_a_name_that_cannot_stand_in_an_address_is_refused(folder, name):
    with pytest.raises(ExportError, match="Rename the folder"):
        write_deployment(folder.rename(folder.with_name(name)))


def test_a_version_that_is_not_as_published_is_refused(folder):
    (folder / "1" / "assets" / "labels.txt").write_text("a\nb\nc\n")

    with pytest.raises(ExportError, match="differ: `assets/labels.txt`"):
        write_deployment(folder)

    assert not (folder / "serving").exists()


def test_a_version_without_requests_is_refused(folder):
    publish(folder, lambda aside: (aside / "saved_model.pb").touch())

    with pytest.raises(ExportError, match="because it shows how the model is"):
        write_deployment(folder)


def test_a_model_of_rows_is_asked_with_a_row_that_it_takes(tmp_path):
    path = table_data.write_table(tmp_path / "credit.csv")
    _, dataset, model = table_data.build_model(path)
    about = {"specification": dataset.specification}
    rows = dataset.test.inputs
    publish(
        tmp_path / "credit",
        lambda aside: export.write_table_model(
            model, aside, rows=rows, **about
        ),
    )

    target = write_deployment(tmp_path / "credit")

    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "batching.config",
        "docker-compose.yml",
        "models.config",
        "request.json",
    ]
    (row,) = json.loads((target / "request.json").read_text())["instances"]
    loaded = tf.saved_model.load(str(tmp_path / "credit" / "1"))
    answer = loaded.signatures["serving_default"](
        **{name: tf.constant([value]) for name, value in row.items()}
    )
    first = {name: values[:1] for name, values in rows.items()}
    np.testing.assert_allclose(
        answer["probabilities"], model(data.as_tensors(first)), atol=1e-5
    )


def test_a_folder_without_versions_is_refused(tmp_path):
    with pytest.raises(ExportError, match="was given as `--out`"):
        write_deployment(tmp_path)
