import pytest

import aet_keras

OLD = {
    "data": """
        CellFormat MISSING_WORDS RATING_SPLITS RatingFeature RatingTables
        augmentation batches check_columns class_weights coloured_share
        is_csv is_text_source rating_batches rating_tables
        read_image_arrays read_image_folder read_image_tfds read_text_file
        read_text_folder read_text_table read_text_tfds shared_rows
    """.split(),
    "evaluation": """
        Baseline Biases CalibrationBin ClassScore Confusion
        FeatureImportance Mistake RatingScore cells_of judge most_confused
        rank_items
    """.split(),
    "explanations": """
        LeftOut overlay
    """.split(),
}
NAMES = [(room, name) for room, names in OLD.items() for name in names]


@pytest.mark.parametrize(("room", "name"), NAMES)
def test_a_name_of_the_last_version_is_found_with_a_warning(room, name):
    with pytest.warns(DeprecationWarning, match=f"`aet_keras.{room}.{name}`"):
        found = getattr(getattr(aet_keras, room), name)

    assert found is not None
