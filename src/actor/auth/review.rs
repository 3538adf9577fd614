//! Whether clients that are connected would still be admitted.
//!
//! The clients are those that nodes have entered (`engine::admission`), so without any there is nothing to do. Who is
//! refused at two looks in a row is not admitted any more: files are replaced, and rules set one after the other, in between.

use std::collections::{HashMap, HashSet};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::policy::Policy;
use crate::engine::admission::{Client, Doorkeeper};
use crate::engine::raw::Context;
use crate::log::Logger;

/// The time between two looks, if they are quick.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest time between two looks. A look that takes long is followed by a pause a hundred times as long: it takes
/// time in proportion to the number of certificates.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);
const PAUSE: u32 = 100;

/// The looks at clients of one context.
pub(super) struct Review {
    /// `None` where there was no descriptor for it: nobody is looked at.
    door: Option<Doorkeeper>,
    /// Those that were refused at the last look.
    doubtful: HashSet<Client>,
    /// The moment of the next look, while clients are connected.
    next: Option<Instant>,
}

impl Review {
    /// The looks at clients of `context`.
    pub(super) fn new(context: Context, logger: &Logger) -> Review {
        let door = Doorkeeper::new(context)
            .map_err(|error| {
                logger
                    .warning(format_args!("clients stay connected that are not admitted any more: {error}"));
            })
            .ok();
        // There may be clients of an earlier handler.
        Review { door, doubtful: HashSet::new(), next: Some(Instant::now() + INTERVAL) }
    }

    /// The descriptor that is readable when there are clients to be looked at.
    pub(super) fn fd(&self) -> Option<RawFd> {
        self.door.as_ref().map(Doorkeeper::fd)
    }

    /// The time until the next look; `None` if there are no clients.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.next.map(|next| next.saturating_duration_since(Instant::now()))
    }

    /// Notes that a client was admitted now.
    pub(super) fn on_admitted(&mut self, client: &Client) {
        self.doubtful.remove(client);
        if let Some(door) = &self.door {
            door.admit(client);
        }
    }

    /// Looks at the clients, if it is time to.
    pub(super) fn look(&mut self, policy: &mut Policy) {
        let begun = Instant::now();
        if self.next.is_some_and(|next| begun < next) {
            return;
        }
        let Some(door) = &self.door else {
            self.next = None;
            return;
        };
        let connected = door.connected();
        if self.next.is_none() || connected.is_empty() {
            // The first ones have just been admitted.
            self.next = (!connected.is_empty()).then(|| begun + INTERVAL);
            self.doubtful.clear();
            return;
        }
        // What could not be read says nothing.
        if policy.refresh() {
            let refused: HashMap<Client, &'static str> = connected
                .into_iter()
                .filter_map(|client| policy.objection(&client).map(|reason| (client, reason)))
                .collect();
            let doubtful = refused.keys().cloned().collect();
            let before = std::mem::replace(&mut self.doubtful, doubtful);
            door.revoke(refused.into_iter().filter(|(client, _)| before.contains(client)).collect());
        }
        let pause = (begun.elapsed() * PAUSE).clamp(INTERVAL, LONGEST_INTERVAL);
        self.next = Some(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::admission::Guest;
    use crate::log::Stderr;
    use std::sync::Arc;

    struct Scene {
        review: Review,
        policy: Policy,
        context: Context,
    }

    impl Scene {
        fn new() -> Scene {
            let context = Context::fresh();
            let review = Review::new(context, &Logger::new("", Arc::new(Stderr)));
            Scene { review, policy: Policy::default(), context }
        }

        fn enters(&self, address: &str) -> Guest {
            Guest::enter(self.context, &client(address))
        }

        /// Looks as if it was time to.
        fn look(&mut self) {
            self.review.next = Some(Instant::now());
            self.review.look(&mut self.policy);
        }

        fn is_revoked(&self, address: &str) -> bool {
            self.review.door.as_ref().expect("a descriptor").revoked(&client(address)).is_some()
        }
    }

    fn client(address: &str) -> Arc<Client> {
        Arc::new(Client {
            address: address.into(),
            mechanism: "NULL".into(),
            user: Box::default(),
            evidence: 0,
        })
    }

    #[test]
    fn who_is_refused_at_two_looks_in_a_row_is_not_admitted_any_more() {
        let mut scene = Scene::new();
        let _guests = [scene.enters("10.0.0.1"), scene.enters("10.0.0.2")];
        scene.policy.allow(b"10.0.0.1");
        scene.look();
        // The program was not done with its rules.
        scene.policy.allow(b"10.0.0.2");
        scene.look();
        scene.look();
        assert!(!scene.is_revoked("10.0.0.1") && !scene.is_revoked("10.0.0.2"));
        scene.policy = Policy::default();
        scene.policy.deny(b"10.0.0.2");
        scene.look();
        assert!(!scene.is_revoked("10.0.0.2"));
        scene.look();
        assert!(!scene.is_revoked("10.0.0.1") && scene.is_revoked("10.0.0.2"));
        scene.review.on_admitted(&client("10.0.0.2"));
        assert!(!scene.is_revoked("10.0.0.2"), "it was admitted since");
    }

    #[test]
    fn without_clients_there_are_no_looks_and_the_first_one_brings_them_back() {
        let mut scene = Scene::new();
        scene.policy.deny(b"10.0.0.1");
        scene.look();
        assert_eq!(scene.review.timeout(), None);
        let is_rung = |scene: &Scene| {
            let mut poller = crate::engine::raw::Poller::new();
            let place = poller.add(scene.review.fd().expect("a descriptor"), false);
            poller.wait(Some(Duration::ZERO)).is_ok() && poller.ready(place)
        };
        assert!(!is_rung(&scene));
        let guest = scene.enters("10.0.0.1");
        assert!(is_rung(&scene));
        scene.review.look(&mut scene.policy);
        assert!(scene.review.timeout().is_some() && !is_rung(&scene));
        scene.look();
        scene.look();
        assert!(scene.is_revoked("10.0.0.1"));
        drop(guest);
        scene.look();
        assert_eq!(scene.review.timeout(), None);
    }
}
