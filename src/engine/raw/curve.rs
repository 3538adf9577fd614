//! CURVE keys, which libzmq makes and checks.

use std::ffi::{CStr, CString, c_char};

use zeroize::Zeroizing;

use super::Error;

/// The number of characters in the Z85 text of a key.
pub const TEXT: usize = 40;
/// The number of bytes in a key.
pub const BYTES: usize = 32;

// Missing from zmq-sys, present since libzmq 4.2.
unsafe extern "C" {
    fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> i32;
}

/// Returns whether this libzmq was built with CURVE.
pub fn available() -> bool {
    zmq::has("curve") == Some(true)
}

/// Makes a key pair: public key and secret key, as bytes.
pub fn pair() -> Result<([u8; BYTES], Zeroizing<[u8; BYTES]>), Error> {
    let mut public = [0u8; TEXT + 1];
    let mut secret = Zeroizing::new([0u8; TEXT + 1]);
    // SAFETY: both buffers have the 41 bytes that libzmq writes.
    if unsafe { zmq_sys::zmq_curve_keypair(public.as_mut_ptr().cast(), secret.as_mut_ptr().cast()) } != 0 {
        return Err(Error::last());
    }
    match (decode(&public[..TEXT]), decode(&secret[..TEXT])) {
        (Some(public), Some(secret)) => Ok((*public, secret)),
        _ => Err(Error::INVALID),
    }
}

/// The public key that belongs to a secret key's text; `None` if that is no key.
pub fn public_of(secret: &[u8]) -> Option<[u8; BYTES]> {
    decode(secret)?; // libzmq expects a proper text
    let secret = Zeroizing::new(CString::new(secret).ok()?.into_bytes_with_nul());
    let secret = CStr::from_bytes_with_nul(&secret).ok()?;
    let mut public = [0u8; TEXT + 1];
    // SAFETY: a buffer with the 41 bytes that libzmq writes, and the terminated text of a key.
    let rc = unsafe { zmq_curve_public(public.as_mut_ptr().cast(), secret.as_ptr()) };
    (rc == 0).then(|| decode(&public[..TEXT]).map(|public| *public)).flatten()
}

/// The bytes of a key's Z85 text; `None` if it is not 40 characters of Z85.
pub fn decode(text: &[u8]) -> Option<Zeroizing<[u8; BYTES]>> {
    // Decoded here: libzmq's decoder accepts characters outside the alphabet and numbers beyond 32 bits in some
    // versions, and a key that is wrong must be refused, not become another key.
    if text.len() != TEXT {
        return None;
    }
    let mut bytes = Zeroizing::new([0u8; BYTES]);
    for (group, out) in text.chunks_exact(5).zip(bytes.chunks_exact_mut(4)) {
        let mut word = 0u64;
        for &letter in group {
            word = word * 85 + u64::from(digit(letter)?);
        }
        out.copy_from_slice(&u32::try_from(word).ok()?.to_be_bytes());
    }
    Some(bytes)
}

/// The Z85 text of a key.
pub fn encode(key: &[u8; BYTES]) -> String {
    const LETTERS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let mut text = String::with_capacity(TEXT);
    for group in key.chunks_exact(4) {
        let word = u32::from_be_bytes(group.try_into().expect("four bytes"));
        for power in (0..5).rev() {
            text.push(char::from(LETTERS[(word / 85u32.pow(power) % 85) as usize]));
        }
    }
    text
}

fn digit(letter: u8) -> Option<u8> {
    const PUNCTUATION: &[u8] = b".-:+=^!/*?&<>()[]{}@%$#";
    Some(match letter {
        b'0'..=b'9' => letter - b'0',
        b'a'..=b'z' => letter - b'a' + 10,
        b'A'..=b'Z' => letter - b'A' + 36,
        _ => 62 + PUNCTUATION.iter().position(|&other| other == letter)? as u8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key pair of the CURVE example in libzmq's manual.
    const PUBLIC: &[u8] = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    const SECRET: &[u8] = b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

    #[test]
    fn texts_decode_as_the_specification_says() {
        let known = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
        let text = b"HelloWorld".repeat(4);
        assert_eq!(decode(&text).unwrap()[..8], known);
        assert_eq!(encode(&decode(&text).unwrap()).as_bytes(), text);
        assert_eq!(encode(&decode(SECRET).unwrap()).as_bytes(), SECRET);
        assert!(decode(b"HelloWorld").is_none());
        assert!(decode(&[b'#'; 40]).is_none(), "beyond 32 bits");
        assert!(decode(&[b'"'; 40]).is_none(), "not in the alphabet");
        assert!(decode(&[0xFF; 40]).is_none());
    }

    #[test]
    fn a_secret_key_knows_its_public_key() {
        if !available() {
            return;
        }
        assert_eq!(public_of(SECRET).unwrap(), *decode(PUBLIC).unwrap());
        assert!(public_of(b"no key").is_none());
        let (one, _) = pair().unwrap();
        let (two, _) = pair().unwrap();
        assert_ne!(one, two);
    }
}
