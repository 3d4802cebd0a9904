"""Asks a server what images show, over gRPC.

pip install tensorflow-serving-api
python client_grpc.py IMAGE.jpg ... [--address 127.0.0.1:8500]
"""

import argparse
import pathlib
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

MODEL = "NAME"
MOST = 32  # `max_batch_size` in batching.config


def ask(service, images):
    """Returns for each image a dict of class to probability, and the answer."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = "bytes"
    encoded = [image.read_bytes() for image in images]
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(encoded))
    outputs = service.Predict(request, timeout=60).outputs
    names = [n.decode() for n in tf.make_ndarray(outputs["classes"])[0]]
    rows = tf.make_ndarray(outputs["probabilities"])
    answers = [names[row.argmax()] for row in rows]
    if "median" in outputs:  # of classes with an order it is the answer
        medians = tf.make_ndarray(outputs["median"])
        answers = [median.decode() for median in medians]
    known = [dict(zip(names, row, strict=True)) for row in rows]
    return zip(known, answers, strict=True)


def main():
    """Prints one line an image."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", nargs="+", type=pathlib.Path)
    parser.add_argument("--address", default="127.0.0.1:8500")
    given = parser.parse_args()
    with grpc.insecure_channel(given.address) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        for first in range(0, len(given.images), MOST):
            batch = given.images[first : first + MOST]
            try:
                found = ask(service, batch)
            except grpc.RpcError as error:
                sys.exit(f"{given.address}: {error.code()}: {error.details()}")
            for image, (known, name) in zip(batch, found, strict=True):
                print(f"{image}  {name}, {known[name]:.1%}")


if __name__ == "__main__":
    main()
