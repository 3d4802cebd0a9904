"""Which loss for classes that have an order: does one beat cross-entropy?

Linear heads on the same features, strength tuned on validation rows by the
mean absolute error of ranks, minimised by L-BFGS:

- softmax: cross-entropy, which knows no order;
- cumulative: a logit for "above class k" that shares its weights, with
  ordered thresholds (proportional odds, McCullagh 1980; as CORAL, Cao 2020);
- ranked: a softmax whose loss is the ranked probability score, the squared
  error of the cumulative distribution (Epstein 1969).

Each is told by the likeliest class and by the median of its distribution,
which has the least expected absolute error.

    python tests/benchmarks/ordinal.py [--seeds 0 1 2 3 4]

Data: scikit-learn's diabetes, progression cut at its quintiles; and the words
of vader_sentiment_4domains.csv.gz of AET_DATA, film reviews whose rating is
cut at its quintiles, as 50 factors of TF-IDF.
"""

import argparse

import _machine
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
CLASSES = 5


def diabetes():
    """442 rows of 10 numbers."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


def films():
    """Film reviews as 50 factors of their words."""
    import pandas
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    frame = pandas.read_csv(_machine.DATA / "vader_sentiment_4domains.csv.gz")
    frame = frame[frame.domain == "movie"].sample(4000, random_state=0)
    words = TfidfVectorizer(min_df=3, sublinear_tf=True).fit_transform(
        frame.text
    )
    factors = TruncatedSVD(50, random_state=0).fit_transform(words)
    return factors, frame.rating.to_numpy("float64")


def cross_entropy(logits, labels):
    """Returns the loss and its gradient by the logits."""
    rows = np.arange(len(labels))
    loss = -log_softmax(logits, axis=1)[rows, labels].mean()
    slope = softmax(logits, axis=1)
    slope[rows, labels] -= 1
    return loss, slope / len(labels)


def ranked(logits, labels):
    """Likewise of the ranked probability score."""
    shares = softmax(logits, axis=1)
    below = labels[:, None] <= np.arange(CLASSES)
    error = np.cumsum(shares, axis=1) - below
    slope = 2 * np.cumsum(error[:, ::-1], axis=1)[:, ::-1]
    slope = shares * (slope - (slope * shares).sum(axis=1, keepdims=True))
    return (error**2).sum(axis=1).mean(), slope / len(labels)


def fit_softmax(x, labels, strength, loss):
    """Returns a function from rows to the probabilities of the classes."""
    shape = x.shape[1] + 1, CLASSES
    ones = np.hstack([x, np.ones((len(x), 1))])

    def target(flat):
        weights = flat.reshape(shape)
        value, slope = loss(ones @ weights, labels)
        held = weights * np.append(np.ones(len(weights) - 1), 0)[:, None]
        value += 0.5 * strength / len(x) * (held**2).sum()
        return value, (ones.T @ slope + strength / len(x) * held).ravel()

    found = minimize(target, np.zeros(np.prod(shape)), jac=True)
    weights = found.x.reshape(shape)
    return lambda rows: softmax(rows @ weights[:-1] + weights[-1], axis=1)


def fit_cumulative(x, labels, strength):
    """Likewise, with one direction and ordered thresholds."""
    above = (labels[:, None] > np.arange(CLASSES - 1)).astype(float)
    width = x.shape[1]

    def parts(flat):
        steps = np.exp(flat[width + 1 :])
        return flat[:width], np.cumsum(np.append(flat[width], steps)), steps

    def target(flat):
        weights, ends, steps = parts(flat)
        logits = (x @ weights)[:, None] - ends
        upper = expit(np.hstack([np.full((len(x), 1), 50.0), logits]))
        upper = np.hstack([upper, np.zeros((len(x), 1))])
        share = upper[:, :-1] - upper[:, 1:]
        rows = np.arange(len(x))
        own = np.maximum(share[rows, labels], 1e-12)
        slope = np.zeros_like(upper)  # by the cumulative probabilities
        slope[rows, labels] -= 1 / own
        slope[rows, labels + 1] += 1 / own
        slope = (slope * upper * (1 - upper))[:, 1:-1] / len(x)
        of_ends = -slope.sum(axis=0)
        after = np.cumsum(of_ends[::-1])[::-1]
        value = (
            -np.log(own).mean() + 0.5 * strength / len(x) * weights @ weights
        )
        return value, np.concatenate(
            [
                x.T @ slope.sum(axis=1) + strength / len(x) * weights,
                [after[0]],
                after[1:] * steps,
            ]
        )

    start = np.zeros(width + CLASSES - 1)
    shares = above.mean(axis=0)
    ends = -np.log(shares / (1 - shares))
    start[width] = ends[0]
    start[width + 1 :] = np.log(np.diff(ends))
    weights, ends, _ = parts(minimize(target, start, jac=True).x)

    def predict(rows):
        upper = expit((rows @ weights)[:, None] - ends)
        sides = np.ones((len(rows), 1)), np.zeros((len(rows), 1))
        return -np.diff(np.hstack([sides[0], upper, sides[1]]), axis=1)

    return predict


FITS = {
    "softmax": lambda *given: fit_softmax(*given, cross_entropy),
    "cumulative": fit_cumulative,
    "ranked": lambda *given: fit_softmax(*given, ranked),
}


def run(data, seed):
    """Returns the figures of each loss and rule on the test rows."""
    from aet_keras.evaluation.ordinal import measure_order

    x, numbers = DATA[data]()
    order = np.random.default_rng(seed).permutation(len(x))
    parts = np.split(order, [int(0.6 * len(x)), int(0.8 * len(x))])
    cuts = np.quantile(numbers[parts[0]], np.arange(1, CLASSES) / CLASSES)
    labels = np.searchsorted(cuts, numbers)
    x = (x - x[parts[0]].mean(axis=0)) / x[parts[0]].std(axis=0)
    found = {}
    for name, fit in FITS.items():
        fitted = [fit(x[parts[0]], labels[parts[0]], s) for s in STRENGTHS]
        best = min(
            fitted,
            key=lambda predict: (
                measure_order(labels[parts[1]], predict(x[parts[1]])).mae
            ),
        )
        scores = measure_order(labels[parts[2]], best(x[parts[2]]))
        found[name] = {
            "MAE, median": scores.mae,
            "MAE, likeliest": scores.likeliest_mae,
            "within one": scores.within_one,
            "weighted kappa": scores.kappa,
            "ranked score": scores.ranked_score,
        }
    return found


DATA = {"diabetes": diabetes, "films": films}


def main():
    """Runs each data set with each seed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", nargs="+", choices=DATA, default=[*DATA])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    args = parser.parse_args()
    print(_machine.describe(), flush=True)
    for data in args.data:
        found = [run(data, seed) for seed in args.seeds]
        for name in FITS:
            for figure in found[0][name]:
                values = [each[name][figure] for each in found]
                text = _machine.spread(values)
                print(f"{data:9} {name:11} {figure:15} {text}", flush=True)


if __name__ == "__main__":
    main()
