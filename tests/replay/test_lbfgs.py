"""Is a head on many rows solved by parts, as it is on few at once?"""

import tracemalloc

import numpy as np
import pytest

from aet_keras.replay import lbfgs

COUNT, WIDTH = 4000, 64


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    features = random.normal(3, 2, size=(COUNT, WIDTH)).astype("float16")
    noise = random.gumbel(size=(COUNT, 3))
    scores = features @ random.normal(size=(WIDTH, 3)) + 9 * noise
    targets = np.eye(3, dtype="float32")[scores.argmax(axis=1)]
    return lbfgs.Rows(features, targets, np.ones(COUNT, "float32"))


@pytest.fixture
def by_parts(monkeypatch):
    monkeypatch.setattr(lbfgs, "_MOST_AT_ONCE", COUNT * WIDTH - 1)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "linear"])
def test_parts_end_where_all_rows_at_once_do(rows, kind, request):
    whole = lbfgs.solve(rows, rows, kind=kind)
    request.getfixturevalue("by_parts")
    found = lbfgs.solve(rows, rows, kind=kind)

    assert len(lbfgs.parts_of(rows.features)) == 8
    assert found.strength == whole.strength
    assert found.loss == pytest.approx(whole.loss, rel=1e-5)
    np.testing.assert_allclose(found.kernel, whole.kernel, atol=2e-3)


def test_the_solver_holds_no_copy_of_many_features(rows, by_parts):
    lbfgs.solve(rows, rows, kind="linear")  # imports what it needs
    tracemalloc.start()
    try:
        lbfgs.solve(rows, rows, kind="softmax")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < rows.features.size * 4  # bytes of one copy in float32


def test_what_was_read_is_let_go_of_part_by_part(rows, by_parts):
    told = []
    given = lbfgs.Rows(rows.features, rows.targets, rows.weights, told.append)

    lbfgs.mean_loss(np.ones((WIDTH, 3)), 0.0, given, kind="linear")

    assert sum(told) == rows.features.nbytes
    assert max(told) <= rows.features.nbytes / 7
