"""Is a model of texts or of table rows better after `adapt`?

Wanted, of a model of film reviews that meets reviews of products, tweets and
newspaper articles: with 100 labels of the new domain, the mean balanced
accuracy over the three rises by at least 5 points, and film loses at most 1.

    python tests/benchmarks/adapt_rows.py [--seeds 0 1 2]
        [--parts texts table] [--labels 100] [--shift found]

Data: vader_sentiment_4domains, MiniLM and german_credit in the folder that
AET_DATA names. `texts`: the head of a frozen MiniLM is solved on 2,000 film
reviews; 500 new texts of another domain come in, of which `--labels` have a
label, or none. Film and the domains are judged on up to 1,000 texts of their
test splits, which nothing was learned or chosen on. `table`: the model of
`aet-keras fit` on applicants up to 33 years meets older ones: 250 come in, of
which `--labels` have one, and the rest are judged. `--shift` names the kind of
the shift, in the place of the one that `compare` finds. What was reached
stands in CHANGES.
"""

import argparse
import csv
import pathlib
import tempfile

import _machine
import keras
import numpy as np
import transfer_text

import aet_keras
from aet_keras import recipes, tasks, training
from aet_keras.drift import Reference, compare, heads
from aet_keras.tasks import table_head

CREDIT = _machine.DATA / "german_credit.csv"
DOMAINS = ("amazon", "tweet", "nyt")
TARGET, AGE = "creditability", "age_in_years"
YOUNG = 33
CLASSES = ("bad", "good")


def balanced(model, x, labels):
    """Returns the mean of the recalls of the two classes."""
    answers = model.predict(x, batch_size=512, verbose=0).argmax(axis=1)
    return transfer_text.balanced(labels, answers)


def embedded(count):
    """Returns features and labels of up to so many texts of each split."""
    frame = aet_keras.data.read_csv("adapt_rows", transfer_text.SENTIMENT)
    frame = frame[frame.label != "-1"].sample(frac=1, random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        transfer_text.minilm_backbone.save_preset(
            _machine.DATA, pathlib.Path(folder)
        )
        packing = aet_keras.backbones.load_text_packing(
            folder, sequence_length=40
        )
        model = tasks.build_text_classifier(
            aet_keras.backbones.load_text_encoder(folder),
            class_count=2,
            sequence_length=40,
        )
    pool = keras.Model(model.input, model.get_layer("pool").output)
    found = {}
    for (domain, split), rows in frame.groupby(["domain", "split"]):
        rows = rows[: count if domain == "movie" else 1000]
        tokens = packing.pack(rows.text.tolist())
        x = pool.predict(tokens, batch_size=128, verbose=0)
        found[domain, split] = x, rows.label.to_numpy("int64")
    return found


def some(pair, rows):
    """Returns some rows of a pair of arrays."""
    return pair[0][rows], pair[1][rows]


def film_model(train):
    """Returns a classifier whose head is solved on film reviews."""
    found = heads.solve_head(*train, 2)
    head = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input(train[0].shape[1:]), head])
    head.set_weights([found.kernel, found.bias])
    return model


def adapted(model, new, labels, old, reference, options):
    """Adapts with some labels; returns what was done, in words."""
    known = np.where(np.arange(len(new[1])) < labels, new[1], -1)
    given = known if labels else None
    shift = compare(model, reference, new[0], given)
    kind = shift.kind if options.shift == "found" else options.shift
    done = aet_keras.adapt(
        model,
        new[0],
        given,
        old=old,
        shift=kind,
        reference=reference,
        seed=options.seed,
    )
    verdict = done.verdict.outcome if done.verdict else "-"
    return f"{shift.kind:<11} {', '.join(done.kept) or 'nothing'} ({verdict})"


def texts(sides, options):
    """Prints what film reviews, and another domain, gain and lose."""
    random = np.random.default_rng(options.seed)
    film = sides["movie", "train"]
    order = random.permutation(len(film[1]))
    train, held = some(film, order[:2000]), some(film, order[2000:2600])
    old = some(film, order[2600:])  # not learned: see `adapt`
    model = film_model(train)
    reference = Reference.measure(model, train[0], held, class_names=CLASSES)
    start = model.get_weights()
    for domain in DOMAINS:
        pool = sides[domain, "train"]
        new = some(pool, random.permutation(len(pool[1]))[:500])
        pairs = [sides["movie", "test"], sides[domain, "test"]]
        for labels in (0, options.labels):
            model.set_weights(start)
            before = [balanced(model, *pair) for pair in pairs]
            what = adapted(model, new, labels, old, reference, options)
            after = [balanced(model, *pair) for pair in pairs]
            yield domain, labels, before, after, what


def table(options):
    """Prints what young applicants, and older ones, gain and lose."""
    with CREDIT.open(newline="") as file:
        rows = list(csv.DictReader(file))
    random = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as home:
        path = pathlib.Path(home) / "young.csv"
        young = [row for row in rows if int(row[AGE]) <= YOUNG]
        write(path, young)
        recipe = recipes.TableRecipe(str(path), TARGET, seed=options.seed)
        job = training.table_job
        dataset = job.read_rows(recipe)
        run = job.fit_table_model(
            job.build_table_model(recipe, dataset), recipe, dataset
        )
        other = pathlib.Path(home) / "old.csv"
        write(other, [row for row in rows if int(row[AGE]) > YOUNG])
        older = aet_keras.data.read_table(
            other, target=TARGET, like=dataset.specification
        )
    model = run.model
    network = model.get_layer(tasks.table_model.NETWORK)
    headed = table_head.with_one_head(network)
    encode = training.table_encoding.encode
    train, held, test = (
        (encode(model, split), split.labels.astype("int64"))
        for split in (dataset.train, dataset.validation, dataset.test)
    )
    parts = [
        (encode(model, split), split.labels.astype("int64"))
        for split in (older.train, older.validation, older.test)
    ]
    whole = tuple(np.concatenate(each) for each in zip(*parts, strict=True))
    order = random.permutation(len(whole[1]))
    new, rest = some(whole, order[:250]), some(whole, order[250:])
    reference = Reference.measure(headed, train[0], held, class_names=CLASSES)
    start = headed.get_weights()
    for labels in (0, options.labels):
        headed.set_weights(start)
        before = [balanced(headed, *pair) for pair in (test, rest)]
        what = adapted(headed, new, labels, train, reference, options)
        after = [balanced(headed, *pair) for pair in (test, rest)]
        yield "older", labels, before, after, what


def write(path, rows):
    """Writes the rows of a table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def main():
    """Prints a line a case, and the means of all seeds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--parts", nargs="+", default=["texts", "table"])
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--shift", default="found")
    options = parser.parse_args()
    print(_machine.describe(), flush=True)
    sides = embedded(4000) if "texts" in options.parts else {}
    print("part   labels seed  old before, after   new before, after  what")
    gains = {}
    for seed in options.seeds:
        options.seed = seed
        keras.utils.set_random_seed(seed)
        found = {"texts": lambda: texts(sides, options)}
        found["table"] = lambda: table(options)
        for part in options.parts:
            for name, labels, before, after, what in found[part]():
                pairs = zip(before, after, strict=True)
                told = [f"{a:.3f}  {b:.3f}" for a, b in pairs]
                print(
                    f"{name:<7} {labels:>5} {seed:>4}  "
                    f"{'       '.join(told)}   {what}",
                    flush=True,
                )
                gains.setdefault((part, labels), []).append(
                    [b - a for a, b in zip(before, after, strict=True)]
                )
    for (part, labels), each in gains.items():
        old, new = np.mean(each, axis=0)
        print(f"{part}, {labels} labels: old {old:+.3f}, new {new:+.3f}")


if __name__ == "__main__":
    main()
