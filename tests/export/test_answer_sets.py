"""Does a SavedModel answer with the sets that were calibrated?"""

import keras
import numpy as np
import tensorflow as tf

from aet_keras import export
from aet_keras.evaluation.conformal import Guarantee
from aet_keras.export.image_model import encode_png
from aet_keras.publishing.manifest import read_content


def test_sets_are_in_the_graph_of_each_signature(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3))
    images = images.astype("uint8")
    said = model.predict(images, verbose=0)
    guarantee = Guarantee(0.9, float(np.median(said)), 40, "classes")

    export.write_image_model(
        model,
        tmp_path,
        class_names=["a", "b", "c", "d"],
        images=images,
        guarantee=guarantee,
    )

    served = tf.saved_model.load(str(tmp_path)).signatures
    plain = served["serving_default"](images=tf.constant(images))
    files = served["bytes"](image_bytes=tf.constant(encode_png(images)))
    expected = guarantee.sets(said)
    assert 1 < expected.sum(axis=1).mean() < 4
    assert (plain["in_set"].numpy() == expected).all()
    assert (files["in_set"].numpy() == expected).all()
    about = read_content(tmp_path)
    assert about["guarantee"] == guarantee.to_json()
    outputs = about["signatures"]["serving_default"]["outputs"]
    assert outputs["in_set"]["dtype"] == "bool"
