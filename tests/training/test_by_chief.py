"""Do several workers end as one process does, where the chief works alone?"""

import distributed_runs as runs
import numpy as np
import pytest
import worker_groups


def test_workers_have_the_steps_that_few_rows_get():
    together = worker_groups.two().run(runs.few_rows_run)

    alone = runs.few_rows_run()
    assert alone["said"].startswith("trained for 200 more steps")
    for each in together:
        assert each["events"] == together[0]["events"]
        assert each["said"].startswith("trained for 200 more steps")
        assert each["best"] == pytest.approx(alone["best"], rel=1e-4)
        for part, expected, other in zip(
            each["weights"],
            alone["weights"],
            together[0]["weights"],
            strict=True,
        ):
            np.testing.assert_allclose(part, expected, atol=1e-4)
            np.testing.assert_array_equal(part, other)
