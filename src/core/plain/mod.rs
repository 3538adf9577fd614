//! Knowledge about peers that speak plain ZGP/1, as CZMQ's zgossip does: no stamps, no ages.
//!
//! | file | concern |
//! | --- | --- |
//! | `peer` | what one plain peer has said and was told of each key |
//! | `history` | the recent past of each key |
//! | `departures` | when plain peers left |
//! | `disbelieved` | values that plain peers said and that were taken for old |
//! | `receipts` | whether a plain server has taken what it was told |

pub(super) mod departures;
pub(super) mod disbelieved;
pub(super) mod history;
pub(super) mod peer;
pub(super) mod receipts;
