import interrupted_runs
import keras
import numpy as np
import pytest

from aet_keras import callbacks

# Of runs that record in epoch 0 and thaw in epochs 2 and 3. At the start of an
# epoch, and where it thaws: `KILLS`, with averages beside the rest.
MOMENTS = {
    "in the record epoch": ((0, 3), 2, (0, 2)),
    "in the middle of a replay epoch": ((1, 3), 2, (1, 2)),
    "after a thaw": ((2, 3), 2, (2, 2)),
    "at the end of an epoch": ((2, "end"), "epoch", (2, 0)),
    "when all is trained": ((3, "over"), "epoch", (4, 0)),
}


@pytest.fixture(scope="module")
def saves(tmp_path_factory):
    """Returns what runs that were killed at `MOMENTS` have saved."""
    found = {}
    for frequency in ("epoch", 2):
        moments = [
            kill for kill, each, _ in MOMENTS.values() if each == frequency
        ]
        whole, copies = interrupted_runs.run_and_copy(
            tmp_path_factory.mktemp("saves"), moments, save_freq=frequency
        )
        # To save changes nothing.
        interrupted_runs.check_equal(
            interrupted_runs.uninterrupted_run(), whole
        )
        found |= {(kill, frequency): copies[kill] for kill in moments}
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_ends_like_one_that_was_not(moment, saves):
    kill, save_freq, resumed_from = MOMENTS[moment]

    run = interrupted_runs.run(saves[kill, save_freq], save_freq=save_freq)

    assert run.checkpoint.resumed_from == resumed_from
    interrupted_runs.check_equal(interrupted_runs.uninterrupted_run(), run)


SHORT = {"save_freq": 2, "epochs": 3}


def test_a_run_may_be_killed_twice_and_callbacks_come_in_any_order(tmp_path):
    for kill in ((1, 2), (2, 3)):
        interrupted_runs.run_until_killed(tmp_path, kill, **SHORT)

    run = interrupted_runs.run(tmp_path, order=-1, **SHORT)

    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(epochs=3),
        run,
        by=("weights", "slots", "logs"),
    )


def solved():
    return interrupted_runs.all_callbacks(solve_head=True)


def anchored():
    anchor = callbacks.ElasticAnchor(0.1, groups=interrupted_runs.GROUPS)
    return [*interrupted_runs.all_callbacks(cache=None), anchor]


def alone():
    return []


def averaging():
    return [
        callbacks.AverageWeights(every_batches=2),
        *interrupted_runs.all_callbacks(),
    ]


def check_resumed(folder, *, killed_in, **settings):
    """Kills a run in the middle of an epoch; returns how it ends resumed."""
    kill = killed_in, 3
    whole, copies = interrupted_runs.run_and_copy(
        folder, [kill], **SHORT, **settings
    )

    run = interrupted_runs.run(copies[kill], **SHORT, **settings)

    assert run.checkpoint.resumed_from == (killed_in, 2)
    interrupted_runs.check_equal(whole, run)
    return run


@pytest.mark.parametrize("make", [solved, anchored, averaging])
def test_whatever_of_ours_is_used_comes_back(make, tmp_path):
    check_resumed(tmp_path, killed_in=1, make=make)


def test_a_head_is_solved_after_a_kill_before_it_was(tmp_path):
    settings = {"make": solved, "epochs": 3}
    kill = 1, 3
    whole, copies = interrupted_runs.run_and_copy(tmp_path, [kill], **settings)

    run = interrupted_runs.run(copies[kill], **settings)

    assert run.checkpoint.resumed_from == (1, 0)
    assert whole.callbacks[0].solved is not None
    interrupted_runs.check_equal(whole, run)


def averaged():
    adam = keras.optimizers.AdamW(use_ema=True, ema_overwrite_frequency=3)
    return interrupted_runs.build_model(optimizer=adam)


def two_at_once():
    return interrupted_runs.build_model(
        run_eagerly=False, steps_per_execution=2
    )


def adapted():
    made = interrupted_runs.build_model()
    made.get_layer("b").enable_lora(2)
    made.get_layer("c").bias.trainable = False
    return made


@pytest.mark.parametrize("model", [averaged, two_at_once])
def test_whatever_the_model_is_compiled_with_comes_back(model, tmp_path):
    check_resumed(tmp_path, killed_in=2, model=model)


def test_what_is_fixed_one_by_one_stays_in_a_resumed_run(tmp_path):
    run = check_resumed(tmp_path, killed_in=2, model=adapted)

    keras.utils.set_random_seed(0)
    start = adapted()
    before, after = (
        [made.get_layer("b")._kernel, made.get_layer("c").bias]
        for made in (start, run.model)
    )
    for old, new in zip(before, after, strict=True):
        assert not new.trainable
        np.testing.assert_array_equal(new.numpy(), old.numpy())


def patient():
    return [callbacks.KeepBest(patience_epochs=1, mode="max")]


def test_a_run_that_stopped_is_not_trained_on(tmp_path):
    whole = interrupted_runs.uninterrupted_run(make=patient)
    last = len(whole.history["loss"]) - 1
    interrupted_runs.run_until_killed(tmp_path, (last, "over"), make=patient)

    run = interrupted_runs.run(tmp_path, make=patient)

    assert last < 3
    interrupted_runs.check_equal(whole, run)


KILLS = [(2, "begin"), (3, 0)]


@pytest.fixture(scope="module")
def averages(tmp_path_factory):
    """Returns a run that averages weights, and its saves at `KILLS`."""
    folder = tmp_path_factory.mktemp("averages")
    return interrupted_runs.run_and_copy(folder, KILLS, make=averaging)


@pytest.mark.parametrize("kill", KILLS)
def test_a_run_that_averages_weights_goes_on_after_an_epoch(kill, averages):
    whole, saves = averages

    run = interrupted_runs.run(saves[kill], make=averaging)

    assert run.checkpoint.resumed_from[1] == 0
    interrupted_runs.check_equal(whole, run)


class Count(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1


def test_a_finished_run_returns_at_once_with_its_weights(tmp_path):
    first, count = interrupted_runs.run(tmp_path, epochs=1), Count()

    again = interrupted_runs.run(tmp_path, also=[count], epochs=1)

    assert again.checkpoint.resumed_from == (1, 0)
    assert count.steps == 0
    interrupted_runs.check_equal(first, again)


def test_callbacks_of_others_are_said_to_start_anew(tmp_path):
    count = Count()
    settings = {"make": alone, "epochs": 2}
    interrupted_runs.run_until_killed(tmp_path, (1, 2), **settings)

    with pytest.warns(UserWarning, match="Count started anew"):
        run = interrupted_runs.run(tmp_path, also=[count], **settings)

    assert run.checkpoint.not_restored == ("Count",)
    assert count.steps == 5  # one epoch of five batches
    interrupted_runs.check_equal(
        interrupted_runs.uninterrupted_run(**settings), run
    )
