//! Tests that the network converges: real processes, real sockets, CZMQ's own nodes among ours.
//!
//! | file | concern |
//! | --- | --- |
//! | `tap` | a connection that is watched, counted, cut or frozen |
//! | `network` | nodes linked through taps; agreement, silence |
//! | `namespace` | hosts that lose sight of each other |
//! | `conflict` | one key written often, and at several places at once |
//! | `loops` | two CZMQ nodes that loop, beside ours |
//! | `silence` | nodes that have little to say |
//! | `restart` | hubs that are killed |
//! | `partition` | networks that fall apart and meet again |
//! | `removal` | RETRACT and time to live |
//! | `slow` | peers that stand still |
//! | `clocks` | clocks that are wrong |
//! | `wire` | what a plain peer gets to see |
//! | `events` | what an owner is told who asks for it |
//! | `watching` | what an owner is told who watches some keys |

mod namespace;
mod network;
mod tap;

mod clocks;
mod conflict;
mod events;
mod loops;
mod partition;
mod removal;
mod restart;
mod silence;
mod slow;
mod watching;
mod wire;
