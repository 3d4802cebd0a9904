"""How does a running `fit` come to use other train functions?"""

import keras


def rebuild_train_function(model: keras.Model) -> None:
    """Makes a train function anew; `fit` takes it from the next batch on.

    A train function holds the trainable map and the optimizer's methods of
    the moment it was traced: without this call a flip does nothing.
    """
    model.make_train_function(force=True)


def forget_train_function(model: keras.Model) -> None:
    """Drops the train function, so that the next `fit` makes its own."""
    model.train_function = None
