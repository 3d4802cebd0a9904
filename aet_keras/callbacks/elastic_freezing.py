"""Which groups move in which epoch of the user's own `fit`?"""

from collections.abc import Sequence

import keras

from aet_keras import _check as check
from aet_keras import backbones
from aet_keras.engine import Change, Engine
from aet_keras.policies import Policy, Progress, ThawOnStall


class ElasticFreezing(keras.callbacks.Callback):
    """Freezes and thaws groups of a pretrained model while it trains.

    The groups are found by `aet_keras.backbones.group_layers`. The head
    trains from the start at the rate that the model was compiled with; the
    policy says when the groups below it join and at which share of that rate.
    Whether they were frozen before makes no difference. Weights that are
    frozen do not move by a bit, BatchNormalization statistics included, and
    the optimizer keeps its state through every freeze and thaw.

    BatchNormalization in the groups stays in inference mode: training it on
    little data is what breaks most fine-tuning.

    After `fit` the model keeps the trainable map of the last epoch.

    Args:
        policy: optional `aet_keras.policies.Policy` that decides
            `trainable`. Defaults to `ThawOnStall()`.
        groups: optional sequence of `Group`, or of sequences of layers or
            layer names, stem to head. Layers in none of them are the head.
            Needed for subclassed models, which have to be built.
        backbone: optional nested model in the user's model, or its name.
            Found by itself if not given.
        train_batch_normalization: bool. Whether BatchNormalization thaws
            with its group. Defaults to `False`.
        warmup_steps: int >= 0. Batches over which the rate of a thawed group
            grows. Adam's count of steps starts anew for it in any case.
            Defaults to `20`.
        verbose: 0 or 1. Print a line for each change. Defaults to `0`.

    Attributes:
        group_names: tuple of str, stem to head, the head left out.
        history: list of tuples of bools, one an epoch: which groups moved.
        events: list of `(epoch, Change)`; epoch counts the finished ones.

    Logs:
        `elastic_freezing/trained_groups`: how many groups moved in the epoch.

    Raises:
        ValueError: at the start of `fit`, if no groups can be found, the
            optimizer cannot be steered, or there is no head to train.

    Example:

    >>> backbone = keras.Sequential(
    ...     [keras.layers.Dense(4), keras.layers.Dense(4)], name="old"
    ... )
    >>> model = keras.Sequential(
    ...     [keras.Input((3,)), backbone, keras.layers.Dense(1)]
    ... )
    >>> model.compile("adam", "mse")
    >>> freezing = aet_keras.callbacks.ElasticFreezing(
    ...     aet_keras.policies.ThawOnSchedule(every_epochs=1)
    ... )
    >>> x = np.ones((8, 3)), np.ones((8, 1))
    >>> _ = model.fit(*x, epochs=3, verbose=0, callbacks=[freezing])
    >>> freezing.history
    [(False, False), (False, True), (True, True)]
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        groups: Sequence | None = None,
        backbone: keras.layers.Layer | str | None = None,
        train_batch_normalization: bool = False,
        warmup_steps: int = 20,
        verbose: int = 0,
    ):
        super().__init__()
        self.policy = check.instance(
            self, of=Policy, policy=ThawOnStall() if policy is None else policy
        )
        if self.policy.needs or self.policy.every_batches:
            raise ValueError(
                "ElasticFreezing: a policy of groups decides at the ends of "
                "epochs, by their logs. Received: "
                f"{type(self.policy).__name__}, which needs "
                f"{sorted(self.policy.needs)} every "
                f"{self.policy.every_batches} batches. Give it to "
                "`AdaptiveLearningRate`."
            )
        if groups is not None and backbone is not None:
            raise ValueError(
                "ElasticFreezing: give `groups` or `backbone`, not both, "
                "because groups say already what is pretrained. Drop one."
            )
        self.groups = groups
        self.backbone = backbone
        self.train_batch_normalization = check.boolean(
            self, train_batch_normalization=train_batch_normalization
        )
        self.warmup_steps = check.whole(self, warmup_steps=warmup_steps)
        self.verbose = check.whole(self, verbose=verbose)
        self._forget()

    def on_train_begin(self, logs=None):
        self._forget()
        self.policy.reset()
        engine = Engine.of(self.model)
        engine.attach(self)
        engine.control(
            self._controlled_groups(),
            train_batch_normalization=self.train_batch_normalization,
            warmup_steps=self.warmup_steps,
        )
        self.group_names = engine.group_names
        self._start_rate = engine.rate

    def on_epoch_begin(self, epoch, logs=None):
        # Not at the end of the last one: an epoch that never comes has no
        # thaw, and others' policies see the map of the epoch they judge.
        self._decide(epoch, self._logs)
        self.history.append(Engine.of(self.model).trainable)

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        logs["elastic_freezing/trained_groups"] = sum(self.history[-1])
        self._logs = dict(logs)

    def on_train_end(self, logs=None):
        Engine.of(self.model).detach(self)

    def _forget(self):
        self.group_names: tuple[str, ...] = ()
        self.history: list[tuple[bool, ...]] = []
        self.events: list[tuple[int, Change]] = []
        self._logs: dict[str, float] = {}

    def _controlled_groups(self):
        if self.groups is not None:
            return backbones.as_groups(self.model, self.groups)
        groups = backbones.group_layers(self.model, backbone=self.backbone)
        if len(groups) < 2:
            raise ValueError(
                "ElasticFreezing: a model must have a head above at least one "
                f"group. Received: {self.model.name}, one group. Give "
                "`groups=` or `backbone=`."
            )
        return groups[:-1]

    def _decide(self, epoch, logs):
        engine = Engine.of(self.model)
        progress = Progress(
            epoch=epoch,
            epoch_count=self.params["epochs"],
            logs=logs,
            rate=engine.rate,
            start_rate=self._start_rate,
            trainable=engine.trainable,
            multipliers=engine.multipliers,
        )
        change = engine.apply(self.policy.decide(progress))
        if change is None:
            return
        self.events.append((epoch, change))
        if self.verbose:
            print(f"\nElasticFreezing: after epoch {epoch} {change}.")
