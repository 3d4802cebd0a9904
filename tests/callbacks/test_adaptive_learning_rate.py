import image_models
import keras
import numpy as np
import pytest

from aet_keras.callbacks import AdaptiveLearningRate
from aet_keras.policies import Decision, Policy, WarmupCosine


class Record(Policy):
    """Keeps what it is shown, and decides nothing."""

    needs = frozenset({"batch_losses"})
    every_batches = 2

    def decide(self, progress):
        self.seen = [*getattr(self, "seen", []), progress]
        return Decision()


class BatchLosses(keras.callbacks.Callback):
    """Keeps the true loss of each batch of one sample a step."""

    def on_epoch_begin(self, epoch, logs=None):
        self.means = []

    def on_train_batch_end(self, batch, logs=None):
        self.means.append(logs["loss"])


def test_the_rate_follows_the_cosine_step_by_step():
    adaptive = AdaptiveLearningRate(WarmupCosine(warmup_steps=4))
    model = image_models.linear_classifier(keras.optimizers.SGD(0.1))

    history = image_models.fit(model, adaptive, epochs=3).history

    # 12 steps, 4 of warm-up: after 4, 8, 12 steps 0, 1/2, 1 of the cosine
    rates = history["adaptive_learning_rate/rate"]
    expected = [0.1, 0.05, 0.1 * 1e-4]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


@pytest.fixture(scope="module")
def watched():
    """Returns what a policy was shown in two epochs, and the true losses."""
    policy, truth = Record(), BatchLosses()
    image_models.fit(
        image_models.linear_classifier(),
        AdaptiveLearningRate(policy),
        truth,
        epochs=2,
    )
    return policy.seen, truth.means


def test_losses_of_single_batches_are_got_back_from_running_means(watched):
    seen, means = watched

    counts = np.arange(1, 5)
    expected = np.diff(np.array(means) * counts, prepend=0.0)
    losses = seen[-1].arrays["batch_losses"]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


class OfOneBatch(keras.Model):
    """Logs the loss of each batch, where Keras logs the mean so far."""

    def train_step(self, data):
        kept = super().train_step(data)
        batch_loss = self.compute_loss(y=data[1], y_pred=self(data[0]))
        return {**kept, "loss": batch_loss}


class OfOwnMean(keras.Model):
    """Logs the mean so far, of a metric of its own."""

    def train_step(self, data):
        return super().train_step(data)


@pytest.mark.parametrize("kind", [OfOneBatch, OfOwnMean])
def test_losses_of_a_train_step_of_ones_own_are_those_it_logs(kind):
    made = image_models.linear_classifier(keras.optimizers.SGD(1e-9))
    model = kind(made.inputs, made.outputs)
    model.compile(made.optimizer, made.loss)
    policy, truth = Record(), BatchLosses()

    image_models.fit(
        model, AdaptiveLearningRate(policy), truth, epochs=1, shuffle=False
    )

    x, y = image_models.noise_images()
    batches = np.split(np.arange(len(x)), len(x) // 8)
    expected = [made.evaluate(x[b], y[b], verbose=0) for b in batches]
    losses = policy.seen[-1].arrays["batch_losses"]
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


def test_a_policy_is_asked_at_its_own_pace(watched):
    seen, _ = watched

    steps = [(p.step, p.is_epoch_end) for p in seen]
    assert steps == [
        (0, True),
        (2, False),
        (4, False),
        (4, True),
        (6, False),
        (8, False),
        (8, True),
    ]
    assert seen[-1].step_count == 8


def test_a_later_start_counts_the_steps_before_it():
    policy = Record()

    image_models.fit(
        image_models.linear_classifier(),
        AdaptiveLearningRate(policy),
        epochs=3,
        initial_epoch=2,
    )

    assert policy.seen[-1].step == 12


def test_a_schedule_is_refused_with_the_remedy():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    model = image_models.linear_classifier(keras.optimizers.SGD(schedule))

    with pytest.raises(ValueError, match="Compile with a float") as caught:
        image_models.fit(model, AdaptiveLearningRate())

    assert "learning_rate=CosineDecay" in str(caught.value)


def test_a_loss_scale_optimizer_gets_the_rate_inside():
    inner = keras.optimizers.SGD(0.1)
    model = image_models.linear_classifier(
        keras.optimizers.LossScaleOptimizer(inner)
    )

    history = image_models.fit(
        model, AdaptiveLearningRate(WarmupCosine()), epochs=1
    ).history

    rates = history["adaptive_learning_rate/rate"]
    np.testing.assert_allclose(rates, [1e-5], rtol=1e-5)


def test_the_next_fit_starts_at_the_compiled_rate_again():
    model = image_models.linear_classifier(keras.optimizers.SGD(0.1))
    adaptive = AdaptiveLearningRate(WarmupCosine())

    first = image_models.fit(model, adaptive, epochs=2).history
    second = image_models.fit(model, adaptive, epochs=2).history

    key = "adaptive_learning_rate/rate"
    assert first[key] == second[key]
    np.testing.assert_allclose(model.optimizer.learning_rate.numpy(), 0.1)


def test_turns_are_not_missed_when_several_steps_run_at_once():
    policy = Record()
    policy.every_batches = 3
    data = image_models.noise_images(64)
    model = image_models.linear_classifier("adam", steps_per_execution=4)

    image_models.fit(model, AdaptiveLearningRate(policy), data=data, epochs=1)

    assert [p.step for p in policy.seen if not p.is_epoch_end] == [4, 8]


def test_statistics_that_nobody_gathers_are_refused():
    class Greedy(Record):
        needs = frozenset({"gradient_norms"})

    with pytest.raises(ValueError, match="gathers `batch_losses`"):
        AdaptiveLearningRate(Greedy())
