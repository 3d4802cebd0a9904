"""Builds a real text backbone for benchmarks.

all-MiniLM-L6-v2 (BERT, 6 layers, width 384) out of the folder that AET_DATA
names, as KerasHub's `BertBackbone`. The published model has the exact GELU,
KerasHub's BERT the tanh approximation of it: outputs differ by about 1e-3.
"""

import pathlib

import numpy as np

WEIGHTS = "minilm_l6_fp16_q8emb.npz"
VOCABULARY = "minilm_vocab.txt"
_NORMS = ("gamma", "beta"), ("weight", "bias")
_HEADS, _WIDTH = 12, 384


def save_preset(data: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Saves backbone and tokeniser as KerasHub saves a preset.

    Args:
        data: the folder with the two files.
        folder: where to write.
    """
    import keras_hub

    backbone(data / WEIGHTS).save_to_preset(folder)
    tokenizer = keras_hub.models.BertTokenizer(
        str(data / VOCABULARY), lowercase=True
    )
    tokenizer.save_to_preset(folder)
    return folder


def backbone(path: pathlib.Path):
    """Returns the pretrained `BertBackbone`."""
    import keras_hub

    model = keras_hub.models.BertBackbone(
        vocabulary_size=30522,
        num_layers=6,
        num_heads=_HEADS,
        hidden_dim=_WIDTH,
        intermediate_dim=1536,
    )
    with np.load(path) as file:
        stored = {name: file[name].astype("float32") for name in file.files}
    word = "embeddings.word_embeddings.weight"
    stored[word] = stored.pop(f"q8/{word}") * stored.pop(f"q8scale/{word}")
    for weight in model.weights:
        name = _stored_name(weight.path)
        if name.startswith("pooler") and name not in stored:
            continue
        weight.assign(_shaped(stored[name], weight))
    return model


def _stored_name(path):
    """Returns what a weight of KerasHub is called in the file."""
    *_, last = path.split("/")
    tail = {"gamma": "weight", "beta": "bias", "kernel": "weight"}
    tail = tail.get(last, last)
    embeddings = {
        "token_embedding": "word_embeddings.weight",
        "position_embedding": "position_embeddings.weight",
        "segment_embedding": "token_type_embeddings.weight",
        "embeddings_layer_norm": f"LayerNorm.{tail}",
    }
    for part, name in embeddings.items():
        if part in path:
            return f"embeddings.{name}"
    if "pooled_dense" in path:
        return f"pooler.dense.{tail}"
    (number,) = (
        part.removeprefix("transformer_layer_")
        for part in path.split("/")
        if part.startswith("transformer_layer_")
    )
    inside = {
        "self_attention_layer_norm": "attention.output.LayerNorm",
        "feedforward_layer_norm": "output.LayerNorm",
        "feedforward_intermediate_dense": "intermediate.dense",
        "feedforward_output_dense": "output.dense",
        "attention_output": "attention.output.dense",
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
    }
    name = next(to for part, to in inside.items() if part in path)
    return f"encoder.layer.{number}.{name}.{tail}"


def _shaped(array, weight):
    """Returns an array of PyTorch in the order and shape of Keras."""
    is_kernel = weight.path.endswith("kernel")
    array = array.T if is_kernel else array
    return array.reshape(weight.shape)
