//! Requests to the ZAP server: any frames are answered, and nobody is let in whom the policy does not name.

use std::cell::RefCell;

use zgossip::actor::auth::Policy;

use crate::bytes::Bytes;

/// The most frames of a request.
const FRAMES: usize = 20;

const DENIED: &[u8] = b"10.0.0.9";

thread_local! {
    static POLICY: RefCell<Policy> = RefCell::new(policy());
}

/// A policy that lets in by CURVE whose certificates are in a folder that is empty, and by PLAIN whose passwords are in
/// a file that does not exist: nobody.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.deny(DENIED);
    policy.curve(b"/nonexistent/zgossip/certificates");
    let _ = policy.plain(b"/nonexistent/zgossip/passwords");
    policy
}

/// Answers a request, and panics where a promise does not hold.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    // A request that is nearly right: one frame is another
    let right: [&[u8]; 7] = [b"1.0", b"1", b"domain", b"127.0.0.1", b"", b"NULL", b""];
    let mut frames: Vec<&[u8]> = Vec::new();
    while let Some(piece) = bytes.piece().filter(|_| frames.len() < FRAMES) {
        frames.push(if piece == b"=" { right[frames.len() % right.len()] } else { piece });
    }
    let answer = POLICY.with_borrow_mut(|policy| policy.answer(&frames));
    let is_request = frames.len() >= 6 && frames[0] == b"1.0";
    assert_eq!(answer.is_some(), is_request, "six frames and the version are a request");
    let Some([version, sequence, code, ..]) = answer else { return };
    assert_eq!((version.as_slice(), sequence.as_slice()), (&b"1.0"[..], frames[1]));
    if code == b"200" {
        assert!(frames[5] == b"NULL" && frames[3] != DENIED, "let in: {frames:?}");
    }
}
