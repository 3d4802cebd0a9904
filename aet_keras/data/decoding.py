"""How does a picture of any kind become 8-bit RGB of one size?"""

import contextlib
import io
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

# Pillow opens more, EPS through an outside program among them: pictures come
# from anywhere, so only what needs none.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

# What was done about it, after the count and the noun.
_CONVERSIONS = {
    "animated picture": "cut to the first frame",
    "greyscale picture": "read as RGB",
    "palette picture": "read as RGB",
    "picture with an alpha channel": "laid on white",
    "16-bit picture": "scaled to 8 bits",
    "CMYK picture": "converted to RGB",
    "picture of another colour space": "converted to RGB",
}


def decode(
    picture: str | bytes, image_size: tuple[int, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reads one picture as RGB, upright and of the size asked for.

    The first frame is taken, EXIF orientation applied, transparency laid on
    white, 16 bits scaled to 8. The whole picture is stretched to the size,
    bilinear with antialiasing (Pillow's triangle filter, widened where it
    shrinks), the aspect ratio not kept. `export` writes a graph that makes
    the same pixels of a JPEG or PNG: what is changed here changes there.

    Args:
        picture: str or bytes. A path, or an encoded picture.
        image_size: `(height, width)`.

    Returns:
        A uint8 array `(height, width, 3)`, and what had to be converted: keys
        for `conversion_notes`.

    Raises:
        Exception: of whatever kind Pillow meets the damage with.
    """
    from PIL import Image

    file = io.BytesIO(picture) if isinstance(picture, bytes) else picture
    with Image.open(file, formats=FORMATS) as image:
        # A JPEG is decoded at a half, a quarter or an eighth of its size
        # where that is still twice what is asked for: several times faster.
        image.draft(None, (2 * max(image_size),) * 2)
        # The second frame of an MPO is the other eye or a preview.
        is_animated = getattr(image, "is_animated", False)
        is_animated = is_animated and image.format != "MPO"
        _mend(image)
        rgb, conversion = _to_rgb(_upright(image), image.format)
    conversions = ("animated picture",) * is_animated + conversion
    return resize(rgb, image_size), conversions


def resize(picture: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Returns a PIL image or uint8 array as `(height, width, 3)`, resized."""
    from PIL import Image

    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture).convert("RGB")
    height, width = image_size
    # Columns first, then rows, each rounded. Pillow 13 would choose the order
    # by the sizes, and older ones would not: pixels differ by 1.
    for size in ((width, picture.height), (width, height)):
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture)


def _mend(image):
    """Tells Pillow what it takes for something else, before it decodes."""
    rawmode = image.tile[0][3] if image.format == "PNG" and image.tile else ""
    seen_through = image.info.get("transparency")
    if rawmode in ("L;2", "L;4") and seen_through is not None:
        # Pillow scales the pixels to 8 bits, and not what is to be clear.
        most = 3 if rawmode == "L;2" else 15
        if seen_through <= most:
            image.info["transparency"] = seen_through * 255 // most
    if rawmode == "RGB;16B":  # it cuts off what would tell colours apart
        image.info.pop("transparency", None)


def _upright(image):
    """Returns a picture as the camera was held.

    Of a JPEG or PNG its block of EXIF says so and nothing else, because a
    graph can read that too; Pillow would look into XMP as well.
    """
    from PIL import Image, ImageOps

    if image.format not in ("JPEG", "MPO", "PNG"):
        return ImageOps.exif_transpose(image)
    image.load()  # a PNG may hold it behind the pixels
    turns = (
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.ROTATE_180,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )
    code = _orientation(image.info.get("exif", b""))
    return image if code < 2 else image.transpose(turns[code - 2])


def _orientation(block):
    """Returns entry 0x0112 of the first directory of EXIF, from 1 to 8."""
    block = re.sub(rb"^(?:Exif\0\0){1,2}", b"", block[:65536])
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(f"{order}H", block, start)
    room = (len(block) - start - 2) // 12
    for number in range(min(count, room)):
        entry = struct.unpack_from(
            f"{order}HHIH", block, start + 2 + 12 * number
        )
        if entry[0] == 0x0112:
            return entry[3] if entry[1] == 3 and 1 <= entry[3] <= 8 else 1
    return 1


def _to_rgb(image, kind):
    from PIL import ImageChops

    if image.mode.startswith(("I", "F")):
        return _from_deep(image, kind), ("16-bit picture",)
    if image.has_transparency_data:
        return _on_white(image), ("picture with an alpha channel",)
    if image.mode == "RGB":
        return image, ()
    names = {
        "1": "greyscale picture",
        "L": "greyscale picture",
        "P": "palette picture",
        "CMYK": "CMYK picture",
    }
    name = names.get(image.mode, "picture of another colour space")
    if image.mode == "CMYK" and kind == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes all for Adobe's
    return image.convert("RGB"), (name,)


def _on_white(image):
    from PIL import Image

    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _from_deep(image, kind):
    from PIL import Image

    # Pillow's own conversion clips at 255 instead of scaling. A 16-bit PNG
    # is `I` in older Pillows; elsewhere `I` and `F` have no fixed range.
    if not image.mode.startswith("I;16") and kind != "PNG":
        raise ValueError("pixels of 32 bits have no fixed range")
    values = np.asarray(image).astype("uint32")
    grey = ((values + 128) // 257).astype("uint8")
    return Image.fromarray(grey).convert("RGB")


def conversion_notes(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Returns one sentence for each kind of picture that was converted."""
    notes = []
    for noun, done in _CONVERSIONS.items():
        count = counts.get(noun, 0)
        nouns = noun.replace("picture", "pictures") if count > 1 else noun
        were = "were" if count > 1 else "was"
        notes += [f"{count} {nouns} {were} {done}."] if count else []
    return tuple(notes)


@contextlib.contextmanager
def bombs_refused() -> Iterator[None]:
    """Makes Pillow's warning about an outsized picture an error meanwhile.

    Its other warnings are about metadata, which is not used. Enter it before
    threads start: warning filters belong to the process.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\..*")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
