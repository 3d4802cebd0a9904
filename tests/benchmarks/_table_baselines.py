"""What tables are compared with: cells encoded, and boosting to be tuned."""

from sklearn.compose import make_column_selector as of_type
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def encoded_cells():
    """Returns what makes numbers of a table's cells for a linear model."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    words = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    return make_column_transformer(
        (numbers, of_type(dtype_include="number")),
        (words, of_type(dtype_exclude="number")),
    )


def boosting_search(boosting, *, scoring, folds):
    """Returns the search of a gradient boosting's settings, not yet fitted.

    Args:
        boosting: a `HistGradientBoostingClassifier` or `-Regressor`.
        scoring: str. What scikit-learn chooses by.
        folds: what scikit-learn takes as `cv`.
    """
    words = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encode = make_column_transformer(
        (words, of_type(dtype_exclude="number")), remainder="passthrough"
    )
    settings = {
        "learning_rate": [0.02, 0.05, 0.1],
        "max_leaf_nodes": [3, 7, 15, 31],
        "max_iter": [60, 120, 250],
        "min_samples_leaf": [5, 15, 40],
        "l2_regularization": [0, 1, 10],
    }
    name = type(boosting).__name__.lower()
    return RandomizedSearchCV(
        make_pipeline(encode, boosting),
        {f"{name}__{key}": values for key, values in settings.items()},
        n_iter=12,
        random_state=0,
        scoring=scoring,
        cv=folds,
    )
