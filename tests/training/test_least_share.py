import numpy as np

from aet_keras.training._least_share import least_share


def test_the_first_within_a_standard_error_of_the_best():
    # Differences from the best: mean 0.25, standard error 0.41; 1 and 0.5.
    best = np.zeros(4)
    near, far = np.array([-1.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 2.0, 2.0])

    assert least_share({0.0: far, 0.5: near, 1.0: best}) == 0.5
    assert least_share({0.0: far, 1.0: best}) == 1.0
    assert least_share({1.0: best, 0.5: near}) == 1.0
