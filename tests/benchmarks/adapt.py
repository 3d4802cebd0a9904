"""Is a model better after `adapt`, with labels and without?

Claim: without labels, the mean accuracy over seven made shifts of inputs rises
by at least 6 points (one of them may fall), and clean images lose nothing; of
a shift of labels at least 0.65 of the gain is found that the true frequencies
give; of 200 useless changes at most 5 % pass `judge_change`. At least 133
old rows are needed to prove that at most 2 % is forgotten.

    python tests/benchmarks/adapt.py [--data clothing10] [--backbone mobilenet]
        [--seeds 0] [--parts inputs labels few rules gate] [--labels 100]

The source model and the shifts are those of `_shifts.py`, 64 pixels. New rows
are shifted validation images, old ones are training images; accuracies are of
test images, which nothing was learned or chosen on. `few` gives `--labels` of
the new rows their label: of `noise5`, and of clean images whose labels are
permuted, where the head alone has to learn. `rules` trains by published rules
on the same labels, in plain Keras at one rate, without old rows: the head, the
first or the last group with it, all, the head before all (LP-FT), all at rates
by relative gradient norms (Auto-RGN), and all after BatchNormalization was
moved. `beside` does so on the shifts of `--shifts`, beside `adapt`: wanted is
at least the accuracy of the best rule, within one standard error of the
difference, which is that of the paired answers.
"""

import argparse
import itertools
import time

import _machine
import _shifts
import keras
import numpy as np
import tensorflow as tf

import aet_keras
from aet_keras._keras import normalization
from aet_keras.backbones.groups import group_layers
from aet_keras.drift import batch_statistics, gate, paired_gain, priors

PARTS = ("inputs", "labels", "few", "rules", "beside", "gate")
RULES = ("head", "first", "last", "all", "Auto-RGN", "LP-FT", "BN, then all")
RGN_BATCHES = 5
RULE_EPOCHS, RULE_RATE = 20, 3e-4
ALPHA = 0.3
DRAWS = 100
USELESS = 200
FORGETS = 0.02


def answers(model, images):
    """Returns probabilities `(rows, classes)`."""
    return model.predict(images, batch_size=128, verbose=0)


def accuracy(model, images, labels):
    """Returns the share of images that are answered rightly."""
    return float(np.mean(answers(model, images).argmax(axis=1) == labels))


def inputs(model, splits, seed, options):
    """Prints what moving BatchNormalization brings, without labels."""
    start, (train, validation, test) = model.get_weights(), splits
    random = np.random.default_rng(1000 + seed)
    gains = []
    shifts = {"clean": None, **_shifts.SHIFTS, "sketch (made)": _shifts.SKETCH}
    for name, change in shifts.items():
        model.set_weights(start)
        new, seen = (
            images if change is None else change(images, random)
            for images in (validation[0], test[0])
        )
        before = accuracy(model, seen, test[1])
        adapted = aet_keras.adapt(model, new, old=train, shift="input")
        after = accuracy(model, seen, test[1])
        gains += [(before, after)] if name in _shifts.SHIFTS else []
        print(
            f"  {name:<14} {before:.3f} -> {after:.3f}  "
            f"{', '.join(adapted.kept) or 'nothing kept'}",
            flush=True,
        )
    model.set_weights(start)
    before, after = np.array(gains).T
    print(
        f"  mean of {len(gains)} shifts {before.mean():.3f} -> "
        f"{after.mean():.3f}, the worst {(after - before).min():+.3f}"
    )


def labels(model, splits, seed, options):
    """Prints what other frequencies of classes cost, and what is mended."""
    random = np.random.default_rng(2000 + seed)
    (_, _), (held, held_labels), (images, truth) = splits
    calibration = priors.calibrate(answers(model, held), held_labels)
    source = calibration.apply(answers(model, held)).mean(axis=0)
    found = answers(model, images)
    by_class = [np.flatnonzero(truth == k) for k in range(found.shape[1])]
    rows = {"Dirichlet 0.3": [], "no shift": []}
    for name, results in rows.items():
        for _ in range(DRAWS):
            shares = np.bincount(truth) / len(truth)
            if name != "no shift":
                shares = random.dirichlet([ALPHA] * len(by_class))
            drawn = random.multinomial(300, shares)
            places = np.concatenate(
                [
                    random.choice(r, n)
                    for r, n in zip(by_class, drawn, strict=True)
                ]
            )
            results.append(
                _corrected(found[places], truth[places], calibration, source)
            )
    for name, results in rows.items():
        plain, ours, oracle = np.mean(results, axis=0)
        print(
            f"  {name:<14} as it is {plain:.3f}, estimated {ours:.3f}, true "
            f"frequencies {oracle:.3f}  ({DRAWS} draws of 300 rows)"
        )


def _corrected(found, truth, calibration, source):
    """Returns the accuracy as it is, with estimated and with true priors."""
    calibrated = calibration.apply(found)
    estimated = priors.estimate_priors(calibrated, source)
    true = np.bincount(truth, minlength=found.shape[1]) / len(truth)
    scores = (
        found,
        calibrated * np.maximum(estimated / source, 1e-3),
        calibrated * np.maximum(true / source, 1e-3),
    )
    return [np.mean(each.argmax(axis=1) == truth) for each in scores]


def cases_of(splits, seed, count):
    """Yields name, new rows, given labels, test rows and whether permuted."""
    _, validation, test = splits
    random = np.random.default_rng(3000 + seed)
    permuted = random.permutation(int(splits[0][1].max()) + 1)
    known = random.permutation(len(validation[1]))[:count]
    noise = _shifts.SHIFTS["noise5"]
    cases = {
        "noise5": (noise(validation[0], random), noise(test[0], random), None),
        "permuted": (validation[0], test[0], permuted),
    }
    for name, (new, seen, order) in cases.items():
        truth, wanted = (
            split[1] if order is None else order[split[1]]
            for split in (test, validation)
        )
        given = np.full(len(wanted), -1)
        given[known] = wanted[known]
        yield name, new, given, (seen, truth), order is not None


def few(model, splits, seed, options):
    """Prints what some labels bring, and what is forgotten."""
    start, (train, _, test) = model.get_weights(), splits
    for name, new, given, seen, is_permuted in cases_of(
        splits, seed, options.labels
    ):
        for kind in ("output" if is_permuted else "input", None):
            model.set_weights(start)
            before = accuracy(model, *seen), accuracy(model, *test)
            begun = time.process_time()
            adapted = aet_keras.adapt(
                model, new, given, old=train, shift=kind, seed=seed
            )
            seconds = time.process_time() - begun
            after = accuracy(model, *seen), accuracy(model, *test)
            print(
                f"  {name}, {options.labels} labels, shift={kind}: "
                f"{before[0]:.3f} -> {after[0]:.3f}, clean {before[1]:.3f} -> "
                f"{after[1]:.3f}, {seconds:.0f} s of the processor\n"
                f"{adapted.to_text()}",
                flush=True,
            )
    model.set_weights(start)


def rules(model, splits, seed, options):
    """Prints what each published rule brings with the same labels."""
    start, (train, _, test) = model.get_weights(), splits
    stride = -(-len(train[1]) // 500)
    for name, new, given, seen, _ in cases_of(splits, seed, options.labels):
        for rule in RULES:
            model.set_weights(start)
            seconds = follow(rule, model, new, given, train[0][::stride], seed)
            print(
                f"  {name}, {options.labels} labels, {rule}: "
                f"{accuracy(model, *seen):.3f}, clean "
                f"{accuracy(model, *test):.3f}, {seconds:.0f} s",
                flush=True,
            )
    model.set_weights(start)


def beside(model, splits, seed, options):
    """Prints `adapt`, and each rule, on some shifts, with the same labels."""
    start, (train, validation, test) = model.get_weights(), splits
    stride = -(-len(train[1]) // 500)
    for name in options.shifts:
        random = np.random.default_rng(5000 + seed)
        change = _shifts.SHIFTS[name]
        new, seen = (change(each[0], random) for each in (validation, test))
        given = np.full(len(new), -1)
        known = random.permutation(len(new))[: options.labels]
        given[known] = validation[1][known]

        def right(images, truth=test[1]):
            return answers(model, images).argmax(axis=1) == truth

        model.set_weights(start)
        was = right(seen).mean(), right(test[0]).mean()
        begun = time.process_time()
        adapted = aet_keras.adapt(
            model, new, given, old=train, shift="input", seed=seed
        )
        seconds = time.process_time() - begun
        ours, clean = right(seen), right(test[0]).mean()
        print(
            f"  {name}, {options.labels} labels, as it was: {was[0]:.3f}, "
            f"clean {was[1]:.3f}\n"
            f"  {'adapt':<13} {ours.mean():.3f}, clean {clean:.3f}, "
            f"{seconds:.0f} s; kept: {', '.join(adapted.kept) or 'nothing'}",
            flush=True,
        )
        for rule in options.rules:
            model.set_weights(start)
            seconds = follow(rule, model, new, given, train[0][::stride], seed)
            theirs, clean = right(seen), right(test[0]).mean()
            more = ours.astype(int) - theirs
            error = more.std() / len(more) ** 0.5
            print(
                f"  {rule:<13} {theirs.mean():.3f}, clean {clean:.3f}, "
                f"{seconds:.0f} s; adapt {more.mean():+.3f} "
                f"(standard error {error:.3f})",
                flush=True,
            )
    model.set_weights(start)


def follow(rule, model, new, given, old, seed):
    """Trains by a rule; returns the seconds of the processor."""
    keras.utils.set_random_seed(seed)
    begun, known = time.process_time(), given >= 0
    if rule.startswith("BN"):
        source = batch_statistics.measure_moments(model, old)
        moved = batch_statistics.measure_moments(model, new, source)
        batch_statistics.shift_statistics(model, source, moved)
    if rule == "LP-FT":
        train_by("head", model, new[known], given[known])
    train_by(rule, model, new[known], given[known])
    return time.process_time() - begun


def train_by(rule, model, x, y):
    """Trains the groups that a rule names, and the head, in plain Keras."""
    *groups, head = group_layers(model)
    chosen = {"head": [], "first": groups[:1], "last": groups[-1:]}
    model.trainable = True
    for group in groups:
        for layer in group.layers:
            layer.trainable = group in chosen.get(rule, groups)
    for layer in normalization.normalizations(model):
        layer.trainable = False  # its statistics stay
    model.compile(
        keras.optimizers.Adam(1e-3 if rule == "head" else RULE_RATE),
        "sparse_categorical_crossentropy",
    )
    if rule == "Auto-RGN":
        return train_by_norms(model, x, y)
    model.fit(x, y, batch_size=16, epochs=RULE_EPOCHS, verbose=0)


def train_by_norms(model, x, y):
    """Trains each weight at a rate by its relative gradient norm.

    The rate is `RULE_RATE` * norm / largest norm, norm = |gradient| / |weight|,
    a mean of the first batches of each epoch (https://arxiv.org/abs/2210.11466).
    """
    weights, random = model.trainable_variables, np.random.default_rng(0)

    @tf.function(reduce_retracing=True)
    def slopes(images, labels):
        with tf.GradientTape() as tape:
            losses = keras.losses.sparse_categorical_crossentropy(
                labels, model(images, training=True)
            )
            loss = tf.reduce_mean(losses)
        return tape.gradient(loss, [each.value for each in weights])

    for _ in range(RULE_EPOCHS):
        order = np.array_split(random.permutation(len(y)), -(-len(y) // 16))
        batches = [(tf.constant(x[rows]), y[rows]) for rows in order]
        norms = np.zeros(len(weights))
        for batch in batches[:RGN_BATCHES]:
            for place, slope in enumerate(slopes(*batch)):
                size = np.linalg.norm(weights[place].numpy())
                norms[place] += np.linalg.norm(slope) / max(size, 1e-8)
        ratios = norms / norms.max()
        for batch in batches:
            before = [each.numpy() for each in weights]
            model.optimizer.apply_gradients(
                zip(slopes(*batch), weights, strict=True)
            )
            for weight, old, ratio in zip(weights, before, ratios, strict=True):
                weight.assign(old + ratio * (weight.numpy() - old))


def useless(model, splits, seed, options):
    """Prints how many changes pass that are as good as none."""
    random = np.random.default_rng(4000 + seed)
    images, truth = (
        np.concatenate(parts) for parts in zip(*splits[1:], strict=True)
    )
    logits = np.log(np.maximum(answers(model, images), 1e-12))
    for count in (30, 100, 300):
        passed = differ = 0.0
        for _ in range(USELESS):
            rows = random.permutation(len(truth))[:count]
            before, after = (
                (logits[rows] + random.gumbel(size=logits[rows].shape)).argmax(
                    1
                )
                for _ in range(2)
            )
            verdict = gate.judge_change(truth[rows], before, after)
            passed += verdict.is_better
            differ += np.mean(before != after)
        print(
            f"  {count} labels: {passed / USELESS:.3f} of {USELESS} useless "
            f"changes pass; {differ / USELESS:.2f} of the answers differ"
        )
    counts = ", ".join(
        f"{least_old_rows(share)} where {share:.0%} of the answers differ"
        for share in (0.0, 0.02, 0.05)
    )
    print(f"  to prove that at most {FORGETS:.0%} is forgotten: {counts}")


def least_old_rows(share):
    """Returns how many old rows prove that nothing is forgotten.

    As many become right as become wrong, of the share that differs.
    """
    for count in itertools.count(1):
        each = round(share * count / 2)
        if -paired_gain.paired_gain(each, each, count).low <= FORGETS:
            return count


RUNS = {
    "inputs": inputs,
    "labels": labels,
    "few": few,
    "rules": rules,
    "beside": beside,
    "gate": useless,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="clothing10")
    parser.add_argument("--backbone", default="mobilenet")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument(
        "--shifts",
        nargs="+",
        choices=_shifts.SHIFTS,
        default=["noise5", "jpeg5", "rotate35"],
    )
    parser.add_argument("--rules", nargs="+", choices=RULES, default=RULES)
    parser.add_argument(
        "--folder",
        default="/tmp/aet-shifts",
        help="where source models are kept",
    )
    options = parser.parse_args()
    print(_machine.describe())
    for seed in options.seeds:
        model, splits = _shifts.source(
            options.data, options.backbone, seed, options.folder
        )
        keras.utils.set_random_seed(seed)
        for part in options.parts:
            print(f"{options.data}, {options.backbone}, seed {seed}: {part}")
            RUNS[part](model, splits, seed, options)


if __name__ == "__main__":
    main()
