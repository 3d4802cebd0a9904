"""Checks what must hold before an engine takes charge of a model."""

from aet_keras import _check as check
from aet_keras._keras import multipliers
from aet_keras._keras import optimizer as optimizers
from aet_keras._keras.strategy import is_distributed


def check_compiled(model):
    """Raises a ValueError if there is no optimizer to be steered."""
    if getattr(model, "compiled", False):
        return
    raise ValueError(
        "Engine: the model must be compiled, because its optimizer is "
        "steered. Call `model.compile(...)` first."
    )


def check_built(model):
    """Raises a ValueError if some weights are not made yet."""
    if model.built:
        return
    raise ValueError(
        "Engine: the model must be built before `fit`, because the optimizer "
        "has to know every weight that may move. Received: "
        f"{type(model).__name__}, not built. Call it once on a few rows of "
        "your data, `model(x[:1])`, after the model is made."
    )


def check_head(model, layers):
    """Raises a ValueError if nothing outside the groups could learn."""
    grouped = {
        id(weight)
        for layer in layers
        for weight in getattr(layer, "weights", ())
    }
    if any(id(weight) not in grouped for weight in model.trainable_variables):
        return
    raise ValueError(
        "Engine: a layer outside the groups must be able to learn, because "
        "the head trains first. All of them are frozen or have no weights. "
        "Add a head, or thaw it before `fit`."
    )


def check_optimizer(model):
    """Raises a ValueError if groups could not have rates of their own."""
    if model.optimizer is None:
        return
    steps = optimizers.innermost(model.optimizer).gradient_accumulation_steps
    if steps and is_distributed(model):
        raise ValueError(
            "Engine: gradients cannot be accumulated under a distribution "
            "strategy, because Keras fails in the first step. Received: "
            f"gradient_accumulation_steps={steps}. Compile without, and take "
            "larger batches."
        )
    reason = multipliers.refuse_reason(model.optimizer)
    if reason is None:
        return
    name = type(optimizers.innermost(model.optimizer)).__name__
    raise ValueError(
        f"Engine: groups of {name} cannot have rates of their own, because "
        f"{reason}. Received: optimizer={name}. Compile with another one, "
        "such as AdamW."
    )


def check_rate_writable(optimizer, owner: object) -> None:
    """Raises a ValueError if the rate is a schedule, not a number."""
    rate = optimizer.get_config().get("learning_rate")
    if isinstance(rate, float | int):
        return
    name = rate.get("class_name") if isinstance(rate, dict) else rate
    raise ValueError(
        f"{check.owner_name(owner)}: the optimizer's rate must be a number, "
        "because the policy writes it. Received: "
        f"learning_rate={name}. Compile with a float, or drop the callback."
    )


def check_length(name: str, values, count: int) -> None:
    """Raises a ValueError if a decision is made for other groups."""
    if len(values) != count:
        raise ValueError(
            f"Engine: a decision's `{name}` must have one value for each of "
            f"{count} groups. Received: {len(values)}."
        )
