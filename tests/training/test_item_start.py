"""Is what parts say together solved as scikit-learn solves it?"""

import dataclasses

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from aet_keras.training import item_start
from aet_keras.training.item_start import drawn, ended, solve
from aet_keras.training.objectives import OBJECTIVES

ROWS, C = 200, 2.0


def features():
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 9)).astype("float32")
    words = (random.random((ROWS, 40)) < 0.03).astype("float32")
    score = x[:, 0] + 2 * words[:, 0] - words[:, 1]
    return x, words, score + random.normal(size=ROWS) / 2


def classes():
    x, words, score = features()
    labels = np.digitize(score, (-0.5, 0.5))
    model = LogisticRegression(C=C, max_iter=2000, tol=1e-8)
    both = np.concatenate([x, words], axis=1)
    return np.eye(3)[labels], model.fit(both, labels).predict_proba(both)


def taught():
    """Returns shares of classes, learned as rows that stand there thrice."""
    x, words, score = features()
    both = np.concatenate([x, words], axis=1)
    shares = np.random.default_rng(1).dirichlet([1, 1, 1], ROWS)
    shares = 0.5 * shares + 0.5 * np.eye(3)[np.digitize(score, (-0.5, 0.5))]
    model = LogisticRegression(C=C, max_iter=2000, tol=1e-8).fit(
        np.repeat(both, 3, axis=0),
        np.tile(range(3), ROWS),
        sample_weight=shares.ravel(),
    )
    return shares, model.predict_proba(both)


def tags():
    x, words, score = features()
    labels = np.stack([score > 0, score > 1], axis=1).astype(float)
    both = np.concatenate([x, words], axis=1)
    said = [
        LogisticRegression(C=C, max_iter=2000, tol=1e-8)
        .fit(both, tag)
        .predict_proba(both)[:, 1]
        for tag in labels.T
    ]
    return labels, np.stack(said, axis=1)


def number():
    x, words, score = features()
    both = np.concatenate([x, words], axis=1)
    model = Ridge(alpha=1 / C).fit(both, score)
    return score[:, None], model.predict(both)[:, None]


@pytest.mark.parametrize("make", [classes, taught, tags, number])
def test_a_solution_is_that_of_scikit_learn(make):
    kind = "classes" if make is taught else make.__name__
    targets, wanted = make()
    x, words, _ = features()
    blocks = [x, item_start._block(words)]

    found = item_start._solved(
        blocks, [1.0, 1.0], targets, kind=kind, strength=C
    )

    one, other, bias = item_start._apart(found, blocks, targets.shape[1])
    said = ended(x @ one + words @ other + bias, kind)
    # L-BFGS ends where the loss moves by less than a millionth.
    assert np.abs(said - wanted).max() < 1e-2


@pytest.mark.parametrize("noise, share", [(0.0, 0.0), (9.0, 1.0)])
def test_an_earlier_head_is_drawn_no_farther_than_asked_for(noise, share):
    x, words, score = features()
    there = np.ones((ROWS, 2), "float32")
    rows = {"image": x, "text": words, "there": there}
    held = rows, np.digitize(score, (-0.5, 0.5))
    losses = OBJECTIVES["classes"].losses
    new = solve(held, held, kind="classes", units=3, losses=losses)
    random = np.random.default_rng(2)
    kernels = {
        name: kernel + noise * random.normal(size=kernel.shape)
        for name, kernel in new.kernels.items()
    }
    old = dataclasses.replace(new, kernels=kernels)

    found = drawn(old, new, held, losses)

    logits = share * np.log(new.outputs(rows))
    logits += (1 - share) * np.log(np.maximum(old.outputs(rows), 1e-30))
    np.testing.assert_allclose(
        found.outputs(rows), ended(logits, "classes"), atol=1e-4
    )
    mean = losses(found.outputs(rows), held[1]).mean()
    assert found.loss == pytest.approx(mean)


def test_a_class_without_a_row_is_never_called():
    x, words, score = features()
    labels = np.digitize(score, (0.0,)) * 2  # 0 and 2 of three
    there = np.ones((ROWS, 2), "float32")
    both = {"image": x, "text": words, "there": there}, labels

    found = solve(
        both,
        both,
        kind="classes",
        units=3,
        losses=OBJECTIVES["classes"].losses,
    )

    said = found.outputs(both[0])
    assert said.shape == (ROWS, 3) and said[:, 1].max() < 0.1
