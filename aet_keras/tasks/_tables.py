"""Which layers hold a row for each user, item or value?"""

import keras
import numpy as np
from keras import ops

_SHARED = 10.0  # strength of an effect that all ratings with a value share


class Tables:
    """Makes the layers that hold a row a user, an item or a value.

    Args:
        specification: `aet_keras.data.RatingSpecification`.
        row_count: number of training rows; a penalty is a share of it.
        factors: int. Width of a row, if nothing else is said.
    """

    def __init__(self, specification, row_count, factors):
        self._specification = specification
        self._rows = row_count
        self.factors = factors
        self.user_count = 1 + len(specification.users)
        self.item_count = 1 + len(specification.items)

    def penalty(self, strength):
        """Returns what makes a strength what it is in ridge regression."""
        return keras.regularizers.L2(strength / self._rows)

    def rows(self, name, count, strength, start="normal", width=None):
        """Returns a table whose row 0, of the unknown, is 0 and stays so."""
        count = self.user_count if count is None else count
        width = self.factors if width is None else width
        table = np.zeros((count, width), "float32")
        if start == "normal":
            table[1:] = keras.random.normal((count - 1, width), stddev=0.1)
        return self._embedding(name, table, strength)

    def biases(self, name, values, strength):
        """Returns a table of one column that starts at known values."""
        return self._embedding(name, np.asarray(values)[:, None], strength)

    def _embedding(self, name, table, strength):
        layer = keras.layers.Embedding(
            *table.shape,
            embeddings_regularizer=self.penalty(strength),
            name=name,
        )
        layer.build((None, 1))
        layer.set_weights([table.astype("float32")])
        return layer

    def effects(self, inputs, *, user, item):
        """Returns what each feature adds: for all, for a user, for an item.

        Args:
            inputs: dict of what the model takes.
            user: float. Strength of what is added for a user.
            item: float. Likewise for an item.
        """
        parts = []
        for side in ("user", "item"):
            features = getattr(self._specification, f"{side}_features")
            for place, feature in enumerate(features):
                codes = inputs[f"{side}_features"][:, place : place + 1]
                width = 1 + len(feature.values)
                name = f"{side}_feature_{place}"
                parts.append(self._effect(name, codes, width))
                is_value = ops.one_hot(codes[:, 0], width)
                for of, count, strength in (
                    ("user", self.user_count, user),
                    ("item", self.item_count, item),
                ):
                    table = self.rows(
                        f"{of}_by_{name}", count, strength, "zeros", width
                    )
                    row = table(inputs[of])[:, 0]  # (batch, values)
                    parts.append(ops.sum(row * is_value, -1, keepdims=True))
        return parts

    def _effect(self, name, codes, width):
        table = self.rows(f"of_{name}", width, _SHARED, "zeros", 1)
        return table(codes)[:, 0]
