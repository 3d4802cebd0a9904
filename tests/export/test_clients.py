"""Do the clients get their answers out of a server's own messages?"""

import concurrent.futures
import http.server
import json
import runpy
import sys
import threading
from base64 import b64decode

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from aet_keras.export import deployment


@pytest.fixture
def files(exported, tmp_path):
    """Returns the images as PNG files."""
    paths = [tmp_path / f"{row}.png" for row in range(len(exported.images))]
    for path, image in zip(paths, exported.images, strict=True):
        path.write_bytes(tf.io.encode_png(image).numpy())
    return paths


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Returns a function that runs a client and returns what it prints."""

    def run(client, *arguments):
        path = tmp_path / client
        path.write_text(deployment._files("clothes")[client])
        monkeypatch.setattr(sys, "argv", [client, *map(str, arguments)])
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return run


def expected_lines(exported, files):
    for path, row in zip(files, exported.expected, strict=True):
        yield f"{path}  {exported.names[row.argmax()]}, {row.max():.1%}"


@pytest.fixture
def rest(exported):
    """Starts a server that answers as TensorFlow Serving does, over REST."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            if self.path != "/v1/models/clothes:predict":
                return self.answer(404, {"error": "Servable not found"})
            encoded = [b64decode(each["b64"]) for each in body["instances"]]
            try:
                said = exported.call(
                    body["signature_name"], image_bytes=encoded
                )
            except tf.errors.InvalidArgumentError as error:
                return self.answer(400, {"error": error.message})
            rows = [
                {"probabilities": row, "classes": [n.decode() for n in names]}
                for row, names in zip(
                    said["probabilities"].tolist(), said["classes"], strict=True
                )
            ]
            self.answer(200, {"predictions": rows})

        def answer(self, code, body):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def rpc(exported):
    """Starts a server that answers as TensorFlow Serving does, over gRPC."""

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == "clothes"
            given = tf.make_ndarray(request.inputs["image_bytes"])
            try:
                said = exported.call(
                    request.model_spec.signature_name, image_bytes=given
                )
            except tf.errors.InvalidArgumentError as error:
                code = grpc.StatusCode.INVALID_ARGUMENT
                context.abort(code, error.message)
            response = predict_pb2.PredictResponse()
            for key, value in said.items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    pool = concurrent.futures.ThreadPoolExecutor(2)
    server = grpc.server(pool)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Service(), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()
    pool.shutdown()


def test_rest_names_each_image(run, rest, files, exported):
    lines = run("client_rest.py", *files, "--url", rest)

    assert lines == list(expected_lines(exported, files))


def test_rest_sends_no_more_than_a_batch(run, rest, files, exported):
    lines = run("client_rest.py", *(files * 8), "--url", rest)

    assert lines == list(expected_lines(exported, files)) * 8


def test_rest_says_what_the_server_says(run, rest, files):
    files[0].write_bytes(b"no image")

    with pytest.raises(SystemExit, match="(?s)400: .*JPEG or PNG"):
        run("client_rest.py", *files, "--url", rest)


def test_rest_says_that_nobody_answers(run, files):
    with pytest.raises(SystemExit, match="http://127.0.0.1:9: .*refused"):
        run("client_rest.py", *files, "--url", "http://127.0.0.1:9")


def test_grpc_names_each_image(run, rpc, files, exported):
    lines = run("client_grpc.py", *files, "--address", rpc)

    assert lines == list(expected_lines(exported, files))


def test_grpc_says_what_the_server_says(run, rpc, files):
    files[0].write_bytes(b"no image")

    with pytest.raises(SystemExit, match="(?s)INVALID_ARGUMENT: .*JPEG or PNG"):
        run("client_grpc.py", *files, "--address", rpc)


def test_a_response_survives_the_wire(exported):
    response = predict_pb2.PredictResponse()
    value = tf.make_tensor_proto(exported.expected)
    response.outputs["probabilities"].CopyFrom(value)

    again = predict_pb2.PredictResponse.FromString(response.SerializeToString())

    said = tf.make_ndarray(again.outputs["probabilities"])
    np.testing.assert_array_equal(said, exported.expected)
