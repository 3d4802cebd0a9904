"""Writes the shipped images as shards: TFRecord files and tars."""

import io
import json
import tarfile

import image_folders
import tensorflow as tf


def labelled_images():
    """Returns `(class name, encoded image)` of each, classes in turn."""
    paths = sorted(image_folders.IMAGES.glob("*/*.png"))
    paths.sort(key=lambda path: path.name)
    return [(path.parent.name, path.read_bytes()) for path in paths]


def write_tar(path, rows, *, label="cls", mode="w"):
    """Writes a shard of WebDataset; returns its path."""
    with tarfile.open(path, mode) as archive:
        for number, (name, image) in enumerate(rows):
            content = name if label == "cls" else json.dumps({"label": name})
            add(archive, f"{number:04}.png", image)
            add(archive, f"{number:04}.{label}", content.encode())
    return path


def add(archive, name, content):
    """Adds a member to a tar."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_records(path, rows, *, names, compression="", keys=None):
    """Writes a TFRecord file as TensorFlow's converters do."""
    image_key, label_key = keys or ("image/encoded", "image/class/label")
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for name, image in rows:
            number = tf.train.Int64List(value=[names.index(name)])
            features = {
                image_key: of_bytes(image),
                label_key: tf.train.Feature(int64_list=number),
            }
            if keys is None:
                features["image/class/text"] = of_bytes(name.encode())
            features = tf.train.Features(feature=features)
            example = tf.train.Example(features=features)
            writer.write(example.SerializeToString())
    return path


def of_bytes(content):
    """Returns a feature of one string of bytes."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
