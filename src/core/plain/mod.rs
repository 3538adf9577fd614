//! Knowledge about peers that speak plain ZGP/1, as CZMQ's zgossip does: no stamps, no ages.
//!
//! | file | concern |
//! | --- | --- |
//! | `judge` | the verdict on a value without a stamp, from facts |
//! | `memory` | what a node remembers for the sake of all plain peers |
//! | `history` | the recent past of each key |
//! | `departures` | when plain peers left |
//! | `rejected` | values that were judged not to be news |
//! | `peer` | what one plain peer is believed to hold; its `check`, what checks find |
//! | `list` | how far the peer's list of what it holds has come |
//! | `keys` | the table of that |
//! | `checks` | when each key of a peer is checked next |
//! | `backlog` | whether a peer is still working through what it was sent |
//! | `in_flight` | values that the peer has yet to repeat, although others followed them |
//! | `receipts` | whether a plain server has adopted what it was sent |

mod backlog;
mod checks;
mod departures;
pub(super) mod history;
pub(in crate::core) mod in_flight;
pub(super) mod judge;
mod keys;
mod list;
pub(super) mod memory;
pub(super) mod peer;
pub(super) mod receipts;
mod rejected;
