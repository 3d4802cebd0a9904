"""A small text backbone, and texts that it can learn."""

import csv
import pathlib

import numpy as np

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] [MASK] a the film was good bad fine great awful "
    "dull fun plot and very so it"
).split()
LENGTH = 12
GOOD, BAD = ("good", "great", "fun"), ("bad", "awful", "dull")


def backbone(layers=2):
    """Returns a BERT of a few hundred weights, its dropout on."""
    import keras_hub

    return keras_hub.models.BertBackbone(
        vocabulary_size=len(WORDS),
        num_layers=layers,
        num_heads=2,
        hidden_dim=8,
        intermediate_dim=16,
        max_sequence_length=16,
    )


def save_preset(folder: pathlib.Path, layers=2, words=WORDS) -> pathlib.Path:
    """Saves it and its tokeniser, as `--backbone FOLDER` takes them."""
    import keras_hub

    backbone(layers).save_to_preset(folder)
    tokenizer = keras_hub.models.BertTokenizer(words, lowercase=True)
    tokenizer.save_to_preset(folder)
    return folder


def texts(count=60):
    """Returns seeded texts, one in two good, and what each is."""
    random = np.random.default_rng(0)
    made, labels = [], []
    for row in range(count):
        kind = ("bad", "good")[row % 2]
        filling = random.choice(["very", "so", "and", "it"], row % 7 + 1)
        word = random.choice(GOOD if kind == "good" else BAD)
        made.append(f"The film was {' '.join(filling)} {word} {row}")
        labels.append(kind)
    return made, labels


def write_table(path: pathlib.Path, count=60) -> pathlib.Path:
    """Writes the texts as a table with the columns `text` and `label`."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(*texts(count), strict=True))
    return path
