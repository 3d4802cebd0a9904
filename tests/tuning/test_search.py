import json

import keras
import numpy as np
import pytest
import small_searches
import tensorflow as tf

from aet_keras import tuning
from aet_keras.errors import TrainingError


def fail_at(numbers, error):
    """Returns a build function that raises in some of its calls."""
    calls = []

    def build(hp):
        calls.append(len(calls))  # the first call explores the space
        if calls[-1] in numbers:
            raise error
        return small_searches.build_model()

    return build


def test_a_small_space_is_tried_whole_and_nothing_is_printed(tmp_path, capsys):
    found = small_searches.search(tmp_path, max_trials=9)

    texts = sorted(trial.to_text() for trial in found.trials)
    assert texts == ["rate DecayOnStall", "rate WarmupCosine"]
    assert found.best.figures["val_loss"] == min(found.scores)
    assert capsys.readouterr() == ("", "")


def test_what_a_trial_prints_is_seen(tmp_path, capsys):
    def build(hp):
        print("built")
        return small_searches.build_model()

    small_searches.search(tmp_path, small_searches.hypermodel(build=build))

    assert capsys.readouterr().out == "built\n" * 2


def test_a_trial_that_fails_is_kept_with_its_exception(tmp_path, capsys):
    build = fail_at([1], ValueError("too small\nby far"))
    seen = []

    found = small_searches.search(
        tmp_path, small_searches.hypermodel(build=build), watch=seen.append
    )

    assert found.trials[0].error == "ValueError: too small"
    assert "in build" in found.trials[0].traceback
    assert found.trials[1].error is None
    assert found.best.number == 2
    assert tuple(seen) == found.trials
    assert capsys.readouterr() == ("", "")


def test_an_objective_that_is_nan_is_a_failure(tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            head = self.model.weights[-1]
            head.assign(head * float("nan"))

    with pytest.raises(TrainingError, match="`val_loss` is nan"):
        small_searches.search(tmp_path, callbacks=[Spoil()])


def test_all_failing_is_an_error(tmp_path):
    build = fail_at([1, 2, 3, 4, 5], OSError("no room"))
    model = small_searches.hypermodel(
        {"WarmupCosine/warmup_steps": [0, 1, 2, 3, 4], "rate": "WarmupCosine"},
        build,
    )

    with pytest.raises(TrainingError) as caught:
        small_searches.search(tmp_path, model, max_trials=5)

    assert "5 that failed, the first with OSError: no room" in str(caught.value)


def test_an_old_search_is_not_picked_up_unasked(tmp_path):
    small_searches.search(tmp_path, max_trials=1)

    with pytest.raises(ValueError, match="`--resume`"):
        small_searches.search(tmp_path, max_trials=1)


def test_there_must_be_something_to_resume(tmp_path):
    with pytest.raises(ValueError, match="correct the folder"):
        small_searches.search(tmp_path, resume=True)


@pytest.mark.parametrize(
    "name",
    ["search.json", "search/oracle.json", "search/trial_*/outcome.json"],
)
def test_a_damaged_file_of_a_search_is_said(tmp_path, name):
    small_searches.search(tmp_path, max_trials=1)
    (path,) = tmp_path.glob(name)

    for content in (b"", b'{"tuner": ', b"\xff\x00"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="which cannot be read: "):
            small_searches.search(tmp_path, max_trials=2, resume=True)


def test_an_interrupted_search_goes_on_where_it_was(tmp_path):
    build = fail_at([2], KeyboardInterrupt())

    with pytest.raises(TrainingError, match="1 trial had ended. `--resume`"):
        small_searches.search(tmp_path, small_searches.hypermodel(build=build))
    first = tuning.trials.Search.read(tmp_path / "search", "val_loss").trials
    found = small_searches.search(tmp_path, resume=True)

    assert len(found.trials) == 2
    assert found.trials[0] == first[0]  # not run again
    whole = small_searches.search(tmp_path / "whole")
    assert [t.values for t in found.trials] == [t.values for t in whole.trials]


def test_a_search_goes_on_with_the_settings_that_it_began_with(tmp_path):
    small_searches.search(tmp_path, max_trials=1)

    with pytest.raises(ValueError, match="`seed` must be .* Received: 3, begu"):
        small_searches.search(tmp_path, resume=True, seed=3)
    with pytest.raises(ValueError, match="rate=.*'DecayOnStall'.*begun with"):
        model = small_searches.hypermodel({"rate": "DecayOnStall"})
        small_searches.search(tmp_path, model, resume=True)


def test_there_may_be_more_trials_on_the_second_day(tmp_path):
    small_searches.search(tmp_path, max_trials=1)

    assert len(small_searches.search(tmp_path, resume=True).trials) == 2


def test_a_trial_that_was_done_when_all_was_killed_is_not_run_again(tmp_path):
    first = small_searches.search(tmp_path, max_trials=1).trials[0]
    state = tmp_path / "search" / "oracle.json"
    content = json.loads(state.read_text())
    content.update(ongoing_trials={"tuner0": "0"}, end_order=[])
    state.write_text(json.dumps(content))

    found = small_searches.search(tmp_path, resume=True, max_trials=1)

    assert found.trials == (first,)


def test_a_trial_that_kills_its_process_is_given_up(tmp_path):
    def build(hp):
        return small_searches.build_model()

    folder = tmp_path / "search" / "trial_0"
    with pytest.raises(TrainingError):
        small_searches.search(
            tmp_path,
            small_searches.hypermodel(build=fail_at([1], KeyboardInterrupt())),
        )
    (folder / "attempts").write_text("3")

    found = small_searches.search(
        tmp_path, small_searches.hypermodel(build=build), resume=True
    )

    assert "killed 3 times" in found.trials[0].error
    assert found.trials[1].error is None


def test_a_figure_that_is_not_logged_ends_the_search(tmp_path):
    with pytest.raises(ValueError, match="no figure `val_los_loss`"):
        small_searches.search(tmp_path, objective="val_los_loss")


def test_a_figure_of_which_nobody_knows_what_is_better_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the worst trial would be taken"):
        small_searches.search(tmp_path, objective="val_quality")

    assert not list(tmp_path.iterdir())


class Returning(tuning.ElasticHyperModel):
    """Answers each `fit` with the next of some results."""

    def __init__(self, *results):
        super().__init__(small_searches.build_model)
        self.results = list(results)

    def fit(self, hp, model, **settings):
        return self.results.pop(0)


def test_a_trial_may_return_a_number_of_any_kind(tmp_path):
    model = Returning(np.float32(0.5), tf.constant([0.25]), [0.1, 0.2])

    found = small_searches.search(tmp_path, model, max_trials=3)

    assert found.scores == (0.5, 0.25, None)
    assert "Return the mean of several" in found.trials[2].error


def test_two_searches_in_one_folder_are_refused(tmp_path):
    refused = []

    def search_too(trial):
        with pytest.raises(TrainingError, match="one search at a time"):
            small_searches.search(tmp_path, model, resume=True)
        refused.append(trial.number)

    model = Returning(0.5, 0.25)
    small_searches.search(tmp_path, model, watch=search_too)
    again = small_searches.search(tmp_path, Returning(), resume=True)

    assert refused == [1, 2] and again.scores == (0.5, 0.25)
    assert not (tmp_path / ".lock").exists()


def test_hyperband_trains_each_trial_from_the_start(tmp_path):
    model = small_searches.hypermodel(
        {
            "WarmupCosine/warmup_steps": list(range(40)),
            "rate": "WarmupCosine",
        }
    )

    found = small_searches.search(
        tmp_path, model, tuner="hyperband", max_trials=5, epochs=3
    )

    epochs = [trial.values["tuner/epochs"] for trial in found.trials]
    assert epochs == [trial.figures["epochs"] for trial in found.trials]
    assert 1 in epochs and 3 in epochs


def test_a_seed_repeats_what_is_tried_until_a_gaussian_process_chooses(
    tmp_path,
):
    found = small_searches.search(
        tmp_path, _ranged(), tuner="bayesian", max_trials=4
    )

    random = small_searches.search(tmp_path / "random", _ranged(), max_trials=4)
    pairs = zip(found.trials, random.trials, strict=True)
    alike = [one.values == other.values for one, other in pairs]
    assert alike == [True, True, True, False]
    assert len({str(trial.values) for trial in random.trials}) == 4


def _ranged():
    return small_searches.hypermodel(
        {
            "rate": "AdaptToTrend",
            "AdaptToTrend/hold_ratio": {"min": 0, "max": 1},
        }
    )


def test_what_build_declares_is_tuned_too(tmp_path):
    def build(hp):
        hp.Choice("kind", ["a", "b"])
        with hp.conditional_scope("kind", ["b"]):
            hp.Int("width", 1, 99)
        return small_searches.build_model()

    model = small_searches.hypermodel({"rate": "WarmupCosine"}, build)
    found = small_searches.search(tmp_path, model, max_trials=3)

    for trial in found.trials:
        assert ("width" in trial.values) is (trial.values["kind"] == "b")
    assert {trial.values["kind"] for trial in found.trials} == {"a", "b"}


def test_no_two_trials_share_a_callback(tmp_path):
    class Count(keras.callbacks.Callback):
        counts = 0

        def on_train_begin(self, logs=None):
            self.counts += 1
            assert self.counts == 1

    small_searches.search(tmp_path, callbacks=[Count()])
