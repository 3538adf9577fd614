//! Error numbers of the pool.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Errno(pub(super) i32);

impl Errno {
    pub(super) const INVALID: Errno = Errno(libc::EINVAL);
    pub(super) const CLOSED: Errno = Errno(libc::EPIPE);
}
