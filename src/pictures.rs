//! Pictures that people send made small and harmless, and pictures made of nothing but a number; no I/O.
//!
//! Owns which kinds are read (PNG, JPEG, GIF, WebP, by their first bytes), the bounds on size and memory, and that nothing of what was sent is kept: a
//! new PNG is made of the pixels. Runs for up to some seconds, so callers run it where that is allowed. Called by `forge/avatars.rs`.

mod identicon;

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

pub use self::identicon::identicon;

/// Longest side of what is kept. Units: pixels.
pub const SIDE_MAX: u32 = 512;
/// Memory that reading may take for each pixel: 16 bits for each of four colours, and as much again to work with. Units: bytes.
const BYTES_PER_PIXEL: u64 = 16;
/// Memory that reading may take for small pictures, too. Units: bytes.
const LEAST_MEMORY_BYTES: u64 = 1 << 20;

/// Why a picture is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not of a kind that is read.
    #[error("the image must be a PNG, JPEG, GIF or WebP")]
    UnknownKind,
    /// Not what its first bytes promise.
    #[error("the image cannot be read")]
    Broken,
    /// More pixels than allowed.
    #[error("the image has too many pixels")]
    TooLarge,
}

/// Makes a square PNG of at most [`SIDE_MAX`] pixels a side of the middle of a picture; of one that moves, of its beginning.
///
/// Errors: every [`Fault`]. Nothing is unpacked before the size that the picture gives itself was looked at.
pub fn square_png(content: &[u8], max_pixels: u64) -> Result<Vec<u8>, Fault> {
    let format = format_of(content).ok_or(Fault::UnknownKind)?;
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let memory_bytes = max_pixels.saturating_mul(BYTES_PER_PIXEL).max(LEAST_MEMORY_BYTES);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(memory_bytes);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fault_of)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Fault::Broken);
    }
    if u64::from(width).saturating_mul(height.into()) > max_pixels || decoder.total_bytes() > memory_bytes {
        return Err(Fault::TooLarge);
    }
    if format == ImageFormat::WebP && largest_vp8_frame(content) > max_pixels {
        return Err(Fault::TooLarge);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(fault_of)?;
    let mut small = square(whole);
    small.apply_orientation(orientation);
    encode(&small.to_rgba8(), small.width(), small.height(), ExtendedColorType::Rgba8)
}

/// The kinds that are read, as the blob store knows them.
fn format_of(content: &[u8]) -> Option<ImageFormat> {
    match crate::blobs::sniff(content) {
        "image/png" => Some(ImageFormat::Png),
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/gif" => Some(ImageFormat::Gif),
        "image/webp" => Some(ImageFormat::WebP),
        _ => None,
    }
}

/// Pixels of the largest lossy frame in a WebP file: the reader unpacks it before it looks whether it fits the size of the whole.
///
/// Source: RFC 6386, section 9.1: after three bytes a key frame begins with `9d 01 2a` and two sizes of 14 bits.
fn largest_vp8_frame(content: &[u8]) -> u64 {
    let frames = content.windows(18).filter(|bytes| bytes.starts_with(b"VP8 ") && bytes[11..14] == [0x9d, 0x01, 0x2a]);
    let side = |low: u8, high: u8| u64::from(u16::from_le_bytes([low, high]) & 0x3fff);
    frames.map(|bytes| side(bytes[14], bytes[15]) * side(bytes[16], bytes[17])).max().unwrap_or(0)
}

/// The middle, made smaller where it is too large.
fn square(whole: DynamicImage) -> DynamicImage {
    let (width, height) = (whole.width(), whole.height());
    let short = width.min(height);
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(SIDE_MAX) / u64::from(short.max(1));
        u32::try_from(side).unwrap_or(u32::MAX).max(1)
    };
    let small = if short > SIDE_MAX { whole.thumbnail_exact(scaled(width), scaled(height)) } else { whole };
    let side = short.min(SIDE_MAX);
    small.crop_imm(
        (small.width() - side.min(small.width())) / 2,
        (small.height() - side.min(small.height())) / 2,
        side,
        side,
    )
}

fn encode(pixels: &[u8], width: u32, height: u32, color: ExtendedColorType) -> Result<Vec<u8>, Fault> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(pixels, width, height, color)
        .map_err(|_| Fault::Broken)?;
    Ok(png)
}

fn fault_of(error: image::ImageError) -> Fault {
    match error {
        image::ImageError::Limits(_) => Fault::TooLarge,
        _ => Fault::Broken,
    }
}

#[cfg(test)]
mod tests;
