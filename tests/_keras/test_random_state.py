import json
import random

import keras
import numpy as np
import tensorflow as tf

from aet_keras._keras import random_state


def draw():
    return [
        random.random(),
        float(np.random.normal()),
        float(tf.random.normal(())),
        float(keras.random.normal(())),
    ]


def test_all_that_is_random_comes_back_through_json():
    keras.utils.set_random_seed(3)
    draw()
    state = json.loads(json.dumps(random_state.read()))
    expected = [draw(), draw()]

    random_state.write(state)

    assert [draw(), draw()] == expected
