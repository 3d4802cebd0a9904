"""Finds ImageNet weights that Keras has downloaded before."""

import dataclasses
import hashlib
import os
import pathlib

_FOLDER = "models"  # where `keras.applications` keeps its files
# Backbone, file without the head, and the MD5 sum that Keras checks it by.
# Small ones first.
_FILES = (
    (
        "EfficientNetV2B0",
        "efficientnetv2-b0_notop.h5",
        "893217f2bb855e2983157299931e43ff",
    ),
    (
        "EfficientNetB0",
        "efficientnetb0_notop.h5",
        "50bc09e76180e00e4465e1a485ddc09d",
    ),
    (
        "MobileNetV3Large",
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "07fb09a5933dd0c8eaafa16978110389",
    ),
    (
        "DenseNet121",
        "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    (
        "ResNet50V2",
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "fac2f116257151a9d068a22e544a4917",
    ),
    (
        "ResNet50",
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
)
# A file for each size of image; Keras has no sums of these.
_MOBILE_FILE = (
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{}_no_top.h5"
)
_MOBILE_SIZES = (96, 128, 160, 192, 224)
_MOBILE_COUNT = 2_257_984  # numbers in MobileNetV2 without its head


@dataclasses.dataclass(frozen=True)
class CachedWeights:
    """Holds ImageNet weights that need no download.

    Args:
        backbone: str. One of `backbone_names()`.
        path: `pathlib.Path` of the file.
        image_size: int or None. The height and width that the file is taken
            for; `None` where it is the same for all.

    Example: see `find_cached_weights`.

    >>> import pathlib
    >>> aet_keras.backbones.cached_weights.CachedWeights(
    ...     "EfficientNetB0", pathlib.Path("efficientnetb0_notop.h5"), None
    ... ).backbone
    'EfficientNetB0'
    """

    backbone: str
    path: pathlib.Path
    image_size: int | None


def find_cached_weights(
    folder: str | os.PathLike | None = None,
) -> tuple[CachedWeights, ...]:
    """Finds weights of small image models in Keras's own cache.

    A name alone says little: a file counts if its MD5 sum is the one that
    Keras checks. Of MobileNetV2, of which Keras has no sum, it must be an
    HDF5 file with exactly as many numbers as the model has.

    Args:
        folder: optional str or path of the cache. Defaults to `$KERAS_HOME`,
            else `~/.keras`, as in Keras. Nothing is written or downloaded.

    Returns:
        Tuple of `CachedWeights`, the cheapest first.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     aet_keras.backbones.cached_weights.find_cached_weights(empty)
    ()
    """
    folder = pathlib.Path(_keras_home() if folder is None else folder) / _FOLDER
    found = []
    for size in _MOBILE_SIZES:
        path = folder / _MOBILE_FILE.format(size)
        if path.is_file() and _number_count(path) == _MOBILE_COUNT:
            found.append(CachedWeights("MobileNetV2", path, size))
    for name, file, md5 in _FILES:
        path = folder / file
        if path.is_file() and _sum(path) == md5:
            found.append(CachedWeights(name, path, None))
    return tuple(found)


def _keras_home():
    if "KERAS_HOME" in os.environ:
        return os.environ["KERAS_HOME"]
    home = os.path.expanduser("~")
    home = home if os.access(home, os.W_OK) else "/tmp"  # as Keras does
    return os.path.join(home, ".keras")


def _sum(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    except OSError:  # nobody may read it: Keras could not either
        return None


def _number_count(path):
    """Counts the numbers in a file of weights; 0 where it is damaged."""
    import h5py

    counts = []

    def count(name, node):
        if isinstance(node, h5py.Dataset):
            counts.append(node.size)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(count)
    except (OSError, RuntimeError, KeyError):
        return 0
    return sum(counts)
