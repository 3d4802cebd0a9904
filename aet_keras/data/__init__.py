"""Reads images, texts, tables and ratings into data sets."""

from aet_keras._renamed import renamed
from aet_keras.data.batching import make_batches
from aet_keras.data.class_balance import balance, compute_class_weights
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.image_augmentation import build_augmentation
from aet_keras.data.image_reading import read_digits, read_images
from aet_keras.data.rating_lookup import make_rating_batches, make_rating_tables
from aet_keras.data.rating_reading import read_ratings
from aet_keras.data.specifications import (
    RatingSpecification,
    TableColumn,
    TableSpecification,
)
from aet_keras.data.table_file import read_csv
from aet_keras.data.table_reading import as_tensors, read_table, read_table_rows
from aet_keras.data.text_reading import read_texts

__all__ = [
    "Dataset",
    "RatingSpecification",
    "Specification",
    "Split",
    "TableColumn",
    "TableSpecification",
    "as_tensors",
    "balance",
    "build_augmentation",
    "compute_class_weights",
    "make_batches",
    "make_rating_batches",
    "make_rating_tables",
    "read_csv",
    "read_digits",
    "read_images",
    "read_ratings",
    "read_table",
    "read_table_rows",
    "read_texts",
]

__getattr__ = renamed(
    __name__,
    {
        "CellFormat": "aet_keras.data.specifications.CellFormat",
        "MISSING_WORDS": "aet_keras.data.specifications.MISSING_WORDS",
        "RATING_SPLITS": "aet_keras.data.rating_reading.RATING_SPLITS",
        "RatingFeature": "aet_keras.data.specifications.RatingFeature",
        "RatingTables": "aet_keras.data.rating_lookup.RatingTables",
        "augmentation": "aet_keras.data.build_augmentation",
        "batches": "aet_keras.data.make_batches",
        "check_columns": "aet_keras.data.table_file.check_columns",
        "class_weights": "aet_keras.data.compute_class_weights",
        "coloured_share": "aet_keras.data.image_decoding.coloured_share",
        "is_csv": "aet_keras.data.table_file.is_csv",
        "is_text_source": "aet_keras.data.text_reading.is_text_source",
        "rating_batches": "aet_keras.data.make_rating_batches",
        "rating_tables": "aet_keras.data.make_rating_tables",
        "read_image_arrays": "aet_keras.data.image_arrays.read_image_arrays",
        "read_image_folder": "aet_keras.data.image_reading.read_image_folder",
        "read_image_tfds": "aet_keras.data.image_reading.read_image_tfds",
        "read_text_file": "aet_keras.data.text_encoding.read_text_file",
        "read_text_folder": "aet_keras.data.text_reading.read_text_folder",
        "read_text_table": "aet_keras.data.text_reading.read_text_table",
        "read_text_tfds": "aet_keras.data.text_reading.read_text_tfds",
        "shared_rows": "aet_keras.data.splits.shared_rows",
    },
)
