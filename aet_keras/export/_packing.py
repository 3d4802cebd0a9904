"""In what does a model want its one input wrapped?"""

from typing import Any

import keras


def pack(model: keras.Model, pixels: Any) -> Any:
    """Returns the pixels as they are, or in the model's own list or dict."""
    if isinstance(model, keras.Sequential):  # has no `input` until called
        return pixels
    return keras.tree.pack_sequence_as(model.input, [pixels])
