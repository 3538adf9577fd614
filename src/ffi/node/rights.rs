//! Who may read and write what.

#![allow(unsafe_code)]

use libc::{c_char, c_int};

use super::arguments::{enter, string};
use super::pool::zgossip_t;
use crate::ffi::entry::entry_with_reason;

/// Sets what a peer may do with the keys that begin with a prefix.
///
/// `subject` is the peer's public key (Z85), the name of its certificate, or
/// "*" for all peers that have no rules of their own. `prefix` NULL or "*"
/// stands for all keys; of several rules the one with the longest prefix
/// decides. `rights` are words separated by commas: read, to be sent tuples;
/// announce, to publish tuples with a time to live; retract, to remove tuples;
/// write, for both, and tuples without a time to live; or none. Each of the
/// three includes read. NULL takes the rule back.
///
///     zgossip_set_rights (hub, "*", NULL, "read");
///     zgossip_set_rights (hub, "worker-7", NULL, "read");
///     zgossip_set_rights (hub, "worker-7", "service/worker-7/", "write");
///
/// Without any rule, everybody may do everything. As soon as there is one, what
/// no rule allows is refused, of peers that are connected, too: what a peer may
/// not read it is not sent; what it writes and may not stays with itself, counts
/// as refused, and is logged once. The rules concern peers of this node, not its
/// own program. They take effect beside those of the configuration file,
/// section zgossip/rights, and count more.
///
/// A client shows its key by CURVE. It counts where the handler of
/// zgossip_auth_new admits the client, as does the name of the certificate; and
/// where another ZAP handler gives it as user id, if all endpoints of the node
/// were bound with keys and need a handler (zgossip/security/require-handler).
///
/// Returns: 0, or -1.
/// Errors: EINVAL if the subject is empty or longer than 255 bytes, if the
///     prefix is longer than 255 bytes or ends with "*", or if `rights` has
///     another word or none; ENOENT if there is no such rule to be taken back;
///     and those of an answered call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_set_rights(
    self_: *mut zgossip_t,
    subject: *const c_char,
    prefix: *const c_char,
    rights: *const c_char,
) -> c_int {
    entry_with_reason! {
        // SAFETY: the program gives a node, a C string, and two that may be NULL.
        let (node, subject, prefix, rights) = unsafe {
            let prefix = if prefix.is_null() { &[] } else { string(prefix, "prefix")? };
            let rights = if rights.is_null() { None } else { Some(string(rights, "rights")?) };
            (enter(self_)?, string(subject, "subject")?, prefix, rights)
        };
        node.set_rights(subject, prefix, rights)?;
        Ok(0)
    }
}
