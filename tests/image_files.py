"""Image files of many formats, which every reader must read alike."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageChops


def draw_scene(size=(64, 48)):
    """Returns an image of a gradient, two discs and some noise."""
    x, y = np.meshgrid(np.linspace(0, 1, 512), np.linspace(0, 1, 384))
    discs = [(x - a) ** 2 + (y - a) ** 2 < 0.04 for a in (0.3, 0.7)]
    noise = np.random.default_rng(0).normal(0, 0.05, x.shape)
    colours = np.stack([x, y * ~discs[0], 1 - x * discs[1]], -1)
    pixels = np.clip(255 * (colours + noise[..., None]), 0, 255)
    return Image.fromarray(pixels.astype("uint8")).resize(size)


def encode(image, kind, **settings):
    """Returns the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def rotated_photo(code, endian=">"):
    """Returns a photo with EXIF as Pillow writes it."""
    said = Image.Exif()
    said.endian = endian
    said[0x010F], said[0x0112] = "maker", code
    return encode(draw_scene((512, 384)), "JPEG", exif=said)


def translucent_image():
    """Returns an image that is less and less opaque."""
    image = draw_scene().convert("RGBA")
    alpha = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype("uint8")
    image.putalpha(Image.fromarray(alpha))
    return image


def noise_png(bits, kind, *, clear=None, held=None):
    """Returns a PNG of noise, of a depth and kind that Pillow may not write.

    Args:
        bits: int. Of one number of a pixel.
        kind: int. 0 grey, 2 colours, 4 grey with alpha, 6 colours with alpha.
        clear: optional bytes. The chunk that names a colour seen through.
        held: optional bytes. The EXIF, behind the pixels.
    """
    shape = 48, 64 * {0: 1, 2: 3, 4: 2, 6: 4}[kind]
    values = np.random.default_rng(0).integers(0, 2**bits, shape)
    each = (values[..., None] >> np.arange(bits)[::-1]) & 1
    rows = np.packbits(each.reshape(48, -1).astype("uint8"), axis=1)
    header = struct.pack(">IIBBBBB", 64, 48, bits, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            b"" if clear is None else _chunk(b"tRNS", clear),
            _chunk(b"IDAT", data),
            b"" if held is None else _chunk(b"eXIf", held),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind, data):
    sum_ = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + sum_


def exif_block(code, order="<", *, before=0, kind=3):
    """Returns a block that says how a camera was held.

    Args:
        code: int. 1 to 8 mean something.
        order: str. Of the bytes, `"<"` or `">"`.
        before: int. Entries that stand before it.
        kind: int. 3 is a short, which alone counts.
    """
    others = (struct.pack(f"{order}HHII", k, 4, 1, 7) for k in range(before))
    said = struct.pack(f"{order}HHIHH", 0x0112, kind, 1, code, 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    start = struct.pack(f"{order}IH", 8, before + 1)
    return mark + start + b"".join(others) + said + bytes(4)


def jpeg_segment(kind, data):
    """Returns a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data


def jpeg_with_segments(*segments, image=None):
    """Returns a JPEG with segments in front of all others."""
    jpeg = encode(draw_scene((512, 384)), "JPEG") if image is None else image
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def unmarked_cmyk_jpeg():
    """Returns a JPEG in CMYK that no program of Adobe has written."""
    jpeg = encode(ImageChops.invert(draw_scene().convert("CMYK")), "JPEG")
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4]) :]


IMAGE_FILES = {
    "png": encode(draw_scene(), "PNG"),
    "grey png": encode(draw_scene().convert("L"), "PNG"),
    "png of 1 bit": encode(draw_scene().convert("1"), "PNG"),
    "png of 2 bits": noise_png(2, 0),
    "png of 4 bits": noise_png(4, 0),
    "png of 4 bits with a clear grey": noise_png(4, 0, clear=b"\0\5"),
    "png of 16 bits": noise_png(16, 0),
    "colours of 16 bits": noise_png(16, 2),
    "colours of 16 bits with a clear one": noise_png(
        16,
        2,
        clear=np.random.default_rng(0)
        .integers(0, 65536, 3)
        .astype(">u2")
        .tobytes(),
    ),
    "grey of 16 bits with alpha": noise_png(16, 4),
    "colours of 16 bits with alpha": noise_png(16, 6),
    "png with alpha": encode(translucent_image(), "PNG"),
    "grey png with alpha": encode(translucent_image().convert("LA"), "PNG"),
    "palette png": encode(draw_scene().quantize(99), "PNG"),
    "palette png of 4 bits": encode(draw_scene().quantize(16), "PNG", bits=4),
    "clear palette png": encode(
        draw_scene().quantize(4), "PNG", transparency=1
    ),
    # 15 is what TensorFlow puts where a file of 4 bits has no alpha.
    "palette png of 4 bits, faint": encode(
        draw_scene().point(lambda v: 255 * (v > 127)).quantize(16),
        "PNG",
        transparency=bytes([15] * 16),
        bits=4,
    ),
    "jpeg": encode(draw_scene(), "JPEG"),
    "grey jpeg": encode(draw_scene().convert("L"), "JPEG"),
    "cmyk jpeg": encode(draw_scene().convert("CMYK"), "JPEG"),
    "cmyk jpeg without a mark": unmarked_cmyk_jpeg(),
    "progressive jpeg": encode(draw_scene(), "JPEG", progressive=True),
    "photo": encode(draw_scene((512, 384)), "JPEG", quality=60),
    "photo of full colours": encode(
        draw_scene((301, 203)), "JPEG", subsampling=0
    ),
    "tall photo": encode(draw_scene((40, 380)), "JPEG"),
    "turned png": noise_png(8, 2, held=exif_block(6, ">")),
    "turned photo": jpeg_with_segments(
        jpeg_segment(0xE1, b"Exif\0\0" + exif_block(8))
    ),
    "turned photo, said late": jpeg_with_segments(
        jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes(5000)),
        jpeg_segment(0xE1, b"Exif\0\0" + exif_block(5, ">", before=60)),
    ),
    "photo turned by XMP alone": jpeg_with_segments(
        jpeg_segment(
            0xE1, b'http://ns.adobe.com/xap/1.0/\0<tiff:Orientation="6">'
        )
    ),
    "photo turned by a long": jpeg_with_segments(
        jpeg_segment(0xE1, b"Exif\0\0" + exif_block(6, kind=4))
    ),
    "photo of broken EXIF": jpeg_with_segments(
        jpeg_segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 30)
    ),
}
