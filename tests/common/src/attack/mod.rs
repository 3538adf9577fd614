//! Peers that mean harm, and what an honest pair beside them notices of it.
//!
//! | module | what it has |
//! | --- | --- |
//! | [`frames`] | the wire, written without the codec under test: any field, any number |
//! | [`peer`] | [`Attacker`], a client that says what it is told; many of them; those that never read |
//! | [`flood`] | [`RawLink`], a TCP connection that speaks as much of ZMTP as it is told |
//! | [`spoil`] | [`Spoiler`], honest frames made wrong |
//! | [`victim`] | [`Victim`], a hub in a process of its own: its memory, time and descriptors |
//! | [`witness`] | [`beside`], which measures an honest pair over the hub while it is attacked |
//!
//! An attack with its judgement is a dozen lines:
//!
//! ```no_run
//! use common::Lib;
//! use common::attack::{LIMIT, Victim, crowd, frames, must_mostly_serve, must_serve};
//!
//! let victim = Victim::new(Lib::Native);
//! must_serve(&victim, LIMIT, "two hundred links that send PING", || {
//!     for attacker in crowd(&victim.endpoint, 200) {
//!         attacker.hello();
//!         (0..1000).take_while(|_| attacker.try_say(frames::PING)).count();
//!     }
//! });
//! assert!(victim.memory().resident < 100 << 20);
//! ```

pub mod flood;
pub mod frames;
pub mod peer;
pub mod spoil;
pub mod victim;
pub mod witness;

pub use flood::{RawLink, mute};
pub use frames::{Entry, Fields, Record};
pub use peer::{Attacker, crowd};
pub use spoil::Spoiler;
pub use victim::{Memory, Victim};
pub use witness::{Latency, Service, beside, must_mostly_serve, must_serve};

use std::time::Duration;

/// Latency that 99 of 100 updates of an honest pair may have while their hub is attacked.
pub const LIMIT: Duration = Duration::from_millis(50);
