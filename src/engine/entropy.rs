//! Random numbers from the system.

use std::ffi::CString;

/// Returns a hasher with random seeds, for tables whose keys strangers may choose.
pub(crate) fn hasher() -> ahash::RandomState {
    let [a, b, c, d] = random();
    ahash::RandomState::with_seeds(a, b, c, d)
}

/// Returns a name that nobody outside the process can guess.
pub(crate) fn secret_name() -> CString {
    let [one, other] = random();
    CString::new(format!("zgossip-{one:016x}{other:016x}")).unwrap_or_default()
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
