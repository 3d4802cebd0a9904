"""Calls layers one by one as their model would."""

import keras


class Context(keras.layers.Layer):
    """Calls a function where layers see `training` as inside their model."""

    def __init__(self, model):
        super().__init__(name="graph", dtype=model.dtype_policy, autocast=False)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True

    def call(self, tensors, run, training=None):
        return run(tensors, training)
