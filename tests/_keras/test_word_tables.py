"""Is the table found that looks up what a text is counted by?"""

import keras
import tensorflow as tf

from aet_keras._keras.word_tables import word_tables


def test_a_table_knows_the_vocabulary():
    text = keras.Input((1,), dtype="string")
    count = keras.layers.TextVectorization(
        vocabulary=["red", "hat"], output_mode="count"
    )
    model = keras.Model(text, count(text))

    (table,) = word_tables(model)

    found = table.lookup(tf.constant(["red", "hat", "shoe"])).numpy()
    assert found[0] != found[1] and found[2] not in found[:2]
