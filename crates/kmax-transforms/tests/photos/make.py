"""Makes the pictures of this folder and what Pillow sees in them.

    pip install pillow==13.0.0 numpy==2.4.6 tifffile==2026.3.3 imagecodecs==2026.3.6 pillow-heif==1.8.1 pillow-jxl-plugin==1.3.8
    python make.py

Every picture is drawn here and written by Pillow (libjpeg-turbo, libpng's format, libtiff, libwebp, libavif), tifffile, imagecodecs
(libjpeg-turbo, libspng), libheif or libjxl. `expected.tsv` lists the files: the picture that Pillow decodes (`seen/*.ppm`), the
largest difference that is allowed, and a part of the note that there has to be.
"""

import hashlib, io, struct
from pathlib import Path

import imagecodecs, numpy, pillow_heif, pillow_jxl, tifffile  # noqa: F401
from PIL import Image, ImageCms, ImageOps

HERE = Path(__file__).parent
WIDTH, HEIGHT = 26, 18
pillow_heif.register_heif_opener()


def scene(channels=3, depth=8):
    """A picture without symmetry: gradients and a block."""
    y, x = numpy.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    planes = [x / (WIDTH - 1), y / (HEIGHT - 1), (x + y) / (WIDTH + HEIGHT - 2), 1 - x * y / (WIDTH * HEIGHT)]
    picture = numpy.stack([planes[c] for c in range(channels)], -1)
    picture[3:8, 4:12] = [0.9, 0.2, 0.1, 0.5][:channels]
    most = (1 << depth) - 1
    values = numpy.round(picture * most).astype(numpy.uint8 if depth <= 8 else numpy.uint16)
    return values[..., 0] if channels == 1 else values


RGB, RGBA, GREY = scene(3), scene(4), scene(1)
GREY_ALPHA = RGBA[..., [1, 3]].copy()
RGB16, RGBA16, GREY16 = scene(3, 16), scene(4, 16), scene(1, 16)


# Profiles: tags and a header by the ICC's specification.
def s15(value):
    return struct.pack(">i", round(value * 65536))


def profile(space, tags, pcs=b"XYZ ", kind=b"mntr"):
    body, table, at = b"", struct.pack(">I", len(tags)), 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"test", 0x02400000, kind, space, pcs)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    header += s15(0.9642) + s15(1) + s15(0.8249)
    return header.ljust(128, b"\0") + table + body


def text(words):
    return b"desc\0\0\0\0" + struct.pack(">I", len(words) + 1) + words + b"\0" + b"\0" * 78


def xyz(x, y, z):
    return b"XYZ \0\0\0\0" + s15(x) + s15(y) + s15(z)


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


WHITE = {b"desc": text(b"test"), b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": xyz(0.9642, 1, 0.8249)}


def matrix(red, green, blue, power):
    tags = {b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue)}
    return profile(b"RGB ", WHITE | tags | {name: gamma(power) for name in (b"rTRC", b"gTRC", b"bTRC")})


# The primaries of Adobe RGB, for D50.
WIDE = matrix((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.2)
DIM = profile(b"GRAY", WHITE | {b"kTRC": gamma(1.4)})


def ink():
    """Four inks on paper, roughly: a table of 4 x 4 x 4 x 4 colours. It is linear, as interpolations differ on so few."""
    grid, values = 4, []
    for at in range(grid**4):
        c, m, y, k = [at // grid**p % grid / (grid - 1) for p in (3, 2, 1, 0)]
        light = 1 - 0.16 * c - 0.24 * m - 0.06 * y - 0.5 * k
        a, b = -25 * c + 40 * m - 5 * y, -30 * c - 5 * m + 45 * y
        values += [round(max(light, 0) * 0xFF00), round((a + 128) * 256), round((b + 128) * 256)]
    table = b"mft2\0\0\0\0" + bytes([4, 3, grid, 0]) + b"".join(s15(v) for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    table += struct.pack(">HH", 2, 2) + struct.pack(">8H", *[0, 65535] * 4)
    table += struct.pack(f">{len(values)}H", *values) + struct.pack(">6H", *[0, 65535] * 3)
    return profile(b"CMYK", WHITE | {b"A2B0": table}, pcs=b"Lab ", kind=b"prtr")


INK = ink()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# The references.
rows, seen = [], {}


def over(values, background=255):
    """Alpha over a background, rounded."""
    colour, alpha = values[..., :-1].astype(int), values[..., -1:].astype(int)
    out = (colour * alpha + background * (255 - alpha) + 127) // 255
    return numpy.repeat(out, 3, -1) if out.shape[-1] == 1 else out


def pillow(data):
    """What Pillow sees: turned, managed, over white."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    profile_bytes = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        values = (numpy.asarray(image).astype(int) + 128) // 257
        return numpy.repeat(values[..., None], 3, -1)
    if image.mode in ("P", "PA", "1", "RGBa"):
        image = image.convert("RGBA")
    if profile_bytes:
        alpha = image.getchannel("A") if image.mode[-1] == "A" else None
        colour = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile_bytes))
        colour = ImageCms.profileToProfile(colour, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        values = numpy.asarray(colour)
        return values if alpha is None else over(numpy.dstack([values, numpy.asarray(alpha)]))
    if image.mode in ("LA", "RGBA"):
        return over(numpy.asarray(image))
    return numpy.asarray(image.convert("RGB"))


def add(name, data, tolerance=0, note="", expected=None):
    """Keeps a file and what is seen in it."""
    assert len(data) <= 4096, (name, len(data))
    (HERE / name).write_bytes(data)
    values = (pillow(data) if expected is None else expected).astype(numpy.uint8)
    if values.ndim == 2:
        values = numpy.repeat(values[..., None], 3, -1)
    ppm = b"P6\n%d %d\n255\n" % (values.shape[1], values.shape[0]) + values.tobytes()
    key = hashlib.sha256(ppm).hexdigest()
    if key not in seen:
        seen[key] = name.replace(".", "_") + ".ppm"
        (HERE / "seen" / seen[key]).write_bytes(ppm)
    rows.append(f"{name}\t{seen[key]}\t{tolerance}\t{note}")


def saved(values, format, mode=None, **options):
    out = io.BytesIO()
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    (image.convert(mode) if mode else image).save(out, format, **options)
    return out.getvalue()


def tiff(values, **options):
    out = io.BytesIO()
    options.setdefault("metadata", None)
    options.setdefault("photometric", "rgb" if values.ndim == 3 and values.shape[-1] > 2 else "minisblack")
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def exif(order, kind, value, count=1):
    """An orientation of one integer form."""
    pack = lambda form, *values: struct.pack(order + form, *values)
    body = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}[kind]
    entry = pack("HHI", 0x0112, kind, count) + pack(body, value).ljust(4, b"\0")
    return (b"II" if order == "<" else b"MM") + pack("HI", 42, 8) + pack("H", 1) + entry + pack("I", 0)


def main():
    (HERE / "seen").mkdir(exist_ok=True)
    colour, grey = Image.fromarray(RGB), Image.fromarray(GREY)
    cmyk = colour.convert("CMYK")
    palette = colour.quantize(13)
    turned = numpy.rot90(RGB, -1)

    # JPEG: decoders differ by some levels where chroma is smaller than luma.
    add("plain.jpg", saved(colour, "JPEG", quality=95, subsampling=0), 3)
    add("halved.jpg", saved(colour, "JPEG", quality=95, subsampling=2), 12)
    add("progressive.jpg", saved(colour, "JPEG", quality=95, progressive=True, subsampling=0), 3)
    add("progressive_halved.jpg", saved(colour, "JPEG", quality=90, progressive=True), 12)
    add("restarts.jpg", saved(colour, "JPEG", quality=90, restart_marker_blocks=1, subsampling=0), 3)
    add("grey.jpg", saved(grey, "JPEG", quality=95), 1)
    add("cmyk.jpg", saved(cmyk, "JPEG", quality=95), 3)
    add("cmyk_profile.jpg", saved(cmyk, "JPEG", quality=95, icc_profile=INK), 4)
    ycck = imagecodecs.jpeg8_encode(255 - numpy.asarray(cmyk), level=95, colorspace="CMYK", outcolorspace="YCCK", subsampling="444")
    add("ycck.jpg", ycck, 4)
    add("wide.jpg", saved(colour, "JPEG", quality=95, subsampling=0, icc_profile=WIDE), 4)
    add("srgb.jpg", saved(colour, "JPEG", quality=95, subsampling=0, icc_profile=SRGB), 3, expected=pillow(saved(colour, "JPEG", quality=95, subsampling=0)))
    for order, kind in [("<", 1), (">", 3), ("<", 3), (">", 4), ("<", 4), ("<", 6), (">", 8), (">", 9), ("<", 9)]:
        name = f"turned_{'little' if order == '<' else 'big'}_{kind}.jpg"
        add(name, saved(grey, "JPEG", quality=95, exif=b"Exif\0\0" + exif(order, kind, 6)), 1, expected=numpy.rot90(pillow(saved(grey, "JPEG", quality=95)), -1))
    add("turned_nowhere.jpg", saved(grey, "JPEG", quality=95, exif=b"Exif\0\0" + exif("<", 9, -3)), 1)

    # PNG
    add("rgb.png", saved(colour, "PNG"))
    add("rgba.png", saved(RGBA, "PNG"))
    add("grey.png", saved(grey, "PNG"))
    add("grey_alpha.png", saved(Image.fromarray(GREY_ALPHA, "LA"), "PNG"))
    add("palette.png", saved(palette, "PNG"))
    add("palette_clear.png", saved(palette, "PNG", transparency=3))
    add("bits.png", saved(grey.point(lambda v: 255 * (v > 99)).convert("1"), "PNG"))
    add("grey16.png", saved(GREY16, "PNG"))
    # Pillow takes the upper halves of the 16 bits, we the nearest of 256 levels.
    add("rgb16.png", imagecodecs.png_encode(RGB16), 1)
    add("rgba16.png", imagecodecs.png_encode(RGBA16), 2)
    add("wide.png", saved(colour, "PNG", icc_profile=WIDE), 1)
    add("wide_alpha.png", saved(RGBA, "PNG", icc_profile=WIDE), 1)
    add("wide16.png", png_with(imagecodecs.png_encode(RGB16), WIDE), 3)
    add("dim.png", saved(grey, "PNG", icc_profile=DIM), 1)
    add("srgb.png", saved(colour, "PNG", icc_profile=SRGB), expected=RGB)
    add("profile_damaged.png", saved(colour, "PNG", icc_profile=WIDE[:200]), note="profile", expected=RGB)
    add("profile_of_another.png", saved(colour, "PNG", icc_profile=DIM), note="profile", expected=RGB)
    add("turned.png", saved(colour, "PNG", exif=exif(">", 3, 6)), expected=turned)
    add("animated.png", saved(colour, "PNG", save_all=True, append_images=[ImageOps.flip(colour)]), note="animated", expected=RGB)

    # TIFF, by libtiff and by tifffile
    for compression in ["raw", "packbits", "tiff_lzw", "tiff_adobe_deflate"]:
        add(f"rgb_{compression}.tif", saved(colour, "TIFF", compression=compression))
    add("rgb_jpeg.tif", saved(colour, "TIFF", compression="jpeg", quality=95), 12)
    add("grey_jpeg.tif", saved(grey, "TIFF", compression="jpeg", quality=95), 1)
    add("rgba.tif", saved(RGBA, "TIFF", compression="tiff_lzw"))
    add("grey.tif", saved(grey, "TIFF", compression="tiff_lzw"))
    add("palette.tif", saved(palette, "TIFF", compression="tiff_lzw"))
    add("bits.tif", saved(grey.point(lambda v: 255 * (v > 99)).convert("1"), "TIFF", compression="packbits"))
    add("cmyk.tif", saved(cmyk, "TIFF", compression="tiff_lzw"))
    add("cmyk_profile.tif", saved(cmyk, "TIFF", compression="tiff_adobe_deflate", icc_profile=INK), 3)
    add("grey16.tif", saved(GREY16, "TIFF"))
    add("wide.tif", saved(colour, "TIFF", compression="tiff_lzw", icc_profile=WIDE), 1)
    add("turned.tif", saved(colour, "TIFF", compression="tiff_lzw", tiffinfo={274: 6}), expected=turned)
    add("pages.tif", saved(colour, "TIFF", compression="tiff_lzw", save_all=True, append_images=[grey]), note="several pages", expected=RGB)
    add("rgb16.tif", tiff(RGB16, compression="zlib"), 1)
    add("rgb16_big.tif", tiff(RGB16, compression="lzw", byteorder=">", predictor=True), 1)
    add("bigtiff.tif", tiff(RGB, bigtiff=True, compression="zlib"))
    add("planes.tif", tiff(numpy.moveaxis(RGB, -1, 0), planarconfig="separate", compression="zlib", photometric="rgb"), expected=RGB)
    add("tiles.tif", tiff(RGB, tile=(16, 16), compression="zlib"))
    add("strips.tif", tiff(RGB, rowsperstrip=4))
    add("white_is_zero.tif", tiff(255 - GREY, photometric="miniswhite", compression="zlib"), expected=GREY)
    multiplied = RGBA.copy()
    multiplied[..., :3] = RGBA[..., :3].astype(int) * RGBA[..., 3:] // 255
    # A division and a product with alpha, each rounded.
    add("multiplied.tif", tiff(multiplied, extrasamples=["assocalpha"], compression="zlib"), 1)
    add("grey_alpha.tif", tiff(GREY_ALPHA, photometric="minisblack", extrasamples=["unassalpha"], planarconfig="contig", compression="zlib"), expected=over(GREY_ALPHA))
    add("more_channels.tif", tiff(RGBA, extrasamples=["unspecified"], compression="zlib"), expected=RGB)

    # GIF
    add("palette.gif", saved(palette, "GIF"))
    add("clear.gif", saved(palette, "GIF", transparency=3))
    add("interlaced.gif", saved(palette, "GIF", interlace=1))
    add("animated.gif", saved(palette, "GIF", save_all=True, append_images=[ImageOps.flip(palette)]), note="animated")

    # BMP and PNM
    add("rgb.bmp", saved(colour, "BMP"))
    add("grey.bmp", saved(grey, "BMP"))
    add("palette.bmp", saved(palette, "BMP"))
    add("bits.bmp", saved(grey.point(lambda v: 255 * (v > 99)).convert("1"), "BMP"))
    add("rgba.bmp", saved(RGBA, "BMP"), expected=RGB if Image.open(io.BytesIO(saved(RGBA, "BMP"))).mode == "RGB" else None)
    add("rgb.ppm", saved(colour, "PPM"))
    add("grey.pgm", saved(grey, "PPM"))
    add("bits.pbm", saved(grey.point(lambda v: 255 * (v > 99)).convert("1"), "PPM"))
    add("grey16.pgm", saved(GREY16, "PPM"))
    add("rgba.pam", imagecodecs_pam(RGBA), expected=over(RGBA))

    # WebP
    add("rgb.webp", saved(colour, "WEBP", lossless=True))
    add("rgba.webp", saved(RGBA, "WEBP", lossless=True, exact=True))
    add("lossy.webp", saved(colour, "WEBP", quality=95), 10)
    add("turned.webp", saved(colour, "WEBP", lossless=True, exif=exif("<", 4, 6)), expected=turned)
    add("wide.webp", saved(colour, "WEBP", lossless=True, icc_profile=WIDE), 1)
    add("animated.webp", saved(colour, "WEBP", lossless=True, save_all=True, append_images=[ImageOps.flip(colour)]), note="animated", expected=RGB)

    # What takes a feature, or is refused.
    add("rgb.jxl", saved(colour, "JXL", lossless=True))
    add("rgba.jxl", saved(RGBA, "JXL", lossless=True))
    add("lossy.jxl", saved(colour, "JXL", quality=95), 3)
    add("wide.jxl", saved(colour, "JXL", lossless=True, icc_profile=WIDE), 1)
    add("rgb.heic", heic(colour))
    add("rgba.heic", heic(RGBA))
    half = numpy.dstack([RGB, numpy.where(RGB[..., :1] < 99, 128, 255).astype(numpy.uint8)])
    add("multiplied.heic", heic(Image.fromarray(half).convert("RGBa")), 1)
    add("grey.heic", saved(grey, "HEIF", quality=-1))
    add("dim.heic", saved(grey, "HEIF", quality=-1, icc_profile=DIM), 1)
    add("wide.heic", heic(colour, icc_profile=WIDE), 1)
    for orientation in [2, 6, 7]:
        add(f"turned_{orientation}.heic", turned_heic(colour, orientation), expected=numpy.asarray(ImageOps.exif_transpose(oriented(colour, orientation))))
    # As phones write it: tiles of which the last ones reach over the edge.
    add("grid.heic", heic(colour, tile_size=16))
    add("pictures.heic", heic(colour, save_all=True, append_images=[ImageOps.flip(colour)]), note="several pictures")
    add("hdr.heic", heic(colour, color_primaries=9, transfer_characteristics=16), note="high dynamic range")
    for depth in [10, 12]:
        data, values = deep_heic(depth)
        add(f"deep{depth}.heic", data, expected=nearest(values >> (16 - depth), depth))
        data = imagecodecs.avif_encode(scene(3, depth), level=100, pixelformat="444", bitspersample=depth)
        add(f"deep{depth}.avif", data, expected=nearest(imagecodecs.avif_decode(data), depth))
    add("rgb.avif", imagecodecs.avif_encode(RGB, level=100, pixelformat="444"))
    add("rgba.avif", imagecodecs.avif_encode(RGBA, level=100, pixelformat="444"))
    add("grey.avif", imagecodecs.avif_encode(GREY, level=100, pixelformat="400"))
    add("wide.avif", saved(colour, "AVIF", quality=100, subsampling="4:4:4", icc_profile=WIDE), 4)
    add("turned.avif", saved(colour, "AVIF", quality=100, subsampling="4:4:4", exif=exif(">", 3, 6)), 3)
    add("animated.avif", saved(colour, "AVIF", quality=100, subsampling="4:4:4", save_all=True, append_images=[ImageOps.flip(colour)]), 3, note="animated")
    add("plain.heic", saved(colour, "HEIF", quality=95, chroma=444), 4)
    add("halved.heic", saved(colour, "HEIF", quality=95), 12)
    add("plain.avif", saved(colour, "AVIF", quality=95, subsampling="4:4:4"), 4)

    (HERE / "expected.tsv").write_text("\n".join(rows) + "\n")


def heic(values, **options):
    """Without a loss: green, blue and red as they are."""
    return saved(values, "HEIF", **{"quality": -1, "chroma": 444, "matrix_coefficients": 0} | options)


def oriented(image, orientation):
    image = image.copy()
    image.getexif()[0x0112] = orientation
    return image


def turned_heic(image, orientation):
    """One that is turned by its properties, and by an EXIF block too, as cameras write it."""
    block = exif("<", 3, orientation)
    data = heic(image, exif=block)
    assert (b"irot" in data or b"imir" in data) and block in data
    return data


def deep_heic(depth):
    """A picture of more than 8 bits, and what libheif decodes of it, in the upper bits of 16."""
    pillow_heif.options.SAVE_HDR_TO_12_BIT = depth == 12
    out = io.BytesIO()
    image = pillow_heif.from_bytes(mode="RGB;16", size=(WIDTH, HEIGHT), data=RGB16.tobytes())
    image.save(out, quality=-1, chroma=444, matrix_coefficients=0)
    return out.getvalue(), numpy.asarray(pillow_heif.open_heif(out, convert_hdr_to_8bit=False))


def nearest(values, depth):
    """Of 256 levels, by way of 16 bits."""
    most = (1 << depth) - 1
    return ((values.astype(int) * 65535 + most // 2) // most + 128) // 257


def png_with(data, icc):
    """A PNG with a profile behind its header."""
    import zlib

    content = b"test\0\0" + zlib.compress(icc)
    chunk = struct.pack(">I", len(content)) + b"iCCP" + content + struct.pack(">I", zlib.crc32(b"iCCP" + content))
    return data[:33] + chunk + data[33:]


def imagecodecs_pam(values):
    """A PAM, by its specification."""
    head = f"P7\nWIDTH {WIDTH}\nHEIGHT {HEIGHT}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    return head.encode() + values.tobytes()


main()
