"""Loads a text encoder of KerasHub by its name."""

import os
import pathlib
from typing import Any

import keras

from aet_keras import _check as check
from aet_keras import _regular_file
from aet_keras._optional import optional
from aet_keras._wording import nearest
from aet_keras.errors import WeightsError

EXTRA = "text"
_SEQUENCE = ("sequence_output", "encoder_sequence_output")
_NO_NETWORK = (
    "Check the name; a preset that was not used before needs a network. "
    "Without one give the folder of a backbone and its tokeniser, each saved "
    "there by `save_to_preset` of KerasHub"
)


def load_text_encoder(
    name: str | os.PathLike, *, dropout: float | None = 0.0
) -> keras.Model:
    """Loads a pretrained network from tokens to a vector a token.

    Args:
        name: str or path. A preset of KerasHub (`"bert_tiny_en_uncased"`;
            needs a download), a folder that `save_to_preset` filled, or a
            `.keras` file of a saved backbone. It must be of a family that
            KerasHub has a text classifier for: ALBERT, BERT, DeBERTa,
            DistilBERT, FNet, RoBERTa, RoFormer, XLM-RoBERTa.
        dropout: optional float from 0 to 1, 1 excluded. Inside the backbone,
            in the place of its own; `None` keeps that. Defaults to `0.0`:
            what frozen blocks put out is the same in each epoch then, and can
            be recorded and replayed.

    Returns:
        A functional `keras.Model` that takes a dict of int32 arrays
        `(batch, positions)`, `token_ids` and, where the family has them,
        `padding_mask` and `segment_ids`, and gives
        `(batch, positions, width)`. A layer of the backbone that only a
        second output needs (BERT's pooler) is left out.

    Raises:
        ImportError: if KerasHub is missing.
        WeightsError: if there is no such backbone, it cannot be had, or it is
            not one of texts.

    Example:

    >>> try:
    ...     aet_keras.backbones.load_text_encoder("no/such/model.keras")
    ... except aet_keras.errors.WeightsError as error:
    ...     "is not there" in str(error)
    True
    """
    hub = optional("keras_hub", extra=EXTRA)
    if dropout is not None:
        check.number("load_text_encoder", least=0, most=0.999, dropout=dropout)
    backbone = _load(hub, os.fspath(name))
    preprocessor_class(backbone, name)
    if dropout is not None:
        backbone = _with_dropout(backbone, dropout)
    return _encoder(backbone, name)


def preprocessor_class(backbone: keras.Model, name: str | os.PathLike) -> Any:
    """Returns the class of KerasHub that turns texts into a family's tokens.

    Args:
        backbone: `keras.Model`.
        name: str or path. What the user called it, for a sentence.

    Raises:
        WeightsError: if there is none.
    """
    classes = _preprocessors()
    if type(backbone) in classes:
        return classes[type(backbone)]
    known = ", ".join(sorted(each.__name__ for each in classes))
    raise WeightsError(
        f"load_text_encoder: the backbone must be one of {known}, because "
        "KerasHub knows how to make tokens for these. Received: "
        f"{os.fspath(name)}, a {type(backbone).__name__}. Take another."
    )


def _preprocessors():
    models = optional("keras_hub", extra=EXTRA).models
    parent = models.TextClassifierPreprocessor
    classes = (getattr(models, name) for name in dir(models))
    return {
        each.backbone_cls: each
        for each in classes
        if isinstance(each, type)
        and issubclass(each, parent)
        and each is not parent
        and each.backbone_cls is not None
    }


def _load(hub, name):
    try:
        if is_file(name):
            return load_backbone_file(name)
        return hub.models.Backbone.from_preset(name)
    # Of what is not there, damaged or of another kind, KerasHub, h5py and the
    # downloader each speak in exceptions of their own.
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(cannot_be_had(hub, name, error)) from error


def is_file(name: str | os.PathLike) -> bool:
    """Says whether a name is that of a saved backbone."""
    return os.fspath(name).endswith(".keras")


def cannot_be_had(hub: Any, name: str, error: Exception) -> str:
    """Returns the sentence of a backbone or tokeniser that is not to be had."""
    presets = [key for each in _preprocessors() for key in each.presets]
    near = nearest(pathlib.Path(name).name, presets, 3)
    return (
        "load_text_encoder: the backbone must be a preset of KerasHub, a "
        f"folder that holds one, or a .keras file. Received: {name}: "
        f"{check.first_line(error)[:200].rstrip('.')}.{near} {_NO_NETWORK}."
    )


def load_backbone_file(name: str | os.PathLike) -> keras.Model:
    """Loads a backbone out of a `.keras` file."""
    path = pathlib.Path(name)
    must = "load_text_encoder: the file must be a saved backbone"
    _regular_file.require(must, path, error=WeightsError)
    return keras.models.load_model(path, compile=False)


def _with_dropout(backbone, dropout):
    """Returns a backbone with other dropout and the same weights."""
    config = backbone.get_config()
    named = [
        key
        for key, value in config.items()
        if key.endswith("dropout") and isinstance(value, float)
    ]
    if all(config[key] == dropout for key in named):
        return backbone
    changed = type(backbone).from_config(
        {**config, **dict.fromkeys(named, dropout)}
    )
    changed.set_weights(backbone.get_weights())
    return changed


def _encoder(backbone, name):
    outputs = backbone.output
    if isinstance(outputs, dict):
        names = [key for key in _SEQUENCE if key in outputs]
        outputs = outputs[names[0]] if names else None
    if outputs is None or len(outputs.shape) != 3:
        raise WeightsError(
            "load_text_encoder: the backbone must put out a vector a token. "
            f"Received: {os.fspath(name)}, a {type(backbone).__name__}."
        )
    return keras.Model(backbone.input, outputs, name=backbone.name)
