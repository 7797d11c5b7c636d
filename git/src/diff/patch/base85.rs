//! Owns the text form of binary data in patches: git's base 85, in lines of up to 52 bytes that begin with their length. Refuses to know
//! what the data is.

const ALPHABET: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const LINE_BYTES: usize = 52;

/// Encodes data as lines.
pub(crate) fn encode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 4 * 5 + data.len() / LINE_BYTES * 2 + 8);
    for line in data.chunks(LINE_BYTES) {
        let length = line.len() as u8;
        out.push(if length <= 26 { b'A' + length - 1 } else { b'a' + length - 27 });
        for group in line.chunks(4) {
            let mut number = group.iter().chain(&[0; 3]).take(4).fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
            let mut digits = [0; 5];
            for digit in digits.iter_mut().rev() {
                *digit = ALPHABET.get((number % 85) as usize).copied().unwrap_or_default();
                number /= 85;
            }
            out.extend_from_slice(&digits);
        }
        out.push(b'\n');
    }
    out
}
