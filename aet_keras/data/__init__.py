"""What is there to learn from?"""

from aet_keras.data.batching import batches
from aet_keras.data.class_balance import balance, class_weights
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.image_arrays import read_image_arrays
from aet_keras.data.image_augmentation import augmentation
from aet_keras.data.image_decoding import coloured_share
from aet_keras.data.image_reading import (
    read_digits,
    read_image_folder,
    read_image_tfds,
    read_images,
)
from aet_keras.data.rating_reading import RATING_SPLITS, read_ratings
from aet_keras.data.rating_tables import (
    RatingTables,
    rating_batches,
    rating_tables,
)
from aet_keras.data.specifications import (
    MISSING_WORDS,
    CellFormat,
    RatingFeature,
    RatingSpecification,
    TableColumn,
    TableSpecification,
)
from aet_keras.data.splits import shared_rows
from aet_keras.data.table_file import check_columns, is_csv, read_csv
from aet_keras.data.table_reading import as_tensors, read_table, read_table_rows
from aet_keras.data.text_encoding import read_text_file
from aet_keras.data.text_reading import (
    is_text_source,
    read_text_folder,
    read_text_table,
    read_text_tfds,
    read_texts,
)

__all__ = [
    "CellFormat",
    "Dataset",
    "MISSING_WORDS",
    "RATING_SPLITS",
    "RatingFeature",
    "RatingSpecification",
    "RatingTables",
    "Specification",
    "Split",
    "TableColumn",
    "TableSpecification",
    "as_tensors",
    "augmentation",
    "balance",
    "batches",
    "check_columns",
    "class_weights",
    "coloured_share",
    "is_csv",
    "is_text_source",
    "rating_batches",
    "rating_tables",
    "read_csv",
    "read_digits",
    "read_image_arrays",
    "read_image_folder",
    "read_image_tfds",
    "read_images",
    "read_ratings",
    "read_table",
    "read_table_rows",
    "read_text_file",
    "read_text_folder",
    "read_text_table",
    "read_text_tfds",
    "read_texts",
    "shared_rows",
]
