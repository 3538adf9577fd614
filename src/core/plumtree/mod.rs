//! The broadcast trees: over which links each tuple is pushed, so that it crosses every node once.
//!
//! The algorithm is Plumtree (J. Leitão, J. Pereira, L. Rodrigues, "Epidemic Broadcast Trees", 2007) with a tree for
//! each origin, so that nodes that publish at the same time do not disturb each other's. Every link is *eager* for an
//! origin at first: the origin's tuples are pushed over it. A tuple that comes twice shows that the links form a ring;
//! PRUNE then makes one end *lazy* for the origin: from there on it announces keys and stamps only, a little later and
//! many at once. A node that lacks what is announced asks for it and *grafts* the link, which makes it eager again. The
//! link by which an origin's tuples come first is the origin's *parent*; when it is lost, the origins that it brought
//! are *repaired*: all their pruned links are grafted, until it is known anew which of them are needed.
//!
//! | the paper | here |
//! | --- | --- |
//! | GOSSIP, pushed eagerly | PUBLISH with a stamp, BATCH |
//! | IHAVE, pushed lazily | ANNOUNCE: the wire keeps its older name |
//! | PRUNE | PRUNE of one or more origins |
//! | GRAFT | GRAFT of one or more origins, and REQUEST of the keys that are missing |
//! | identity of a message | the hash of the key, and the stamp |
//! | *eagerPushPeers*, *lazyPushPeers* | [`LazyPush::is_lazy`], for each link and origin; every other link is eager |
//! | *lazyQueue* and the policy that empties it | [`LazyPush`]: 150 ms after the change at a server, 250 ms at a client |
//! | *missing*, and its timers | none: an announcement is late enough to be believed at once. What was asked for and has not come within a second is asked for where it is announced next (`anti_entropy::requests`) |
//! | NeighborUp, NeighborDown | [`State::neighbour_up`], [`State::neighbour_down`] |
//! | optimization of the tree | none: the newest tuple of an origin decides which link is its parent |
//!
//! Three rules are not in the paper. A node sends PRUNE for an origin only where its tuples come by another link, or
//! the origin is itself. A link that is known to be part of a ring is pruned at once for origins that are met for the
//! first time, by a limited number of messages a second. And peers whose digests are equal, where tuples come by other
//! links, too, are taken to be in a ring before anything came twice.
//!
//! A tree that is wrong costs time or bytes, never a tuple: lazy links announce, and what no link announces is left to
//! anti-entropy. Plain peers take no part, nor do tuples with synthetic stamps, whose origin names no node.
//!
//! | file | concern |
//! | --- | --- |
//! | `state` | the machine: what happens on the links goes in, PRUNE, GRAFT and REQUEST come out |
//! | `parents` | the link by which each origin's tuples come |
//! | `neighbour` | what one neighbour was asked to send, and not to send |
//! | `lazy_push` | what one neighbour asked not to be sent, and what is announced to it instead |

mod lazy_push;
mod neighbour;
mod parents;
mod state;

pub(super) use lazy_push::LazyPush;
pub(super) use state::{Output, State};

/// The most origins that are remembered: in all, and of each neighbour. A network has about one origin for each node
/// that writes, and an origin takes some 50 bytes; beyond, those that have been silent for longest make room for new
/// ones, and their tuples travel over every link.
const MAX_ORIGINS: usize = 4096;
