use super::*;
use ::tiff::encoder::{Compression, TiffEncoder, colortype};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba};
use std::io::Cursor;

const SIZE: (u32, u32) = (61, 47);

fn value(x: u32, y: u32, channel: u32) -> u16 {
    ((x * 797 + y * 1_361 + channel * 9_173).wrapping_mul(40_503) >> 3) as u16
}

/// A picture of each layout of 8 and 16 bits.
fn pictures() -> Vec<DynamicImage> {
    let (width, height) = SIZE;
    let byte = |x, y, channel| (value(x, y, channel) >> 8) as u8;
    vec![
        DynamicImage::ImageLuma8(ImageBuffer::from_fn(width, height, |x, y| Luma([byte(x, y, 0)]))),
        DynamicImage::ImageLumaA8(ImageBuffer::from_fn(width, height, |x, y| {
            LumaA([0, 1].map(|c| byte(x, y, c)))
        })),
        DynamicImage::ImageRgb8(ImageBuffer::from_fn(width, height, |x, y| {
            Rgb([0, 1, 2].map(|c| byte(x, y, c)))
        })),
        DynamicImage::ImageRgba8(ImageBuffer::from_fn(width, height, |x, y| {
            Rgba([0, 1, 2, 3].map(|c| byte(x, y, c)))
        })),
        DynamicImage::ImageLuma16(ImageBuffer::from_fn(width, height, |x, y| Luma([value(x, y, 0)]))),
        DynamicImage::ImageRgb16(ImageBuffer::from_fn(width, height, |x, y| {
            Rgb([0, 1, 2].map(|c| value(x, y, c)))
        })),
        DynamicImage::ImageRgba16(ImageBuffer::from_fn(width, height, |x, y| {
            Rgba([0, 1, 2, 3].map(|c| value(x, y, c)))
        })),
    ]
}

/// Whether bands of several heights give the rows that the file has as a whole; and whether it was decoded in parts.
fn parts_are_the_whole(data: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("picture");
    std::fs::write(&file, data).expect("written");
    let reading = Reading::default().with_background([10, 200, 30]);
    let whole = read_picture(&file, &reading).expect("readable");
    let mut decoded = false;
    for rows in [1, 7, 32, 1_000] {
        let mut bands = Bands::open(&file, &reading).expect("opened");
        decoded = matches!(bands.source, Source::Decoder(_));
        assert_eq!((bands.width(), bands.height()), whole.image.dimensions());
        let mut together = Vec::new();
        loop {
            let band = bands.read(rows).expect("read");
            if band.height() == 0 {
                break;
            }
            together.extend_from_slice(band.as_raw());
        }
        assert!(together == *whole.image.as_raw(), "bands of {rows} rows differ");
        assert_eq!(bands.note(), whole.note);
    }
    decoded
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut data = Vec::new();
    picture.write_to(&mut Cursor::new(&mut data), ImageFormat::Png).expect("encoded");
    data
}

#[test]
fn bands_of_a_png_are_its_rows() {
    for picture in pictures() {
        assert!(parts_are_the_whole(&png(&picture)), "{:?}", picture.color());
    }
}

#[test]
fn bands_of_a_tiff_are_its_rows() {
    for strip in [1, 8, 64] {
        for compression in
            [Compression::Uncompressed, Compression::Deflate(Default::default()), Compression::Lzw]
        {
            for picture in pictures() {
                let mut data = Cursor::new(Vec::new());
                let mut encoder = TiffEncoder::new(&mut data).expect("begun").with_compression(compression);
                let (width, height) = SIZE;
                macro_rules! write {
                    ($kind:ty, $values:expr) => {{
                        let mut image = encoder.new_image::<$kind>(width, height).expect("an image");
                        image.rows_per_strip(strip).expect("strips");
                        image.write_data($values).expect("written");
                    }};
                }
                match &picture {
                    DynamicImage::ImageLuma8(image) => write!(colortype::Gray8, image.as_raw()),
                    DynamicImage::ImageRgb8(image) => write!(colortype::RGB8, image.as_raw()),
                    DynamicImage::ImageRgba8(image) => write!(colortype::RGBA8, image.as_raw()),
                    DynamicImage::ImageLuma16(image) => write!(colortype::Gray16, image.as_raw()),
                    DynamicImage::ImageRgb16(image) => write!(colortype::RGB16, image.as_raw()),
                    DynamicImage::ImageRgba16(image) => write!(colortype::RGBA16, image.as_raw()),
                    _ => continue,
                }
                assert!(parts_are_the_whole(data.get_ref()), "{strip} {:?}", picture.color());
            }
        }
    }
}

/// An uncompressed grey TIFF in tiles of 16 x 16, as its specification lays it out.
fn tiled(width: u32, height: u32, orientation: u16) -> Vec<u8> {
    let (across, down) = (width.div_ceil(16), height.div_ceil(16));
    let count = across * down;
    let places = 8 + 2 + 12 * 11 + 4;
    let pixels = places + 8 * count;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let (long, short) = (4, 3);
    let entries = [
        entry(256, long, 1, width),
        entry(257, long, 1, height),
        entry(258, short, 1, 8),
        entry(259, short, 1, 1),
        entry(262, short, 1, 1),
        entry(274, short, 1, orientation.into()),
        entry(277, short, 1, 1),
        entry(322, short, 1, 16),
        entry(323, short, 1, 16),
        entry(324, long, count, places),
        entry(325, long, count, places + 4 * count),
    ];
    let mut data =
        [b"II\x2a\0".as_slice(), &8u32.to_le_bytes(), &(entries.len() as u16).to_le_bytes()].concat();
    data.extend(entries.concat());
    data.extend([0; 4]);
    data.extend((0..count).flat_map(|tile| (pixels + 256 * tile).to_le_bytes()));
    data.extend((0..count).flat_map(|_| 256u32.to_le_bytes()));
    for tile in 0..count {
        for at in 0..256 {
            let (x, y) = (tile % across * 16 + at % 16, tile / across * 16 + at / 16);
            data.push((value(x, y, 0) >> 8) as u8);
        }
    }
    data
}

#[test]
fn bands_of_tiles_are_rows() {
    assert!(parts_are_the_whole(&tiled(61, 47, 1)));
    assert!(parts_are_the_whole(&tiled(16, 32, 1)));
    // What is to be turned has its last row first, maybe.
    assert!(!parts_are_the_whole(&tiled(61, 47, 6)));
}

#[test]
fn others_are_read_as_a_whole() {
    let picture = pictures().swap_remove(2);
    for format in [ImageFormat::Bmp, ImageFormat::Jpeg, ImageFormat::WebP] {
        let mut data = Vec::new();
        picture.write_to(&mut Cursor::new(&mut data), format).expect("encoded");
        assert!(!parts_are_the_whole(&data), "{format:?}");
    }
}

#[test]
fn damage_shows_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cut.png");
    let (width, height) = (700, 3_000);
    let picture =
        ImageBuffer::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| (value(x, y, c) >> 8) as u8)));
    let data = png(&DynamicImage::ImageRgb8(picture));
    std::fs::write(&file, &data[..data.len() * 3 / 4]).expect("written");
    let mut bands = Bands::open(&file, &Reading::default()).expect("its header is whole");
    assert_eq!(bands.note().as_deref(), Some("its end is missing"));
    assert!(bands.read(500).is_ok());
    let error = bands.read(2_500).expect_err("rows are missing").to_string();
    assert!(error.contains("cut.png: damaged PNG picture"), "{error}");
    // What is none is told as ever.
    std::fs::write(&file, "no picture").expect("written");
    assert!(matches!(Bands::open(&file, &Reading::default()), Err(Error::Format { .. })));
}

#[test]
fn memory_is_asked_for_what_is_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large.png");
    let data = png(&DynamicImage::ImageLuma8(ImageBuffer::new(4_000, 5_000)));
    std::fs::write(&file, data).expect("written");
    // As RGB it has 60 MB.
    let reading = |free, each| Reading::default().with_memory(free, each, 0);
    assert!(read_picture(&file, &reading(50_000_000, 0)).is_err());
    assert!(Bands::open(&file, &reading(50_000_000, 0)).is_ok());
    let refused = Bands::open(&file, &reading(50_000_000, 4));
    assert!(matches!(refused, Err(Error::Memory { width: 4_000, height: 5_000, .. })));
    let refused = Bands::open(&file, &Reading::default().with_pixels(1_000_000));
    assert!(matches!(refused, Err(Error::TooLarge { most: 1_000_000, .. })));
}

#[test]
fn smaller_pictures_are_means() {
    let image = RgbImage::from_fn(7, 5, |x, y| Rgb([(x * 10) as u8, (y * 20) as u8, 9]));
    let small = |longest, read| {
        let mut bands = Bands::from(image.clone()).with_reduced(longest);
        for rows in read {
            bands.read(rows).expect("rows");
        }
        bands.into_reduced().expect("asked for")
    };
    assert_eq!(small(7, [2, 3]), (image.clone(), 1));
    let (picture, step) = small(3, [1, 4]);
    assert_eq!((picture.dimensions(), step), ((3, 2), 3));
    assert_eq!((picture.get_pixel(0, 0).0, picture.get_pixel(2, 1).0), ([10, 20, 9], [60, 70, 9]));
    // What was not read is black.
    assert_eq!(small(3, [3, 0]).0.get_pixel(1, 1).0, [0; 3]);
    assert!(Bands::from(image.clone()).into_reduced().is_none());
}

#[test]
fn white_may_be_zero() {
    let mut data = Cursor::new(Vec::new());
    let picture = RgbImage::from_fn(61, 47, |x, y| Rgb([(value(x, y, 0) >> 8) as u8; 3]));
    let grey = DynamicImage::ImageRgb8(picture).into_luma8();
    let mut encoder = TiffEncoder::new(&mut data).expect("begun");
    encoder.write_image::<colortype::Gray8>(61, 47, grey.as_raw()).expect("written");
    let mut data = data.into_inner();
    // The entry of the interpretation: tag 262, one short.
    let entry = [6, 1, 3, 0, 1, 0, 0, 0];
    let place = data.windows(8).position(|bytes| bytes == entry).expect("an entry") + 8;
    assert!(parts_are_the_whole(&data));
    data[place] = 0;
    assert!(parts_are_the_whole(&data));
}
