"""Reading photos and masks of every kind, and what happens to broken ones."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from unrender.errors import ImageError, InputError, UnrenderError
from unrender.image import Photo, load_mask, load_photo, photo_from_array

# Four flat quadrants: red, green / blue, white. Wider than high, so that turns show in the size.
QUADRANTS = np.zeros((24, 40, 3), np.uint8)
QUADRANTS[:12, :20] = [255, 0, 0]
QUADRANTS[:12, 20:] = [0, 255, 0]
QUADRANTS[12:, :20] = [0, 0, 255]
QUADRANTS[12:, 20:] = 255


def _noise(height=40, width=60, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_plain_png_and_jpeg(tmp_path):
    pixels = _noise()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photo = load_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, pixels)
    assert photo.alpha is None and (photo.width, photo.height) == (60, 40)
    assert photo.path == str(tmp_path / "a.png") and photo.pixels.flags["C_CONTIGUOUS"]
    for name in ("a.webp", "a.tif", "a.bmp", "a.tga", "a.ppm"):
        Image.fromarray(pixels).save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {}))
        np.testing.assert_array_equal(load_photo(tmp_path / name).pixels, pixels, err_msg=name)
    Image.fromarray(QUADRANTS).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(load_photo(tmp_path / "a.jpg").pixels[5, 5].astype(int) - [255, 0, 0]).max() < 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_exif_orientation(tmp_path, orientation, kind):
    # Store the picture turned such that a reader that honours the tag gets QUADRANTS back.
    stored = {
        1: QUADRANTS, 2: QUADRANTS[:, ::-1], 3: QUADRANTS[::-1, ::-1], 4: QUADRANTS[::-1],
        5: QUADRANTS.transpose(1, 0, 2), 6: np.rot90(QUADRANTS, 1), 7: QUADRANTS[::-1, ::-1].transpose(1, 0,
        2), 8: np.rot90(QUADRANTS, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"o.{kind}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    pixels = load_photo(path).pixels
    assert pixels.shape == QUADRANTS.shape
    for y in (4, 19):
        for x in (5, 34):
            assert np.abs(pixels[y, x].astype(int) - QUADRANTS[y, x]).max() < 12, (y, x)


def test_alpha(tmp_path):
    rgba = _noise(channels=4)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    photo = load_photo(tmp_path / "a.png")
    np.testing.assert_array_equal(photo.pixels, rgba[..., :3])
    np.testing.assert_array_equal(photo.alpha, rgba[..., 3])
    rgba[..., 3] = 255
    Image.fromarray(rgba).save(tmp_path / "b.png")
    assert load_photo(tmp_path / "b.png").alpha is None
    grey = _noise(channels=2)
    Image.fromarray(grey, "LA").save(tmp_path / "c.png")
    photo = load_photo(tmp_path / "c.png")
    np.testing.assert_array_equal(photo.pixels[..., 1], grey[..., 0])
    np.testing.assert_array_equal(photo.alpha, grey[..., 1])
    # A transparent colour instead of a channel.
    Image.fromarray(QUADRANTS).save(tmp_path / "d.png", transparency=(0, 0, 255))
    photo = load_photo(tmp_path / "d.png")
    np.testing.assert_array_equal(photo.alpha == 0, (QUADRANTS == [0, 0, 255]).all(-1))


def test_palette_with_transparency(tmp_path):
    palette = Image.fromarray(QUADRANTS).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    index = np.asarray(palette)
    palette.save(tmp_path / "p.png", transparency=int(index[0, 0]))
    photo = load_photo(tmp_path / "p.png")
    np.testing.assert_array_equal(photo.pixels, QUADRANTS)
    np.testing.assert_array_equal(photo.alpha == 0, index == index[0, 0])
    palette.save(tmp_path / "p.gif")
    np.testing.assert_array_equal(load_photo(tmp_path / "p.gif").pixels, QUADRANTS)


def test_greyscale_and_bilevel(tmp_path):
    grey = _noise(channels=1)[..., 0]
    Image.fromarray(grey).save(tmp_path / "g.jpg", quality=100)
    pixels = load_photo(tmp_path / "g.jpg").pixels
    assert pixels.shape == (40, 60, 3) and np.abs(pixels.astype(int) - grey[..., None]).max() < 8
    Image.fromarray(grey > 127).save(tmp_path / "b.png")
    np.testing.assert_array_equal(load_photo(tmp_path / "b.png").pixels[..., 0], (grey > 127) * 255)


def test_16_bit(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30), dtype=np.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        pixels = load_photo(tmp_path / name).pixels
        np.testing.assert_array_equal(pixels[..., 0], np.round(deep / 257.0))
    dark = deep // 300  # a dark 16-bit picture stays dark
    Image.fromarray(dark).save(tmp_path / "dark.png")
    assert load_photo(tmp_path / "dark.png").pixels.max() <= 1
    # 16-bit RGB, written by hand.
    rgb = np.random.default_rng(1).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    (tmp_path / "rgb.png").write_bytes(_png16(rgb))
    assert np.abs(load_photo(tmp_path / "rgb.png").pixels.astype(int) - rgb / 257.0).max() <= 1
    floating = np.random.default_rng(2).random((20, 30)).astype(np.float32)
    Image.fromarray(floating).save(tmp_path / "f.tif")
    np.testing.assert_array_equal(load_photo(tmp_path / "f.tif").pixels[..., 2], np.round(floating * 255))
    floating[3, 4] = np.nan
    Image.fromarray(floating).save(tmp_path / "nan.tif")
    with pytest.raises(ImageError, match=r"nan\.tif.*NaN"):
        load_photo(tmp_path / "nan.tif")


def _png16(rgb):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = rgb.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgb)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_cmyk(tmp_path):
    Image.fromarray(QUADRANTS).convert("CMYK").save(tmp_path / "c.jpg", quality=95)
    pixels = load_photo(tmp_path / "c.jpg").pixels
    for y, x in ((4, 5), (4, 34), (19, 5), (19, 34)):
        assert np.abs(pixels[y, x].astype(int) - QUADRANTS[y, x]).max() < 12


def test_animations_give_the_first_frame(tmp_path):
    first, second = Image.fromarray(QUADRANTS), Image.fromarray(255 - QUADRANTS)
    for name in ("a.gif", "a.png", "a.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        first.save(tmp_path / name, save_all=True, append_images=[second], duration=50, **options)
        np.testing.assert_array_equal(load_photo(tmp_path / name).pixels, QUADRANTS)


def test_wide_gamut_profile_is_converted(tmp_path):
    # A matrix profile built by hand: sRGB's primaries with red and green exchanged, so the conversion is a
    # swap.
    from PIL import ImageCms

    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    path = tmp_path / "srgb.png"
    Image.fromarray(QUADRANTS).save(path, icc_profile=bytes(srgb))
    np.testing.assert_array_equal(load_photo(path).pixels, QUADRANTS)
    swapped = bytes(srgb).replace(b"rXYZ", b"tmp_").replace(b"gXYZ", b"rXYZ").replace(b"tmp_", b"gXYZ")
    swapped = swapped.replace(b"sRGB", b"none").replace(
        "sRGB".encode("utf-16-be"), "none".encode("utf-16-be")
    )
    path = tmp_path / "swapped.png"
    Image.fromarray(QUADRANTS).save(path, icc_profile=swapped)
    pixels = load_photo(path).pixels.astype(int)
    assert np.abs(pixels[4, 5] - [0, 255, 0]).max() < 6 and np.abs(pixels[4, 34] - [255, 0, 0]).max() < 6
    path = tmp_path / "broken.png"
    Image.fromarray(QUADRANTS).save(path, icc_profile=swapped[:200])
    np.testing.assert_array_equal(load_photo(path).pixels, QUADRANTS)


def _jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def _header(width, height, kind):
    if kind == "png":
        body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return (
            b"\x89PNG\r\n\x1a\n"
            + struct.pack(">I", 13)
            + body
            + struct.pack(">I", zlib.crc32(body))
            + b"\0\0\0\0IDAT"
        )
    if kind == "gif":
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b"\x3b"
    return f"P6 {width} {height} 255\n".encode()


BAD_FILES = {
    "empty.jpg": b"",
    "text.jpg": b"this is no picture, whatever it is called\n" * 10,
    "cut.jpg": _jpeg(_noise(200, 300))[:9000],
    "header_only.jpg": _jpeg(_noise(200, 300))[:300],
    "cut.png": (lambda b: (Image.fromarray(_noise()).save(b, "PNG"), b.getvalue()[:2000])[1])(io.BytesIO()),
    "zero.png": _header(0, 0, "png"),
    "zero.gif": _header(0, 0, "gif"),
    "zero.ppm": _header(0, 0, "ppm"),
    "huge.png": _header(30000, 30000, "png"),
    "huge.ppm": _header(30000, 30000, "ppm"),
    "large.png": _header(9000, 9000, "png"),
    "noise.bin": _noise().tobytes(),
    "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\nshowpage\n",
}


@pytest.mark.parametrize("name", sorted(BAD_FILES))
def test_bad_files(tmp_path, name, recwarn):
    path = tmp_path / name
    path.write_bytes(BAD_FILES[name])
    start = time.perf_counter()
    with pytest.raises(ImageError) as caught:
        load_photo(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message and len(message) < 300 + len(str(path))
    assert ";" in message  # what is wrong; what to do
    assert time.perf_counter() - start < 1
    assert isinstance(caught.value, UnrenderError) and not recwarn.list
    if name.startswith(("huge", "large")):
        assert "too large" in message
    if name in ("text.jpg", "noise.bin", "page.eps"):
        assert "is not a picture" in message
    if name.startswith("cut"):
        assert "damaged or cut short" in message


def test_limit_is_checked_before_decoding(tmp_path):
    Image.fromarray(_noise()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="60 x 40 pixels"):
        load_photo(tmp_path / "a.png", max_pixels=2399)
    assert load_photo(tmp_path / "a.png", max_pixels=2400).width == 60


def test_missing_folder_unreadable(tmp_path):
    for path in (tmp_path / "none.jpg", tmp_path, "", "a\0b.jpg"):
        with pytest.raises(ImageError) as caught:
            load_photo(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_too_small(tmp_path, size):
    Image.fromarray(_noise(*size)).save(tmp_path / "s.png")
    with pytest.raises(ImageError, match=f"only {size[1]} x {size[0]} pixels"):
        load_photo(tmp_path / "s.png")


def test_nothing_to_see(tmp_path):
    rgba = _noise(channels=4)
    rgba[..., 3] = 0
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    with pytest.raises(ImageError, match="every pixel is transparent"):
        load_photo(tmp_path / "clear.png")
    plain = np.full((50, 50, 3), 77, np.uint8)
    Image.fromarray(plain).save(tmp_path / "plain.png")
    with pytest.raises(ImageError, match="one colour"):
        load_photo(tmp_path / "plain.png")
    plain[49, 49] = 78
    Image.fromarray(plain).save(tmp_path / "almost.png")
    assert isinstance(load_photo(tmp_path / "almost.png"), Photo)


def test_photo_from_array():
    pixels = _noise()
    np.testing.assert_array_equal(photo_from_array(pixels).pixels, pixels)
    np.testing.assert_array_equal(photo_from_array(pixels / 255.0).pixels, pixels)
    np.testing.assert_array_equal(photo_from_array(pixels[..., 0]).pixels[..., 2], pixels[..., 0])
    rgba = _noise(channels=4)
    np.testing.assert_array_equal(photo_from_array(rgba).alpha, rgba[..., 3])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((40, 60, 2), np.uint8), "shape"),
        (np.zeros((2, 40, 60, 3), np.uint8), "shape"),
        (np.zeros((4, 60, 3), np.uint8), "at least 8"),
        (np.full((40, 60, 3), np.nan), "NaN"),
        (np.full((40, 60, 3), 17.0), r"\[0, 1\]"),
        (np.zeros((40, 60, 3), np.int64), "int64"),
    ],
)
def test_photo_from_bad_array(array, message):
    with pytest.raises(InputError, match=message):
        photo_from_array(array)


def test_masks(tmp_path):
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    stored = {
        "grey": Image.fromarray(mask.astype(np.uint8) * 255),
        "ones": Image.fromarray(mask.astype(np.uint8)),
        "bits": Image.fromarray(mask),
        "coloured": Image.fromarray(np.where(mask[..., None], [128, 0, 0], 0).astype(np.uint8)),
        "cutout": Image.fromarray(np.dstack([_noise(), mask.astype(np.uint8) * 255])),
        "opaque": Image.fromarray(np.where(mask[..., None], 255, [0, 0, 0, 255]).astype(np.uint8)),
    }
    for name, picture in stored.items():
        picture.save(tmp_path / f"{name}.png")
        read = load_mask(tmp_path / f"{name}.png", (60, 40))
        assert read.dtype == bool
        np.testing.assert_array_equal(read, mask, err_msg=name)
    with pytest.raises(ImageError, match=r"60 x 40 pixels, its photo 61 x 40"):
        load_mask(tmp_path / "grey.png", (61, 40))
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ImageError, match="marks no pixel"):
        load_mask(tmp_path / "black.png", (60, 40))
    with pytest.raises(ImageError, match="cannot be opened"):
        load_mask(tmp_path / "none.png", (60, 40))
