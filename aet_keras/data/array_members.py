"""Reads the arrays of an .npz, large ones without taking memory for them."""

import math
import struct
import zipfile
from pathlib import Path

import numpy as np

from aet_keras.data.image_storage import allocate

# What is smaller is not worth a file of its own.
_LARGE_BYTES = 16 * 1024**2
_CHUNK_BYTES = 1024**2
_LOCAL_HEADER = struct.Struct("<26xHH")  # lengths of the name and the rest


def read_members(path: Path) -> dict[str, np.ndarray]:
    """Reads the arrays of an .npz; pickled objects are never loaded.

    A large array that is stored as it is becomes a memory map of the file; one
    that is compressed is unpacked, beyond 2 GiB into a temporary file. Both
    are read once, so that damage is found here.

    Args:
        path: path of the file.

    Raises:
        Exception: of many kinds, if the file is damaged or holds objects.
    """
    # NumPy leaves a file that it opened itself open when it fails.
    with (
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        large = {
            member.filename.removesuffix(".npy"): member
            for member in archive.zip.infolist()
            if member.file_size >= _LARGE_BYTES
        }
        arrays = {}
        for key in archive.files:
            array = None
            if key in large:
                array = _large_array(path, archive.zip, large[key])
            arrays[key] = archive[key] if array is None else array
    # NumPy hands out members of a zip that are no arrays as bytes.
    return {k: a for k, a in arrays.items() if isinstance(a, np.ndarray)}


def _large_array(path, archive, member):
    """Returns an array of a member; None for NumPy to read it."""
    with archive.open(member) as content:
        found = _header(content)
        if found is None:
            return None
        shape, is_fortran, dtype, begin = found
        order = "F" if is_fortran else "C"
        size = math.prod(shape) * dtype.itemsize
        if begin + size != member.file_size:
            raise ValueError(f"`{member.filename}` is cut short")
        if member.compress_type == zipfile.ZIP_STORED:
            while content.read(_CHUNK_BYTES):  # compares the sum at the end
                pass
            start = _start(path, member) + begin
            return np.memmap(path, dtype, "r", start, shape, order)
        held = allocate((size,))
        view, place = memoryview(held), 0
        while count := content.readinto(view[place : place + _CHUNK_BYTES]):
            place += count
        return held.view(dtype).reshape(shape, order=order)


def _header(content):
    """Returns shape, order, dtype and where the numbers begin."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(content)
    if version not in readers:
        return None
    shape, is_fortran, dtype = readers[version](content)
    if dtype.hasobject:
        return None  # which NumPy refuses in its own words
    return shape, is_fortran, dtype, content.tell()


def _start(path, member):
    """Returns where the bytes of a member begin in the file."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return member.header_offset + _LOCAL_HEADER.size + name + extra
