"""What is there to learn from?"""

from aet_keras.data._encodings import read_text_file
from aet_keras.data.augmentation import augmentation
from aet_keras.data.balance import balance, class_weights
from aet_keras.data.batches import batches
from aet_keras.data.cell_format import MISSING_WORDS, CellFormat
from aet_keras.data.colour import coloured_share
from aet_keras.data.csv_file import check_columns, is_csv, read_csv
from aet_keras.data.dataset import Dataset, Specification, Split
from aet_keras.data.digits import read_digits
from aet_keras.data.duplicates import shared_rows
from aet_keras.data.image_arrays import read_image_arrays
from aet_keras.data.image_folder import read_image_folder
from aet_keras.data.image_tfds import read_image_tfds
from aet_keras.data.rating_specification import (
    RatingFeature,
    RatingSpecification,
)
from aet_keras.data.rating_tables import (
    RatingTables,
    rating_batches,
    rating_tables,
)
from aet_keras.data.ratings import RATING_SPLITS, read_ratings
from aet_keras.data.source_kind import is_text_source
from aet_keras.data.sources import read_images
from aet_keras.data.table import as_tensors, read_table
from aet_keras.data.table_rows import read_table_rows
from aet_keras.data.table_specification import TableColumn, TableSpecification
from aet_keras.data.text_folder import read_text_folder
from aet_keras.data.text_table import read_text_table
from aet_keras.data.text_tfds import read_text_tfds
from aet_keras.data.texts import read_texts

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
