//! Random numbers from the system.

use std::ffi::CStr;
use std::io::Write as _;

/// Returns a hasher with random seeds, for tables whose keys strangers may choose.
pub(crate) fn hasher() -> ahash::RandomState {
    let [a, b, c, d] = random();
    ahash::RandomState::with_seeds(a, b, c, d)
}

/// A name that nobody outside the process can guess. It lies where it is kept: a block on the heap that a process keeps
/// until it ends would be shown by valgrind.
pub(super) struct SecretName([u8; 41]);

impl SecretName {
    /// Returns a new name.
    pub(super) fn new() -> Self {
        let mut name = [0; 41]; // eight letters, two numbers in hexadecimal digits, and the zero at the end
        let [one, other] = random();
        let _ = write!(&mut name[..40], "zgossip-{one:016x}{other:016x}"); // it fits
        Self(name)
    }

    /// Returns the name.
    pub(super) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

/// Returns numbers from the system's randomness. A generator inside the process would give two nodes the same numbers:
/// in a forked child it continues as in the parent. It would also leave memory behind in threads of the program.
pub(crate) fn random<const N: usize>() -> [u64; N] {
    let mut numbers = [[0; 8]; N];
    match rustix::rand::getrandom(numbers.as_flattened_mut(), rustix::rand::GetRandomFlags::empty()) {
        Ok(size) if size == 8 * N => numbers.map(u64::from_ne_bytes),
        _ => std::array::from_fn(|_| fastrand::u64(..)),
    }
}
