"""Does `val_loss` keep its penalties while groups freeze and thaw?"""

import keras
import numpy as np
import pytest
from replay_runs import batches, build_backbone, check_equal, noise_rows, run

STRENGTH = 3.0


def _penalised():
    """Returns a compiled model whose groups `b` and `c` have penalties."""
    base = build_backbone()
    for name in ("b", "c"):
        kernel = base.get_layer(name).kernel
        kernel.regularizer = keras.regularizers.L2(STRENGTH)
    model = keras.Sequential(
        [keras.Input((8,)), base, keras.layers.Dense(3, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def _evaluated():
    """Returns the same, its test function traced before anything froze."""
    model = _penalised()
    model.evaluate(*noise_rows(), verbose=0)
    return model


@pytest.fixture(scope="module")
def runs():
    """Returns a plain run and a replayed one, in which `c` thaws."""
    return [
        run(make, cache=cache, validation_data=batches())
        for make, cache in ((_evaluated, None), (_penalised, "memory"))
    ]


def test_replay_logs_what_a_plain_fit_does(runs):
    check_equal(*runs)
    assert runs[1].cached == [3, 3, 2]


def test_a_thaw_does_not_raise_the_validation_loss(runs):
    kernel = runs[1].model.layers[0].get_layer("c").kernel
    penalty = STRENGTH * float((np.array(kernel) ** 2).sum())

    before, after = (runs[1].logs["val_loss"][epoch] for epoch in (1, 2))

    # Keras's `loss` has the penalty of what moves, as it ought to.
    assert runs[1].logs["loss"][2] > before + penalty / 2
    assert after < before + penalty / 10


def test_after_fit_evaluate_has_the_penalties_of_then(runs):
    for each in runs:
        found = each.model.evaluate(*noise_rows(), verbose=0)

        kernel = each.model.layers[0].get_layer("c").kernel
        penalty = STRENGTH * float((np.array(kernel) ** 2).sum())
        expected = each.logs["val_loss"][-1] + penalty
        assert found == pytest.approx(expected, rel=1e-5)
