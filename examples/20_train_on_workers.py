"""How does one script train on a laptop, and on several machines together?

    python examples/20_train_on_workers.py

`aet_keras.scope()` is all there is to it. Alone, the script trains in one
process. Started on each of several machines, with `TF_CONFIG` naming them all,
it trains on all of them, each with its share of every batch, and ends with the
same weights. Takes seconds, and prints a validation accuracy above 0.9.

On one machine, for the command: `aet-keras fit DATA --workers 2 --out OUT`.

On Kubernetes, with a headless Service `train` (selector `job-name: train`):

    apiVersion: batch/v1
    kind: Job
    metadata: {name: train}
    spec: {completions: 2, parallelism: 2, completionMode: Indexed, template:
      {spec: {subdomain: train, restartPolicy: OnFailure, containers: [{
        name: train, image: IMAGE, command: [sh, -c, 'export TF_CONFIG="{
          \\"cluster\\": {\\"worker\\": [\\"train-0.train:2222\\",
          \\"train-1.train:2222\\"]}, \\"task\\": {\\"type\\": \\"worker\\",
          \\"index\\": $JOB_COMPLETION_INDEX}}"; exec python train.py']}]}}}

On Vertex AI, which sets `TF_CONFIG` itself:

    gcloud ai custom-jobs create --region=REGION --display-name=train \\
      --worker-pool-spec=replica-count=1,machine-type=M,container-image-uri=I \\
      --worker-pool-spec=replica-count=1,machine-type=M,container-image-uri=I

Saves go to a folder that all machines share (a volume; `/gcs/BUCKET`). Tried:
processes of one machine. Not tried: Kubernetes, Vertex AI, real networks.
"""

import argparse
import json
import os
import pathlib
import tempfile

import keras

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
parser.add_argument("--saves", metavar="FOLDER", help="shared by all machines")
args = parser.parse_args()

# Settings.
size = 8
train_count = 64 if args.smoke else None  # None: all
epochs = 2 if args.smoke else 30
batch_size = 64  # of all machines together
seed = 0

# The same seed everywhere: all machines must see the same order of rows.
keras.utils.set_random_seed(seed)
with aet_keras.scope():
    backbone = keras.Sequential(
        [keras.layers.Conv2D(32, 3, activation="relu") for _ in range(3)],
        name="yours",
    )
    pixels = keras.Input((size, size, 3))
    x = backbone(keras.layers.Rescaling(1 / 127.5, offset=-1.0)(pixels))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, keras.layers.Dense(10, "softmax")(x))
    model.compile(
        keras.optimizers.Adam(0.005),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

digits = aet_keras.data.read_digits(image_size=(size, size), seed=seed)
with tempfile.TemporaryDirectory() as folder:
    model.fit(
        digits.train.inputs[:train_count],
        digits.train.labels[:train_count],
        validation_data=(digits.validation.inputs, digits.validation.labels),
        batch_size=batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[
            aet_keras.callbacks.ElasticFreezing(
                aet_keras.policies.ThawAll(), backbone="yours"
            ),
            aet_keras.callbacks.AdaptiveLearningRate(),
            # A group that is started again goes on from here.
            aet_keras.callbacks.ElasticCheckpoint(args.saves or folder),
        ],
    )
# Every machine measures together; one of them writes.
loss, accuracy = model.evaluate(
    digits.validation.inputs, digits.validation.labels, verbose=0
)
task = json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {})
is_first = task.get("index", 0) == 0 and task.get("type") != "evaluator"
if is_first:
    print(f"validation accuracy {accuracy:.3f}")
    if args.saves:
        model.save(pathlib.Path(args.saves) / "model.keras")
