"""Checks what must hold for every class of a room."""

import inspect
import json

import keras
import numpy as np
from policy_contract import check_policy as check_policy

TOLERANCE = {"mixed_bfloat16": 5e-2, "mixed_float16": 5e-3}  # 8 and 11 bits


def check_layer(cls, kwargs, input_shape, tmp_path, *, jit_compile):
    """Fails unless `cls(**kwargs)` is a layer that can stand anywhere.

    Args:
        cls: the class.
        kwargs: dict. Its arguments.
        input_shape: tuple of ints, with the batch. The input is normal.
        tmp_path: folder for the saved model.
        jit_compile: whether what trains it is compiled, or else in half
            precision: a trace takes a second.
    """
    inputs = np.random.normal(size=input_shape).astype("float32")
    check_config(cls, kwargs)
    check_shapes(cls(**kwargs), inputs)
    check_mask(cls(**kwargs), inputs)
    for policy in TOLERANCE:
        check_mixed_precision(cls, kwargs, inputs, policy)
    check_saved(cls(**kwargs), inputs, tmp_path / "layer.keras")
    dtype = "float32" if jit_compile else "mixed_float16"
    check_training(cls(**kwargs, dtype=dtype), inputs, jit_compile=jit_compile)


def check_output(cls, kwargs, input_shape, tmp_path, **_):
    """As `check_layer`, of a layer behind an output, which a loss trains."""
    inputs = np.random.normal(size=input_shape).astype("float32")
    check_config(cls, kwargs)
    check_shapes(cls(**kwargs), inputs)
    check_saved(cls(**kwargs), inputs, tmp_path / "layer.keras")


def check_config(cls, kwargs):
    """Arguments are attributes, and survive JSON under a stable name."""
    layer = cls(**kwargs, name="kept")

    config = json.loads(json.dumps(layer.get_config()))
    data = json.dumps(keras.saving.serialize_keras_object(layer))
    revived = keras.saving.deserialize_keras_object(json.loads(data))

    assert own_arguments(cls) <= config.keys()
    for name in own_arguments(cls):
        assert getattr(layer, name) == config[name], name
    assert all(config[name] == value for name, value in kwargs.items())
    assert cls.from_config(config).get_config() == layer.get_config()
    assert type(revived) is cls and revived.get_config() == config
    registered = keras.saving.get_registered_name(cls)
    assert registered == f"aet_keras>{cls.__name__}"


def own_arguments(cls):
    """Returns the names of the arguments that a constructor spells out."""
    parameters = inspect.signature(cls).parameters.values()
    return {each.name for each in parameters if each.kind != each.VAR_KEYWORD}


def check_shapes(layer, inputs):
    """What a symbolic call promises, an eager and a compiled call keep."""
    free = keras.Input([None] * (inputs.ndim - 2) + [inputs.shape[-1]])
    promised = leaves(layer(free))  # builds with the sides unknown
    fixed = leaves(layer(keras.Input(batch_shape=inputs.shape)))
    outputs = leaves(layer(inputs))
    compiled = leaves(keras.Model(free, layer(free)).predict_on_batch(inputs))

    assert len(promised) == len(fixed) == len(outputs) == len(compiled)
    for loose, exact, eager, graph in zip(
        promised, fixed, outputs, compiled, strict=True
    ):
        assert exact.shape == tuple(eager.shape) == graph.shape
        assert fits(loose.shape, eager.shape)
        assert exact.dtype == keras.backend.standardize_dtype(eager.dtype)
        np.testing.assert_allclose(graph, eager, rtol=1e-5, atol=1e-5)


def fits(shape, known):
    """Is `known` what `shape` says, wherever `shape` says anything?"""
    pairs = zip(shape, known, strict=True)
    return all(side in (None, length) for side, length in pairs)


def leaves(outputs):
    """Returns a layer's one or more outputs as a list."""
    return keras.tree.flatten(outputs)


def check_mask(layer, inputs):
    """A mask that hides nothing changes nothing."""
    if not layer.supports_masking or inputs.ndim != 3:
        return
    move_all(layer, inputs)

    plain = leaves(layer(inputs))
    masked = leaves(layer(inputs, mask=np.ones(inputs.shape[:2], bool)))

    for left, right in zip(plain, masked, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def move_all(layer, inputs):
    """Gives every weight small noise: zeros at the start hide mistakes."""
    layer(inputs)
    for weight in layer.weights:
        noise = np.random.normal(scale=0.3, size=weight.shape)
        weight.assign(weight + noise.astype("float32"))


def check_mixed_precision(cls, kwargs, inputs, policy):
    """Half precision inside, float32 weights, nearly the same numbers."""
    full, half = cls(**kwargs), cls(**kwargs, dtype=policy)
    move_all(full, inputs)
    half(inputs)
    half.set_weights(full.get_weights())

    expected, outputs = leaves(full(inputs)), leaves(half(inputs))

    name = policy.removeprefix("mixed_")
    assert {weight.dtype for weight in half.weights} <= {"float32"}
    for output, wanted in zip(outputs, expected, strict=True):
        assert keras.backend.standardize_dtype(output.dtype) == name
        output = keras.ops.cast(output, "float32")
        bound = TOLERANCE[policy] * max(1, np.abs(wanted).max())
        np.testing.assert_allclose(output, wanted, atol=bound)


def check_saved(layer, inputs, path):
    """A `.keras` file brings back bit-equal weights and outputs."""
    symbolic = keras.Input(inputs.shape[1:])
    model = keras.Model(symbolic, layer(symbolic))
    move_all(layer, inputs)

    model.save(path)
    loaded = keras.models.load_model(path)

    for left, right in zip(model.weights, loaded.weights, strict=True):
        assert left.path == right.path
        np.testing.assert_array_equal(left, right)
    outputs, again = leaves(model(inputs)), leaves(loaded(inputs))
    for left, right in zip(outputs, again, strict=True):
        np.testing.assert_array_equal(left, right)


def check_training(layer, inputs, *, jit_compile):
    """The first step moves some of the weights, the third all of them."""
    symbolic = keras.Input(inputs.shape[1:])
    outputs = leaves(layer(symbolic))
    if not layer.weights:
        return  # it only encodes
    model = keras.Model(symbolic, outputs)
    targets = [np.random.normal(size=batched_shape(inputs, o)) for o in outputs]
    model.compile("adam", ["mse"] * len(outputs), jit_compile=jit_compile)
    model.optimizer.build(model.trainable_variables)  # or it is traced twice
    start = layer.get_weights()

    model.train_on_batch(inputs, targets)
    first = moved(layer, start)
    model.train_on_batch(inputs, targets)
    loss = model.train_on_batch(inputs, targets)

    assert np.all(np.isfinite(loss))
    if layer.trainable_weights:
        assert any(first)
        assert all(moved(layer, start))


def batched_shape(inputs, output):
    """Returns an output's shape, with the batch of the inputs."""
    return (len(inputs), *output.shape[1:])


def moved(layer, start):
    """Returns, for each weight, whether it differs from what it was."""
    pairs = zip(layer.get_weights(), start, strict=True)
    return [not np.array_equal(now, then) for now, then in pairs]
