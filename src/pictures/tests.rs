//! Pictures of every kind, and what is none.

use image::{DynamicImage, GenericImageView, Rgba, RgbaImage};

use super::*;

const MAX_PIXELS: u64 = 4_000_000;

/// A picture whose left half is red and whose right half is blue.
fn halves(width: u32, height: u32) -> DynamicImage {
    let color = |x| if x < width / 2 { Rgba([255, 0, 0, 255]) } else { Rgba([0, 0, 255, 255]) };
    DynamicImage::ImageRgba8(RgbaImage::from_fn(width, height, |x, _| color(x)))
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(picture.to_rgb8()).write_to(&mut bytes, format).unwrap(),
        _ => picture.write_to(&mut bytes, format).unwrap(),
    }
    bytes.into_inner()
}

/// A PNG chunk with its checksum.
fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(name);
    hash.update(content);
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], name, content, &hash.finalize().to_be_bytes()].concat()
}

/// A PNG of one colour that says it is so large, with as much content as given.
fn png_of_size(width: u32, height: u32, content: &[u8]) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &head), &chunk(b"IDAT", content), &chunk(b"IEND", b"")].concat()
}

#[test]
fn every_kind_becomes_a_small_square_png() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        for (width, height, side) in [(20, 20, 20), (1200, 600, 512), (600, 1200, 512), (2000, 3, 3), (1, 1, 1)] {
            let made = square_png(&written(&halves(width, height), format), MAX_PIXELS).unwrap();
            assert_eq!(crate::blobs::sniff(&made), "image/png");
            let picture = image::load_from_memory(&made).unwrap();
            assert_eq!(picture.dimensions(), (side, side), "{format:?} {width}x{height}");
            if side > 10 {
                let (left, right) = (picture.get_pixel(1, 1), picture.get_pixel(side - 2, side - 2));
                assert!(
                    left[0] > 200 && left[2] < 60 && right[2] > 200 && right[0] < 60,
                    "{format:?} {left:?} {right:?}"
                );
            }
        }
    }
}

#[test]
fn of_a_moving_picture_the_beginning_is_kept() {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for shade in [10u8, 250] {
        let frame = RgbaImage::from_pixel(30, 30, Rgba([shade, 0, 0, 255]));
        encoder.encode_frame(image::Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let made = image::load_from_memory(&square_png(&bytes, MAX_PIXELS).unwrap()).unwrap();
    assert_eq!(made.dimensions(), (30, 30));
    assert!(made.get_pixel(5, 5)[0] < 40);
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    // A real one: zeros that deflate a thousandfold.
    let packed = {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; 32 << 20]).unwrap();
        encoder.finish().unwrap()
    };
    let started = std::time::Instant::now();
    for bomb in
        [png_of_size(50_000, 50_000, &packed), png_of_size(u32::MAX >> 1, 2, &packed), png_of_size(2, 2_000_001, b"")]
    {
        assert_eq!(square_png(&bomb, MAX_PIXELS), Err(Fault::TooLarge));
    }
    // More content than the size needs is not unpacked to its end.
    let _ = square_png(&png_of_size(1, 1, &packed), MAX_PIXELS);
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    // A lossy frame that is larger than the picture it says it belongs to.
    let riff = |name: &[u8; 4], content: &[u8]| {
        [&name[..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content].concat()
    };
    let canvas = riff(b"VP8X", &[0, 0, 0, 0, 9, 0, 0, 9, 0, 0]);
    let frame = riff(b"VP8 ", &[&[0x10, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f][..], &[0; 64]].concat());
    let webp = riff(b"RIFF", &[&b"WEBP"[..], &canvas, &frame].concat());
    assert_eq!(square_png(&webp, MAX_PIXELS), Err(Fault::TooLarge));
    let gif = [&b"GIF89a"[..], &[0xff, 0xff, 0xff, 0xff, 0, 0, 0], b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;"]
        .concat();
    assert!(square_png(&gif, MAX_PIXELS).is_err());
}

#[test]
fn nothing_but_pixels_comes_through() {
    let canary = b"<script>alert('canary')</script>";
    let mut png = written(&halves(40, 40), ImageFormat::Png);
    let at = png.len() - 12;
    png.splice(at..at, chunk(b"tEXt", &[&b"Comment\0"[..], canary].concat()));
    png.extend_from_slice(canary);
    let mut gif = written(&halves(40, 40), ImageFormat::Gif);
    gif.extend_from_slice(canary);
    let mut jpeg = written(&halves(40, 40), ImageFormat::Jpeg);
    jpeg.splice(2..2, [&[0xff, 0xfe, 0, canary.len() as u8 + 2][..], canary].concat());
    for polyglot in [png, gif, jpeg] {
        let made = square_png(&polyglot, MAX_PIXELS).unwrap();
        assert!(!made.windows(6).any(|part| part == b"canary"));
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    let table: [(&[u8], Fault); 7] = [
        (b"", Fault::UnknownKind),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", Fault::UnknownKind),
        (b"<!DOCTYPE html><script>alert(1)</script>", Fault::UnknownKind),
        (b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0", Fault::UnknownKind),
        (b"\x89PNG\r\n\x1a\n<html>", Fault::Broken),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", Fault::Broken),
        (b"RIFF\x10\0\0\0WEBPVP8 ", Fault::Broken),
    ];
    for (content, fault) in table {
        assert_eq!(square_png(content, MAX_PIXELS), Err(fault), "{content:?}");
    }
}

/// Cut off at any place, and with any byte changed: an answer, and never a panic.
#[test]
fn damage_is_answered() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let whole = written(&halves(33, 21), format);
        for length in 0..whole.len() {
            let _ = square_png(&whole[..length], MAX_PIXELS);
        }
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] ^= change;
                let _ = square_png(&damaged, MAX_PIXELS);
            }
        }
    }
}
