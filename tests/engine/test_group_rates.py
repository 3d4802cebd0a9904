from aet_keras.engine.group_rates import SkippedSteps


def test_only_frozen_steps_are_missed():
    missed = SkippedSteps(2)

    missed.freeze(0, 10)
    first = missed.thaw(0, 25)
    missed.freeze(0, 40)
    second = missed.thaw(0, 50)

    assert (first, second) == (15, 25)
    assert missed.thaw(1, 50) == 0


def test_weights_that_join_late_have_missed_everything():
    missed = SkippedSteps(1)

    missed.join(0, 500)

    assert missed.thaw(0, 500) == 500
