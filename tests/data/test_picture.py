"""Every mode of picture becomes what a person sees, for data and for key images alike."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from backdoor_pipeline.attacks.parts.key_image import read_key
from backdoor_pipeline.data import picture as picture_module
from backdoor_pipeline.data.picture import (
    PictureError,
    UnclearPictureError,
    as_seen,
    extensions,
    is_turned,
    read_picture,
)
from backdoor_pipeline.data.sources import pictures as pictures_module
from backdoor_pipeline.data.sources.pictures import decode

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding")
RAMP = (
    np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
)  # 0, 257, ... 65535: black to white
LEVELS = np.arange(256, dtype=np.uint8).reshape(16, 16)  # what a person sees of it


def saved(picture: Image.Image, kind: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def seen(data: bytes) -> list:
    """All pixels: levels, or [red, green, blue]."""
    return np.array(read_picture(data)).tolist()


def one(mode: str, color: object) -> Image.Image:
    return Image.new(mode, (1, 1), color)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("1", 1, 255),
        ("L", 90, 90),
        ("RGB", (1, 2, 3), [1, 2, 3]),
        ("RGBX", (1, 2, 3, 0), [1, 2, 3]),
        ("LA", (100, 255), [100, 100, 100]),
        ("LA", (100, 0), [255, 255, 255]),
        ("LA", (0, 51), [204, 204, 204]),  # a fifth of black on white
        ("La", (20, 51), [224, 224, 224]),  # the fifth of 100 that it has, and four fifths of white
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (255, 0, 0, 51), [255, 204, 204]),
        ("RGBa", (51, 0, 0, 51), [255, 204, 204]),
        ("PA", (0, 0), [255, 255, 255]),
        ("CMYK", (0, 0, 0, 0), [255, 255, 255]),
        ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
        ("CMYK", (0, 0, 0, 255), [0, 0, 0]),
        ("YCbCr", (255, 128, 128), [255, 255, 255]),
        ("HSV", (0, 255, 255), [255, 0, 0]),
        ("F", 1.0, 255),
        ("F", 0.5, 128),  # 127.5 to the even side
        ("F", 0.0, 0),
    ],
)
def test_modes_by_hand(mode: str, color: object, expected: object):
    assert np.array(as_seen(one(mode, color)))[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("lab", "expected"),
    [((100, 0, 0), (255, 255, 255)), ((0, 0, 0), (0, 0, 0)), ((54.29, 80.81, 69.89), (255, 0, 0))],
)
def test_lab_is_of_daylight(lab: tuple[float, ...], expected: tuple[int, ...]):
    stored = (round(lab[0] * 2.55), round(lab[1] + 128), round(lab[2] + 128))
    for picture in (one("LAB", stored), Image.open(io.BytesIO(saved(one("LAB", stored), "TIFF")))):
        found = np.array(as_seen(picture))[0, 0].astype(int)
        assert np.abs(found - expected).max() <= 6, "as exact as 8 bits of Lab are"


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L", "I;16N"])
def test_sixteen_bits_in_any_byte_order(mode: str):
    order = ">u2" if mode == "I;16B" else "<u2"
    picture = Image.frombytes(mode, (16, 16), RAMP.astype(order).tobytes())
    assert np.array(as_seen(picture)).tolist() == LEVELS.tolist()


def test_every_mode_of_pillow_is_seen():
    for mode in Image.MODES:
        picture = Image.new(mode, (2, 1))
        picture.format = "PNG"  # of mode I is to be known where it is from
        assert as_seen(picture).mode in ("L", "RGB"), mode


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_files_are_scaled_not_clipped(channels: int):
    plain = b"P2 16 16 65535\n" + " ".join(map(str, RAMP.flatten())).encode()
    files = [
        saved(Image.fromarray(RAMP), "PNG"),
        saved(Image.fromarray(RAMP), "PPM"),
        saved(Image.fromarray(RAMP), "TIFF"),
        saved(Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"),
        saved(Image.fromarray(RAMP), "JPEG2000", irreversible=False),
        plain,
    ]
    for data in files:
        image = decode(data, (channels, 16, 16))
        assert image.float().mean() == 127.5
        assert torch.equal(image, torch.from_numpy(LEVELS).expand(channels, 16, 16))


def test_a_dark_sixteen_bit_picture_stays_dark():
    dark = np.full((2, 2), 200, np.uint16)  # of 65535: what a person sees is black
    assert seen(saved(Image.fromarray(dark), "PPM")) == [[1, 1], [1, 1]]
    assert seen(saved(Image.fromarray(dark), "PNG")) == [[1, 1], [1, 1]]


def test_a_gray_map_is_scaled_by_its_own_white():
    assert seen(b"P5 2 1 100\n" + bytes([0, 100])) == [[0, 255]]
    assert seen(b"P5 2 1 1023\n" + bytes([0, 0, 3, 255])) == [[0, 255]]


def test_a_tiff_of_twelve_bits_and_one_whose_white_is_zero():
    three_bytes_of_two = bytes([0x00, 0x0F, 0xFF])  # 0 and 4095
    data = _tiff(width=2, bits=12, white_is_zero=False, pixels=three_bytes_of_two)
    assert seen(data) == [[0, 255]]
    inverted = np.array([0, 65535], "<u2").tobytes()
    assert seen(_tiff(width=2, bits=16, white_is_zero=True, pixels=inverted)) == [[255, 0]]


def _tiff(*, width: int, bits: int, white_is_zero: bool, pixels: bytes) -> bytes:
    """An uncompressed gray picture of one row, little endian; Pillow writes neither kind."""
    entries = [(256, width), (257, 1), (258, bits), (259, 1), (262, int(not white_is_zero)), (277, 1)]
    strip = 8 + 2 + 12 * (len(entries) + 3) + 4
    entries += [(273, strip), (278, 1), (279, len(pixels))]
    body = b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little")
        for tag, value in sorted(entries)
    )
    return b"II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little") + body + bytes(4) + pixels


def test_floats_are_from_black_at_zero_to_white_at_one():
    picture = Image.fromarray(np.array([[0, 0.25, 1]], np.float32))
    for kind in ("TIFF", "PPM"):  # the latter is a PFM
        assert seen(saved(picture, kind)) == [[0, 64, 255]]


@pytest.mark.parametrize("wrong", [1.5, -0.1, float("nan"), 255.0])
def test_floats_that_mean_nothing_known_are_refused(wrong: float):
    data = saved(Image.fromarray(np.array([[0, wrong]], np.float32)), "TIFF")
    with pytest.raises(
        UnclearPictureError, match=r"its values go from .* not from 0 to 1: save it with 8 or 16"
    ):
        read_picture(data)


def test_integers_of_an_unknown_white_are_refused():
    data = saved(Image.fromarray(np.array([[0, 70000]], np.int32)), "TIFF")
    with pytest.raises(UnclearPictureError, match="32-bit values is white: save it with 8 or 16 bits"):
        read_picture(data)


def test_transparency_of_every_kind_is_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert seen(saved(palette, "PNG")) == [[[10, 20, 30], [40, 50, 60]]]
    for kind in ("PNG", "GIF"):
        assert seen(saved(palette, kind, transparency=0)) == [[[255, 255, 255], [40, 50, 60]]]
    assert seen(saved(palette, "PNG", transparency=bytes([51, 255]))) == [[[206, 208, 210], [40, 50, 60]]]
    colors = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    assert seen(saved(colors, "PNG", transparency=(1, 2, 3))) == [[[255, 255, 255], [4, 5, 6]]]
    gray = Image.fromarray(np.array([[7, 8]], np.uint8))
    assert seen(saved(gray, "PNG", transparency=7)) == [[[255, 255, 255], [8, 8, 8]]]
    deep = Image.fromarray(np.array([[257, 514]], np.uint16))
    assert seen(saved(deep, "PNG", transparency=257)) == [[[255, 255, 255], [2, 2, 2]]]


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_of_several_frames_the_first_is_seen(kind: str):
    frames = [Image.new("RGB", (4, 4), color) for color in ((255, 0, 0), (0, 0, 255))]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert decode(data, (3, 4, 4))[:, 0, 0].tolist() == [255, 0, 0]


CORNER = np.zeros((16, 32, 3), np.uint8)  # white at the top left, as wide as two heights
CORNER[:8, :8] = 255
# where the white corner is seen, and whether the picture is seen upright: by the tag's value
PLACES = {
    1: ("top left", False),
    2: ("top right", False),
    3: ("bottom right", False),
    4: ("bottom left", False),
    5: ("top left", True),
    6: ("top right", True),
    7: ("bottom right", True),
    8: ("bottom left", True),
}


def turned(value: int, kind: str, **settings: object) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return saved(Image.fromarray(CORNER), kind, exif=exif, **settings)


@pytest.mark.parametrize("value", PLACES)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_pictures_are_turned_as_their_metadata_say(value: int, kind: str, settings: dict[str, object]):
    data = turned(value, kind, **settings)
    place, upright = PLACES[value]
    picture = read_picture(data)
    assert picture.size == ((16, 32) if upright else (32, 16))
    pixels = np.array(picture)[..., 0]
    corner = (
        slice(0, 8) if "top" in place else slice(-8, None),
        slice(0, 8) if "left" in place else slice(-8, None),
    )
    assert pixels[corner].mean() > 250
    assert pixels.mean() < 50
    same = saved(picture, "PNG")
    assert torch.equal(decode(data, (3, 16, 16), stretch=True), decode(same, (3, 16, 16), stretch=True))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_fast_decoder_turns_alike(kind: str, monkeypatch: pytest.MonkeyPatch):
    files = [turned(value, kind, quality=90) for value in PLACES]
    xmp = b"<x:xmpmeta><rdf:Description tiff:Orientation='x' tiff:Orientation=\"6\"/></x:xmpmeta>"
    files.append(saved(Image.fromarray(CORNER), kind, xmp=xmp))
    fast = [decode(data, (3, 16, 16), stretch=True) for data in files]
    monkeypatch.setattr(pictures_module, "fast_decoders", dict)  # as where torchvision has dropped it
    slow = [decode(data, (3, 16, 16), stretch=True) for data in files]
    assert all(torch.equal(*pair) for pair in zip(fast, slow, strict=True))
    assert torch.equal(fast[-1], fast[5])
    assert not torch.equal(fast[0], fast[5])


def test_the_fast_decoder_leaves_ink_and_transparency_to_pillow(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(3)
    noise = {n: rng.integers(0, 256, (16, 16, n), dtype=np.uint8) for n in (3, 4)}
    files = [
        saved(Image.fromarray(noise[4], "CMYK"), "JPEG"),
        saved(Image.fromarray(noise[4], "RGBA"), "WEBP", lossless=True),
        saved(Image.fromarray(noise[3]), "JPEG", keep_rgb=True),
        saved(Image.fromarray(noise[3][..., 0]), "JPEG"),
    ]
    fast = [decode(data, (3, 16, 16)) for data in files]
    monkeypatch.setattr(pictures_module, "fast_decoders", dict)
    assert all(torch.equal(decode(data, (3, 16, 16)), image) for data, image in zip(files, fast, strict=True))


def test_damaged_metadata_turn_nothing():
    whole = turned(6, "JPEG", quality=95)
    broken = whole.replace(b"Exif\0\0II", b"Exif\0\0XX").replace(b"Exif\0\0MM", b"Exif\0\0XX")
    assert broken != whole
    assert is_turned(whole)
    assert not is_turned(broken)
    assert not is_turned(b"Exif\0\0")
    assert read_picture(broken).size == (32, 16)
    assert decode(broken, (3, 16, 16)).shape == (3, 16, 16)


def test_a_key_image_is_seen_as_data_are(tmp_path: Path):
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 51))
    files = {
        "sixteen.png": saved(Image.fromarray(RAMP[:8, :8]), "PNG"),
        "clear.png": saved(clear, "PNG"),
        "clear.webp": saved(clear, "WEBP", lossless=True),
        "ink.jpg": saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG"),
        "deep.pgm": saved(Image.fromarray(RAMP[:8, :8]), "PPM"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        for channels in (1, 3):
            assert torch.equal(read_key(tmp_path / name, (channels, 8, 8)), decode(data, (channels, 8, 8))), (
                name
            )


def test_a_program_is_never_asked_to_read_a_picture():
    script = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(PictureError, match="not a whole picture"):
        read_picture(script)
    assert not extensions() & {".eps", ".ps", ".pdf", ".wmf", ".mpg", ".h5", ".fits", ".txt"}


def test_pillows_pictures_are_read_by_extension():
    assert {
        ".jfif",
        ".jpe",
        ".tif",
        ".tiff",
        ".gif",
        ".pgm",
        ".pfm",
        ".jp2",
        ".mpo",
        ".tga",
        ".avif",
    } < extensions()
    assert {".png", ".jpg", ".jpeg", ".webp", ".ppm", ".bmp"} < extensions(), "as ever"


def test_a_picture_of_too_many_pixels_is_no_damage(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(picture_module.Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnclearPictureError, match="more than 200 pixels: make it smaller"):
        read_picture(saved(Image.new("L", (20, 20)), "PNG"))
