"""How does a language model of KerasHub learn another author's lines?

    python examples/26_next_token.py

A small GPT-2 over characters learns the reference of Python (`pydoc_data`, in
the standard library) first, for want of pretrained weights: nothing is
downloaded. Then it learns 84 lines of Shakespeare's sonnets with
`ElasticFreezing`: its last block first, on what the frozen ones put out once,
then all. In as many seconds, a copy trains all its blocks from the start.
Perplexity is `keras_hub.metrics.Perplexity`, a character, of 14 lines that
neither saw; padding does not count. 84 seconds of one core; expect 20.7 before,
12.9 after, 12.5 if all is trained. It needs `pip install "aet-keras[text]"`.

With real weights, `GPT2CausalLM.from_preset("gpt2_base_en")` takes the place of
`build()`, and its `preprocessor` that of `rows`, with the same three.
The head is the token embedding, read backwards: it freezes with the stem.
"""

import argparse
import pathlib
import pydoc_data.topics
import textwrap
import time

import keras
import keras_hub
import numpy as np

import aet_keras

parser = argparse.ArgumentParser()
parser.add_argument("--smoke", action="store_true", help="seconds, untrained")
args = parser.parse_args()

# Settings.
length, width, blocks = (10, 8, 1) if args.smoke else (56, 64, 3)
old_count = 16 if args.smoke else 2000  # lines of the reference, in all 8970
old_epochs, epochs = (1, 2) if args.smoke else (2, 40)
rate, batch_size, seed = 3e-3, 84 if args.smoke else 12, 0
signs = "\n" + "".join(chr(code) for code in range(32, 127))  # from 1 on


def rows(lines):
    """Returns what `fit` takes by name: token ids, the next ones, weights."""
    ids = np.zeros((len(lines), length + 1), "int32")  # 0 is padding
    for row, line in enumerate(lines):
        known = [signs.index(s) + 1 for s in f"\n{line}\n" if s in signs]
        ids[row, : len(known)] = known[: length + 1]
    mask = (ids != 0).astype("int32")
    x = {"token_ids": ids[:, :-1], "padding_mask": mask[:, :-1]}
    return {"x": x, "y": ids[:, 1:], "sample_weight": mask[:, 1:] * 1.0}


def build():
    """Returns a compiled GPT-2."""
    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=len(signs) + 1,
        num_layers=blocks,
        num_heads=4,
        hidden_dim=width,
        intermediate_dim=4 * width,
        dropout=0.0,
        max_sequence_length=length,
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            keras_hub.metrics.Perplexity(from_logits=True, mask_token_id=0)
        ],
        jit_compile=False,
        run_eagerly=args.smoke,
        sampler=keras_hub.samplers.TopPSampler(p=0.8, seed=seed),
    )
    return model


def show(name, model):
    """Prints the perplexity of lines nobody saw, and a line of its own."""
    found = model.evaluate(**held, verbose=0, return_dict=True)["perplexity"]
    prompt = rows(["When"])["x"]
    prompt["token_ids"][:, 5:] = prompt["padding_mask"][:, 5:] = 0  # no end
    ids = model.generate(prompt, stop_token_ids=[1])["token_ids"][0]
    line = "".join(signs[each - 1] for each in ids[1:] if each)
    print(f"{name:28} perplexity {found:6.2f}   {line.splitlines()[0]}")


def stop(batch, logs):
    """Ends the other run after as many seconds."""
    other.stop_training = time.perf_counter() - begun > run.seconds


old = textwrap.wrap(" ".join(pydoc_data.topics.topics.values()), length - 2)
sonnets = pathlib.Path(__file__).with_name("sonnets.txt").read_text()
new = [line for line in sonnets.splitlines() if line]
train, validation, held = rows(new[:84]), rows(new[84:98]), rows(new[98:])
held_out = tuple(validation.values())
fit = {"validation_data": held_out, "batch_size": batch_size, "verbose": 0}
fit["shuffle"] = False  # KerasHub makes batches of arrays in their order

keras.utils.set_random_seed(seed)
model, other = build(), build()
model.fit(**rows(old[:old_count]), **{**fit, "epochs": old_epochs})
other.set_weights(model.get_weights())
show("Python's reference alone", model)

freezing = aet_keras.callbacks.ElasticFreezing(verbose=1)
run = aet_keras.fine_tune(
    model, tuple(train.values()), epochs=epochs, freezing=freezing, **fit
)
show(f"ours, {run.seconds:.0f} seconds", model)

best = aet_keras.callbacks.KeepBest()  # of the other, too
watch = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
begun = time.perf_counter()
other.fit(**train, **fit, epochs=1000, callbacks=[watch, best])
show("all blocks, as many seconds", other)
