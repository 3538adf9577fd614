//! State of the broadcast trees, one tree for each origin.
//!
//! After Plumtree: J. Leitão, J. Pereira, L. Rodrigues, "Epidemic Broadcast Trees", 2007.
//!
//! | file | concern |
//! | --- | --- |
//! | `parents` | the link by which each origin's tuples come |
//! | `peer` | the origins whose tuples travel over one link, and what is announced of the others |

pub(super) mod parents;
pub(super) mod peer;

/// Origins that are remembered. Those that have said nothing for longest make room for new ones.
pub(super) const MOST_ORIGINS: usize = 4096;
