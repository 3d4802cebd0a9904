"""Builds a model of table rows: of classes, of tags, or of a number."""

import collections
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from aet_keras import _check as check
from aet_keras import layers
from aet_keras.data.specifications import TableColumn
from aet_keras.tasks.number_unit import Unit

ENCODED, NETWORK, SUM = "encoded", "network", "logits"
HIDDEN = "dropout"  # what `change` is given
HEADS = ("linear", "change")
_PREPROCESSOR = "_preprocessor"  # as FeatureSpace names them
_WEEK, _YEAR = 7.0, 365.2425  # in days, which dates are counted in
# Of the range of the numbers that are learned: so far beyond them another one
# may be. A slip of the decimal point erred more than all other test rows did.
_MARGIN = 0.5


def fit_feature_space(
    columns: Sequence[TableColumn],
    inputs: Mapping[str, np.ndarray],
    *,
    least_count: int = 5,
    bin_count: int = 4,
) -> keras.utils.FeatureSpace:
    """Measures how raw columns become numbers a network can learn from.

    A number or date becomes what `aet_keras.layers.NumberEncoding` makes of
    it, with mean, scale, median (for missing cells) and knots at quantiles; a
    date also its place in the week and in the year. One that is farther out
    than half the range of these rows is taken for that. A category becomes a
    one-hot vector whose first place is that of all rare categories, and of
    those never seen; missing cells are a category like any other.

    Args:
        columns: sequence of `aet_keras.data.specifications.TableColumn`.
        inputs: dict of column to array, the rows to measure, as
            `aet_keras.data.read_table` reads them.
        least_count: int >= 1. Rarer categories share one place. Defaults to
            `5`.
        bin_count: int >= 1. Bins a number is cut in. Defaults to `4`.

    Returns:
        A `keras.utils.FeatureSpace` that needs no `adapt` any more and puts
        out one row.

    Raises:
        ValueError: if a count is below 1, or there are no columns.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> space = aet_keras.tasks.table_model.fit_feature_space(
    ...     [TableColumn("branch", "category", "branch")],
    ...     {"branch": np.array(["a", "a", "b", ""], object)},
    ...     least_count=1,
    ... )
    >>> space.get_encoded_features().shape
    (None, 4)
    """
    owner = "fit_feature_space"
    check.positive_int(owner, least_count=least_count)
    check.positive_int(owner, bin_count=bin_count)
    if not columns:
        raise ValueError(f"{owner}: there must be a column to look at.")
    features = {}
    for column in columns:
        name, cells = column.name, inputs[column.name]
        if column.kind == "category":
            features[name] = _category(name, cells, least_count)
        else:
            periods = (_WEEK, _YEAR) if column.kind == "date" else ()
            features[name] = _number(name, cells, bin_count, periods)
    space = keras.utils.FeatureSpace(features, output_mode="concat")
    space.build_from_config({})  # nothing is left to adapt: this says so
    return space


def build_table_classifier(
    features: keras.utils.FeatureSpace,
    *,
    class_count: int,
    activation: str = "softmax",
    units: int = 16,
    dropout: float = 0.2,
) -> keras.Model:
    """Builds a classifier of rows of raw cells.

    The encoding, and behind it the layer `network`, a model of its own that
    can be trained on rows encoded once. Its logits are the sum of two paths:
    `linear`, one dense layer, which can be a logistic regression; and tokens,
    one a feature, soft attention between them, a squeeze-and-excite gate,
    attention pooling, two hidden layers over what is pooled and the row, and
    `change`, whose weights start at 0, so that a new network is its linear
    path.

    Args:
        features: `keras.utils.FeatureSpace`, as `fit_feature_space` makes it.
        class_count: int >= 2; of tags >= 1.
        activation: `"softmax"`, of classes, or `"sigmoid"`, of tags, of which
            any number may be true of a row. Defaults to `"softmax"`.
        units: int >= 1. Width of a token. Defaults to `16`.
        dropout: float from 0 to 1, 1 excluded. Defaults to `0.2`.

    Returns:
        A `keras.Model` from a dict of column to `(batch, 1)`, strings for
        categories and floats for the others, to probabilities
        `(batch, class_count)`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of its range.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> space = aet_keras.tasks.table_model.fit_feature_space(
    ...     [TableColumn("age", "number", "age")],
    ...     {"age": np.array([20, 30, np.nan], "float32")},
    ... )
    >>> model = aet_keras.tasks.build_table_classifier(space, class_count=2)
    >>> model.get_layer("network").output_shape
    (None, 2)
    """
    owner = "build_table_classifier"
    kind = keras.utils.FeatureSpace
    check.instance(owner, of=kind, features=features)
    among = ("softmax", "sigmoid")
    check.one_of(owner, activation=activation, among=among)
    least = 2 if activation == "softmax" else 1
    check.whole(owner, least=least, class_count=class_count)
    check.positive_int(owner, units=units)
    check.number(owner, least=0, most=0.999, dropout=dropout)
    end = functools.partial(
        class_end, class_count=class_count, activation=activation
    )
    return _build(features, end, units, dropout, name="table_classifier")


def build_table_regressor(
    features: keras.utils.FeatureSpace,
    unit: Unit,
    *,
    units: int = 16,
    dropout: float = 0.2,
) -> keras.Model:
    """Builds a model of a number, of rows of raw cells.

    It is the network of `build_table_classifier` with one unit in place of
    the logits: a value of mean 0 and spread 1, which the last layers bring
    into the unit of the number.

    Args:
        features: `keras.utils.FeatureSpace`, as `fit_feature_space` makes it.
        unit: `aet_keras.tasks.number_unit.Unit`.
        units: int >= 1. Width of a token. Defaults to `16`.
        dropout: float from 0 to 1, 1 excluded. Defaults to `0.2`.

    Returns:
        A `keras.Model` from a dict of column to `(batch, 1)` to numbers
        `(batch, 1)`.

    Raises:
        TypeError: if an argument is of another kind.
        ValueError: if one is out of its range.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> from aet_keras.tasks import table_model
    >>> space = table_model.fit_feature_space(
    ...     [TableColumn("age", "number", "age")],
    ...     {"age": np.array([20, 30, np.nan], "float32")},
    ... )
    >>> unit = aet_keras.tasks.number_unit.Unit(50.0, 9.0)
    >>> model = table_model.build_table_regressor(space, unit)
    >>> model.get_layer("network").output_shape
    (None, 1)
    """
    owner = "build_table_regressor"
    kind = keras.utils.FeatureSpace
    check.instance(owner, of=kind, features=features)
    check.instance(owner, of=Unit, unit=unit)
    check.positive_int(owner, units=units)
    check.number(owner, least=0, most=0.999, dropout=dropout)
    end = functools.partial(_in_unit, unit=unit)
    return _build(features, end, units, dropout, name="table_regressor")


def bending_columns(model: keras.Model) -> np.ndarray:
    """Returns which columns of encoded rows let a line bend at a knot.

    Args:
        model: a table classifier or regressor.

    Returns:
        bool array `(columns,)`.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> from aet_keras.tasks import table_model
    >>> space = table_model.fit_feature_space(
    ...     [TableColumn("age", "number", "age")],
    ...     {"age": np.arange(9, dtype="float32")},
    ...     bin_count=2,
    ... )
    >>> unit = aet_keras.tasks.number_unit.Unit(50.0, 9.0)
    >>> model = table_model.build_table_regressor(space, unit)
    >>> table_model.bending_columns(model)
    array([False, False,  True,  True])
    """
    bends: list[bool] = []
    for name in sorted(model.input):
        layer = model.get_layer(f"{name}{_PREPROCESSOR}")
        if not isinstance(layer, layers.NumberEncoding):
            bends += [False] * layer.vocabulary_size()
            continue
        bins = max(0, len(layer.knots) - 1)
        bends += [2 <= place < 2 + bins for place in range(layer.width)]
    return np.array(bends)


def widen_numbers(model: keras.Model, inputs: Mapping[str, Any]) -> None:
    """Has an earlier model tell numbers apart that it had not met so far.

    A number beyond the bounds of its column is taken for the bound. They are
    moved out to those of other rows, with the same margin, and never in.

    Args:
        model: a model with the layers of `fit_feature_space`; changed in
            place.
        inputs: dict of column to array, the rows to learn from.

    Example: see `build_table_classifier`.

    >>> aet_keras.tasks.table_model.widen_numbers.__name__
    'widen_numbers'
    """
    for layer in model.layers:
        cells = inputs.get(layer.name.removesuffix(_PREPROCESSOR))
        if not isinstance(layer, layers.NumberEncoding) or cells is None:
            continue
        if layer.low is None or layer.high is None:  # of an older version
            continue
        there = np.asarray(cells)[np.isfinite(cells)]
        if len(there):
            low, high = _bounds(there.astype("float64"))
            layer.low, layer.high = min(low, layer.low), max(high, layer.high)


def _bounds(there):
    margin = _MARGIN * float(there.max() - there.min())
    return float(there.min()) - margin, float(there.max()) + margin


def _build(features, end, units, dropout, *, name):
    encoded = keras.layers.Identity(name=ENCODED)(
        features.get_encoded_features()
    )
    network = _network(_widths(features), end, units, dropout)
    # A plain dict: Keras warns at each call if it has to unwrap its own.
    inputs = dict(features.get_inputs())
    return keras.Model(inputs, network(encoded), name=name)


def feature_names(columns: Sequence[TableColumn]) -> list[str]:
    """Returns the names of the columns in the order of their tokens.

    Example:

    >>> from aet_keras.data.specifications import TableColumn
    >>> column = TableColumn("age", "number", "age")
    >>> aet_keras.tasks.table_model.feature_names([column])
    ['age']
    """
    return sorted(column.name for column in columns)  # as FeatureSpace does


def _network(widths, end, units, dropout):
    row = keras.Input((sum(widths),), name="row")
    tokens = layers.FeatureTokens(widths, units, name="tokens")(row)
    look, pool = layers.SoftAttention, layers.SoftAttentionPooling
    if len(widths) == 1:  # nothing to look at beside it, nothing to weigh
        look, pool = keras.layers.Identity, keras.layers.GlobalAveragePooling1D
    x = look(name="attention")(tokens)  # (batch, features, units)
    x = layers.SqueezeExcite(ratio=4, name="gate")(x)
    x = pool(name="pool")(x)  # (batch, units)
    x = keras.layers.LayerNormalization(name="level")(x)
    # What is pooled is narrow: which cells go together is in the row.
    x = keras.layers.Concatenate(name="beside")([row, x])
    for dense, drop in (("cross", "cross_dropout"), ("hidden", HIDDEN)):
        x = keras.layers.Dense(4 * units, activation="gelu", name=dense)(x)
        x = keras.layers.Dropout(dropout, name=drop)(x)
    return keras.Model(row, end(row, x), name=NETWORK)


def class_end(row, hidden, *, class_count, activation="softmax"):
    """Returns probabilities."""
    logits = _both_paths(row, hidden, class_count)
    return keras.layers.Activation(
        activation, dtype="float32", name="probabilities"
    )(logits)


def _in_unit(row, hidden, *, unit):
    """Returns a number in its own unit."""
    return unit.apply(_both_paths(row, hidden, 1))


def _both_paths(row, hidden, unit_count):
    change = keras.layers.Dense(
        unit_count, use_bias=False, kernel_initializer="zeros", name="change"
    )(hidden)
    logits = keras.layers.Dense(unit_count, name="linear")(row)
    return keras.layers.Add(name=SUM)([logits, change])


def _number(name, cells, bin_count, periods):
    there = cells[np.isfinite(cells)].astype("float64")
    there = there if len(there) else np.zeros(1)
    fill = float(np.median(there))
    filled = np.where(np.isfinite(cells), cells, fill).astype("float64")
    shares = np.linspace(0, 1, bin_count + 1)
    # The layer computes in float32: knots must differ there, too.
    knots = np.unique(np.quantile(there, shares).astype("float32"))
    low, high = _bounds(there)
    encoding = layers.NumberEncoding(
        mean=float(filled.mean()),
        scale=float(filled.std()) or 1.0,
        fill=fill,
        knots=knots.tolist() if len(knots) > 2 else [],
        periods=periods,
        low=low,
        high=high,
        name=f"{name}{_PREPROCESSOR}",
    )
    return keras.utils.FeatureSpace.feature("float32", encoding, "float")


def _category(name, cells, least_count):
    # Given, not adapted: an adapted one is saved one a line, and loses the
    # empty string, which missing cells are.
    lookup = keras.layers.StringLookup(
        vocabulary=_frequent(cells, least_count), name=f"{name}{_PREPROCESSOR}"
    )
    return keras.utils.FeatureSpace.feature("string", lookup, "one_hot")


def _frequent(cells, least_count):
    """Returns the categories that are no rare ones, most frequent first."""
    # No array of str: each of its cells takes the space of the longest.
    counts = collections.Counter(map(str, cells.tolist()))
    names = sorted(counts, key=lambda name: (-counts[name], name))
    # What Keras calls rare categories cannot be one of the others.
    kept = [n for n in names if counts[n] >= least_count and n != "[UNK]"]
    return kept or names[:1]


def _widths(features):
    return [
        preprocessor.width
        if isinstance(preprocessor, layers.NumberEncoding)
        else preprocessor.vocabulary_size()
        for _, preprocessor in sorted(features.preprocessors.items())
    ]
