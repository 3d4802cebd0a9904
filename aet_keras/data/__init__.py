"""Reads images, texts, tables and ratings into data sets."""

from aet_keras._renamed import renamed
from aet_keras.data.batching import make_batches
from aet_keras.data.class_balance import balance
from aet_keras.data.dataset import Dataset, Split
from aet_keras.data.image_augmentation import build_augmentation
from aet_keras.data.image_reading import read_digits, read_images
from aet_keras.data.rating_lookup import make_rating_batches, make_rating_tables
from aet_keras.data.rating_reading import read_ratings
from aet_keras.data.table_file import read_csv
from aet_keras.data.table_reading import as_tensors, read_table
from aet_keras.data.text_reading import read_texts

__all__ = [
    "Dataset",
    "Split",
    "as_tensors",
    "balance",
    "build_augmentation",
    "make_batches",
    "make_rating_batches",
    "make_rating_tables",
    "read_csv",
    "read_digits",
    "read_images",
    "read_ratings",
    "read_table",
    "read_texts",
]

__getattr__ = renamed(
    __name__,
    {
        "augmentation": "aet_keras.data.build_augmentation",
        "batches": "aet_keras.data.make_batches",
        "class_weights": "aet_keras.data.class_balance.compute_class_weights",
        "rating_batches": "aet_keras.data.rating_lookup.make_rating_batches",
        "rating_tables": "aet_keras.data.make_rating_tables",
    },
    moved={
        "class_balance": ["compute_class_weights"],
        "dataset": ["Specification"],
        "image_arrays": ["read_image_arrays"],
        "image_decoding": ["coloured_share"],
        "image_reading": ["read_image_folder", "read_image_tfds"],
        "rating_lookup": ["RatingTables"],
        "rating_reading": ["RATING_SPLITS"],
        "specifications": [
            "CellFormat",
            "MISSING_WORDS",
            "RatingFeature",
            "RatingSpecification",
            "TableColumn",
            "TableSpecification",
        ],
        "splits": ["shared_rows"],
        "table_file": ["check_columns", "is_csv"],
        "table_reading": ["read_table_rows"],
        "text_encoding": ["read_text_file"],
        "text_reading": [
            "is_text_source",
            "read_text_folder",
            "read_text_table",
            "read_text_tfds",
        ],
    },
)
