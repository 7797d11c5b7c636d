//! A pattern for those who have no picture: five by five fields, the same from left and right, in a colour of its own.
//!
//! Made of a number alone, so that it may be shown to anybody: it tells nothing that its address does not.

use image::ExtendedColorType;
use sha2::{Digest, Sha256};

use super::{Fault, encode};

/// Fields in a row.
const FIELDS: u32 = 5;
/// Pixels in a row of a field.
const FIELD_PIXELS: u32 = 32;
const BACKGROUND: [u8; 3] = [0xf0, 0xf0, 0xf2];

/// Makes the pattern of a number, as a PNG; always the same one.
///
/// Errors: none that can happen.
pub fn identicon(number: i64) -> Result<Vec<u8>, Fault> {
    let hash: [u8; 32] =
        Sha256::new().chain_update(b"identicon 1\0").chain_update(number.to_be_bytes()).finalize().into();
    let color = color_of(hash[0], hash[1]);
    let side = FIELDS * FIELD_PIXELS;
    let mut pixels = Vec::with_capacity((side * side * 3) as usize);
    for y in 0..side {
        for x in 0..side {
            pixels.extend(if is_filled(&hash, x / FIELD_PIXELS, y / FIELD_PIXELS) { color } else { BACKGROUND });
        }
    }
    encode(&pixels, side, side, ExtendedColorType::Rgb8)
}

fn is_filled(hash: &[u8; 32], column: u32, row: u32) -> bool {
    let mirrored = column.min(FIELDS - 1 - column);
    let field = (row * FIELDS + mirrored) as usize;
    hash.get(2 + field).is_some_and(|byte| byte % 2 == 0)
}

/// A strong colour: one part full, one low, one in between.
fn color_of(which: u8, between: u8) -> [u8; 3] {
    let (high, low) = (0xb8, 0x40);
    let middle = low + between % (high - low);
    match which % 6 {
        0 => [high, middle, low],
        1 => [high, low, middle],
        2 => [middle, high, low],
        3 => [low, high, middle],
        4 => [middle, low, high],
        _ => [low, middle, high],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_pattern_and_others_have_others() {
        let made: Vec<Vec<u8>> = (0..100).map(|number| identicon(number).unwrap()).collect();
        assert_eq!(made[7], identicon(7).unwrap());
        let different: std::collections::HashSet<&Vec<u8>> = made.iter().collect();
        assert!(different.len() > 95, "{}", different.len());
        assert!(made.iter().all(|png| png.len() < 4096 && crate::blobs::sniff(png) == "image/png"));
        let picture = image::load_from_memory(&made[1]).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (160, 160));
        assert!((0..160).all(|y| (0..80).all(|x| picture.get_pixel(x, y) == picture.get_pixel(159 - x, y))));
    }
}
