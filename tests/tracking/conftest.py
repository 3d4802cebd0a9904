"""What do the tests of the trackers share?"""

import pytest

from aet_keras import evaluation


@pytest.fixture(autouse=True, scope="module")
def offline():
    """Keeps what the machine says of W&B out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        yield


@pytest.fixture(scope="session")
def report():
    """Returns a report of two classes."""
    test = evaluation.measure_classification(
        [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], class_names=["a", "b"]
    )
    return evaluation.Report("clothes", "2026-01-31", test)


@pytest.fixture(scope="session")
def rating_report():
    """Returns a report of a recommender, which has no classes."""
    test = evaluation.rating_scores.Recommendation(
        1.2, 0.1, 0.05, k=10, count=3
    )
    return evaluation.Report("films", "2026-01-31", test)
