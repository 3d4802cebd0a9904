from image_folders import copy_images

from aet_keras.cli import _new_images
from aet_keras.data.folder_layout import IMAGE
from aet_keras.data.text_reading import is_text_source
from aet_keras.data.unlabelled_images import find_unlabelled


class Asked:
    owner = "watch"

    def say(self, sentence):
        raise AssertionError(sentence)


def test_hidden_images_are_passed_over(tmp_path):
    folder = copy_images(tmp_path / ".photos")
    shown = sorted(folder.rglob("*.png"))
    hidden = folder / "one" / ".thumbnails"
    (folder / "two").rename(hidden)
    (folder / "three" / "._0.png").write_bytes(b"left by a file manager")

    found = find_unlabelled("Recipe", folder)

    assert found == [path for path in shown if path.parent.name != "two"]
    files = _new_images.files_of(Asked(), str(folder), IMAGE)
    assert files == [str(path) for path in found]


def test_hidden_files_do_not_say_what_a_folder_holds(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("one")
    for name in ("._1.png", "._2.png"):
        (tmp_path / "a" / name).touch()

    assert is_text_source(tmp_path)
