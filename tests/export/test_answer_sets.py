"""Does a SavedModel answer with the sets that were calibrated?"""

import keras
import numpy as np
import table_data
import tensorflow as tf

from aet_keras import data, export
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


def test_columns_of_any_name_are_answered_with_sets(tmp_path):
    path = tmp_path / "credit.csv"
    table_data.write_table(path)
    text = path.read_text("utf-8")
    path.write_text(text.replace("age,branch,opened", "Age,class,self"))
    _, dataset, model = table_data.build_model(str(path))
    rows = dataset.test.inputs

    export.write_table_model(
        model,
        tmp_path / "1",
        specification=dataset.specification,
        rows=rows,
        guarantee=Guarantee(0.9, 0.3, 40, "classes"),
    )

    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    raw = export.table_graph.raw(rows, dataset.specification)
    given = {k: export.table_graph.tensor(v) for k, v in raw.items()}
    answer = served["serving_default"](**given)
    assert set(given) == {"Age", "column_class", "column_self"}
    expected = model(data.as_tensors(rows))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
