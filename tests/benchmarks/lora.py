"""What do adapters of low rank cost and bring, beside thawing the same groups?

MiniLM on snippets of film reviews. `thaw` is the text recipe of `aet-keras
fit`: the upper blocks move. `lora` is the same with `--lora RANK`: in the same
groups adapters move in their place. `head` moves nothing but the head. Rows
have the same texts in the same order, and are judged on the test split of the
film reviews at their best validation epoch. Kilobytes are what a task has of
its own: what moved. Seconds are those of the processor, validation left out.

    python tests/benchmarks/lora.py [--seeds 0 1 2] [--ranks 4 8] \\
        [--ratios 0.5] [--count 800] [--epochs 3]

`--ratios` are the adapters' rates as shares of the head's; `--lora` has 0.5.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

import _machine
import keras
import numpy as np
import transfer_text

import aet_keras
from aet_keras import callbacks, policies, training
from aet_keras.backbones import low_rank

sys.path.insert(0, str(_machine.ROOT / "tests"))
import minilm_backbone  # noqa: E402

RATE, BATCH_SIZE = 1e-3, 16


def moved_bytes(model, before):
    """Returns the size of the weights that differ from what they were."""
    return sum(
        each.numpy().nbytes
        for each in model.weights
        if np.any(each.numpy() != before[each.path])
    )


def measure(row, seed, texts, args, folder):
    """Returns the figures of a run."""
    keras.utils.set_random_seed(seed)
    model, sides = transfer_text.prepared(texts, args, folder, rate=RATE)
    usual = training.text_job.text_thaw_policy()
    policy = {"head": policies.ThawOnSchedule(first_epoch=99)}.get(row, usual)
    if row.startswith("lora"):
        _, rank, ratio = row.split(":")
        low_rank.adapt_by_rank(model, int(rank), owner="benchmark")
        policy = policies.ThawAll(
            rate_ratio=float(ratio), frozen_ratio=usual.frozen_ratio
        )
        transfer_text.compile_model(model, RATE)
    before = {each.path: each.numpy() for each in model.weights}
    watch = transfer_text.Watch()
    aet_keras.fine_tune(
        model,
        sides[0],
        validation_data=sides[1],
        epochs=args.epochs,
        freezing=callbacks.ElasticFreezing(policy),
        rate=callbacks.AdaptiveLearningRate(
            training.text_job.text_rate_policy()
        ),
        callbacks=[watch],
        batch_size=BATCH_SIZE,
        validation_batch_size=128,
        verbose=0,
    )
    kept = moved_bytes(model, before)
    model.set_weights(watch.weights)
    rows, labels = sides[2][0], texts.tests["movie"][1]
    answers = model.predict(rows, batch_size=128, verbose=0)
    low_rank.merge(model)
    merged = model.predict(rows, batch_size=128, verbose=0)
    return {
        "row": row,
        "seed": seed,
        "test": round(
            transfer_text.balanced(labels, answers.argmax(axis=1)), 4
        ),
        "validation": round(watch.value, 4),
        "seconds": round(float(watch.seconds[-1][1]), 1),
        "kilobytes": round(kept / 1e3),
        "merged_differs_by": float(np.abs(merged - answers).max()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--ranks", nargs="+", type=int, default=[4, 8])
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.5])
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--validation-count", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--sequence-length", type=int, default=32)
    args = parser.parse_args()
    print(_machine.describe())
    rows = ["head", "thaw"]
    rows += [f"lora:{r}:{ratio:g}" for r in args.ranks for ratio in args.ratios]
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        minilm_backbone.save_preset(_machine.DATA, pathlib.Path(folder))
        for seed in args.seeds:
            texts = transfer_text.Texts(seed, args.count, args.validation_count)
            for row in rows:
                runs.append(measure(row, seed, texts, args, folder))
                print(json.dumps(runs[-1]), flush=True)
                keras.backend.clear_session()
    for row in rows:
        own = [each for each in runs if each["row"] == row]
        for key in ("test", "validation"):
            print(f"{row:12} {key:10} {_machine.spread([r[key] for r in own])}")
        seconds = statistics.median(each["seconds"] for each in own)
        kilobytes = statistics.median(each["kilobytes"] for each in own)
        print(f"{row:12} seconds {seconds:.0f}  kilobytes {kilobytes:,.0f}")


if __name__ == "__main__":
    main()
