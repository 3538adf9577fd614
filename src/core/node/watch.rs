//! Warnings: what the machines of [`watch`](crate::core::watch) are shown of the node, and what they let pass.

use super::Node;
use super::rights::denied_values;
use crate::core::clock::{COUNTER_BITS, Now};
use crate::core::event::{Event, Warning};
use crate::core::id::{LinkId, Role, Slot};
use crate::core::link::Link;
use crate::core::tuple::key_hash;
use crate::core::watch::clocks::{self, Verdict};
use crate::core::watch::limiter::{About, Limiter, Mention};
use crate::core::watch::{CLOCK_LASTS, FAR_AHEAD, INTERVAL, LinkWatch, Since, Standing, Tally};
use crate::warning::{Kind, Value};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Number of times in a row that values of a key come back until that counts as a loop: with the pauses that they are
/// given by then, half a minute. Writers that really set each other's values back do not do so for that long at that pace.
const LOOP_RETURNS: u32 = 20;
/// Milliseconds by which a peer has to move this node's logical clock to be named for it. Those that pass on what they
/// follow move it by less: by what has been written meanwhile.
const LED: u64 = 1000;
/// Milliseconds of silence of a peer that explain a disagreement: several heartbeats were not answered.
const SILENT: u64 = 20_000;

/// What a node remembers for its warnings.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch {
    limiter: Limiter,
    /// What is remembered of each link of which there is something to remember.
    links: BTreeMap<LinkId, LinkWatch>,
    /// Time (mono ms) of the next look at all peers.
    next_at: u64,
    /// Since when this node's clock has differed from most.
    own_clock: Since,
    /// Messages dropped as malformed, and as unexpected.
    dropped: [u64; 2],
    /// Removed keys that were forgotten to make room for tuples.
    pub(super) tombstones_forgotten: u64,
    /// Refused tuples that could not be remembered.
    pub(super) refused_forgotten: u64,
}

/// The number by which a peer is known to the limiter: its id, so that it counts as the same on its next connection.
fn about(id: LinkId, link: &Link) -> About {
    link.peer().unwrap_or(id.get())
}

/// By how many seconds a clock is ahead or behind, in words.
fn apart(ahead: i64) -> [Value; 2] {
    let seconds = (ahead.unsigned_abs() as f64 / 1000.0).round();
    [("seconds", seconds.to_string()), ("way", if ahead < 0 { "behind" } else { "ahead of" }.to_owned())]
}

impl Node {
    /// Looks for something to warn of. Called often; it does so once a second.
    pub(super) fn watch(&mut self, now: Now) {
        if now.mono < self.watch.next_at {
            return;
        }
        self.watch.next_at = now.mono + INTERVAL;
        self.watch_clocks(now);
        self.watch_agreement(now);
        self.say_all_refusals(now);
        let counts = [
            (Kind::TombstonesForgotten, self.watch.tombstones_forgotten),
            (Kind::RefusedForgotten, self.watch.refused_forgotten),
            (Kind::PastForgotten, self.memory.forgotten()),
        ];
        for (kind, count) in counts {
            if count > 0 && self.watch.limiter.pass_count(kind, 0, count, now.mono) {
                self.warn(kind, None, vec![("count", count.to_string())]);
            }
        }
    }

    fn warn(&mut self, kind: Kind, peer: Option<LinkId>, values: Vec<Value>) {
        self.log_warning(Warning { kind, is_over: false, peer, identity: None, other: None, values });
    }

    fn log_warning(&mut self, mut warning: Warning) {
        warning.identity = warning.peer.and_then(|link| self.identity(link));
        self.events.push_back(Event::Warning(Box::new(warning)));
    }

    /// Warns of a state, or notes that it is over, unless that was done lately.
    fn warn_of_state(&mut self, kind: Kind, (peer, about): (Option<LinkId>, About), state: State, now: Now) {
        let Some(mention) = self.watch.limiter.state(kind, about, state.is_some(), now.mono) else { return };
        let (is_over, values) = (mention == Mention::Ends, state.unwrap_or_default());
        self.log_warning(Warning { kind, is_over, peer, identity: None, other: None, values });
    }

    /// Counts something on a link, to be said with others of its kind.
    pub(super) fn tally(&mut self, id: LinkId, count: impl FnOnce(&mut Tally)) {
        if self.links.contains_key(&id) {
            count(&mut self.watch.links.entry(id).or_default().tally);
        }
    }

    /// Counts a hybrid logical time that is refused.
    pub(super) fn tally_drift(&mut self, id: LinkId, time: u64, now: Now) {
        let ahead = self.ahead_of_clocks(time, now);
        self.tally(id, |tally| (tally.drift, tally.furthest) = (tally.drift + 1, tally.furthest.max(ahead)));
    }

    /// Counts a clock of a client that moves this node's logical clock from `before` to `time`, if it leads both away
    /// from the wall clocks: it is followed as far as it is credible, and named. Of servers this is not said: they pass
    /// on what others lead them to. Nor is it of a client whose wall clock shows that time, which is said otherwise.
    pub(super) fn tally_lead(&mut self, id: LinkId, before: u64, time: u64, now: Now) {
        let Some(link) = self.links.get(&id).filter(|link| link.role() == Role::Server) else { return };
        let theirs = link.wall().map_or(0, |wall| now.mono.saturating_add_signed(wall));
        let ahead = self.ahead_of_clocks(time, now).min((time >> COUNTER_BITS).saturating_sub(theirs));
        if ahead >= FAR_AHEAD && (time - before) >> COUNTER_BITS >= LED {
            self.tally(id, |tally| (tally.leads, tally.lead) = (tally.leads + 1, tally.lead.max(ahead)));
        }
    }

    /// Notes that a link's session is over.
    pub(super) fn end_watch(&mut self, id: LinkId) {
        if let Some(watch) = self.watch.links.get_mut(&id) {
            watch.end_session();
        }
    }

    /// Forgets a link that is being closed, and says what is still to be said of it.
    pub(super) fn forget_watch(&mut self, id: LinkId, now: Now) {
        self.say_refusals(id..=id, now);
        self.watch.links.remove(&id);
        if let Some(link) = self.links.get(&id) {
            self.watch.limiter.count_anew(about(id, link));
        }
    }

    /// Warns of a message that was dropped. Whoever sends it may come by any number of connections, so all count as one
    /// cause.
    pub(super) fn warn_of_dropped(&mut self, kind: Kind, id: LinkId, reason: impl Display, now: Now) {
        let count = &mut self.watch.dropped[usize::from(kind == Kind::Unexpected)];
        *count += 1;
        let count = count.to_string();
        if self.watch.limiter.pass(kind, 0, now.mono) {
            self.warn(kind, Some(id), vec![("count", count), ("reason", reason.to_string())]);
        }
    }

    /// Warns of a key whose values keep coming back from plain peers.
    pub(super) fn warn_of_loop(&mut self, id: LinkId, slot: Slot, returns: u32, now: Now) {
        let held = self.store.held(slot);
        let (other, key) = (held.source().filter(|&other| other != id), held.tuple.key().to_vec());
        if returns >= LOOP_RETURNS && self.watch.limiter.pass(Kind::Loop, key_hash(&key), now.mono) {
            let values = vec![("key", crate::log::printable(&key))];
            let (kind, peer) = (Kind::Loop, Some(id));
            self.log_warning(Warning { kind, is_over: false, peer, identity: None, other, values });
        }
    }

    /// Warns of a peer of another network: of ours by its network's name, `None` for a plain one.
    pub(super) fn warn_of_network(&mut self, id: LinkId, theirs: Option<&[u8]>, now: Now) {
        let Some(link) = self.links.get(&id) else { return };
        // Strangers may come by any number of connections, so all of them count as one cause.
        let about = if link.role() == Role::Client { id.get() } else { 0 };
        if self.watch.limiter.pass(Kind::OtherNetwork, about, now.mono) {
            let of = |name: &[u8]| match name {
                [] => "of the network without a name".to_owned(),
                name => format!("of network '{}'", crate::log::printable(name)),
            };
            let theirs = theirs.map_or("a CZMQ node".to_owned(), of);
            let values = vec![("theirs", theirs), ("ours", of(self.network.name()))];
            self.warn(Kind::OtherNetwork, Some(id), values);
        }
    }

    fn watch_clocks(&mut self, now: Now) {
        // What a peer of version 1.0 sends as its clock follows the network's fastest.
        let told = |link: &&Link| link.is_up() && link.is_extended() && link.offers();
        let known: Vec<(LinkId, i64)> = self
            .links
            .iter()
            .filter(|(_, link)| told(link))
            .filter_map(|(&id, link)| {
                let theirs = now.mono.saturating_add_signed(link.wall()?);
                Some((id, theirs.wrapping_sub(now.wall) as i64))
            })
            .collect();
        let ahead: Vec<i64> = known.iter().map(|&(_, ahead)| ahead).collect();
        let (own, verdicts) = clocks::judge(&ahead);
        let lasts = self.watch.own_clock.note(own.is_some(), now.mono);
        if own.is_none() || lasts.is_some_and(|lasts| lasts >= CLOCK_LASTS) {
            let state = own.map(|ahead| {
                let [seconds, way] = apart(-ahead);
                vec![seconds, way, ("count", known.len().to_string())]
            });
            self.warn_of_state(Kind::OwnClock, (None, 0), state, now);
        }
        for ((id, ahead), verdict) in known.into_iter().zip(verdicts) {
            let Some(link) = self.links.get(&id) else { continue };
            let who = (Some(id), about(id, link));
            let lasting = self.watch.links.entry(id).or_default().on_clock(verdict, now.mono);
            for (kind, of) in [(Kind::PeerClock, Verdict::Peer), (Kind::ClocksApart, Verdict::Unknown)] {
                if verdict.is_none() || lasting == Some(of) {
                    self.warn_of_state(kind, who, lasting.map(|_| apart(ahead).to_vec()), now);
                }
            }
        }
    }

    /// Looks for peers that have held something else for long, or refuse what is known here.
    fn watch_agreement(&mut self, now: Now) {
        let extended = self.links.iter().filter(|(_, link)| link.is_up() && link.is_extended());
        let ids: Vec<LinkId> = extended.map(|(&id, _)| id).collect();
        for id in ids {
            let Some(link) = self.links.get(&id) else { continue };
            let (theirs, awaited, who) = (link.sync.summary(), link.sync.owed().into(), about(id, link));
            let (ours, unsent) = (self.summary_for(link), self.unsent_on(link));
            let refuses = self.refused_by(link);
            let watch = self.watch.links.entry(id).or_default();
            let standing = Standing { ours, theirs, unsent, awaited };
            let (lasts, is_stuck) = watch.on_standing(standing, now.mono);
            let refused = refuses.and_then(|count| watch.on_refusals(count, now.mono));
            let is_equal = ours.root == theirs.root;
            if is_equal || is_stuck {
                let state = is_stuck.then(|| {
                    let (ours, theirs) = (self.store.digest().count().to_string(), theirs.count.to_string());
                    let seconds = (lasts / 1000).to_string();
                    let why = self.why_apart(id, standing, now);
                    vec![("seconds", seconds), ("ours", ours), ("theirs", theirs), ("why", why)]
                });
                self.warn_of_state(Kind::Disagreement, (Some(id), who), state, now);
            }
            if let Some(count) = refused {
                let state = (count > 0).then(|| vec![("count", count.to_string())]);
                self.warn_of_state(Kind::PeerRefuses, (Some(id), who), state, now);
            }
        }
    }

    /// The reason for a disagreement, as far as it is known here.
    fn why_apart(&self, id: LinkId, standing: Standing, now: Now) -> String {
        let Some(link) = self.links.get(&id) else { return String::new() };
        let silence = link.liveness.silence(now.mono);
        let theirs = link.wall().map(|wall| now.mono.saturating_add_signed(wall));
        let is_disbelieved = theirs
            .is_some_and(|theirs| theirs.saturating_add(self.settings.max_drift) < self.latest(now) >> 16);
        if silence >= SILENT {
            format!("the peer has been silent for {} s", silence / 1000)
        } else if self.watch.links.get(&id).is_some_and(|watch| watch.tally.drift > 0) {
            "time stamps of the peer are refused here, being further ahead than server/max_drift".into()
        } else if is_disbelieved {
            "time stamps are further ahead of the peer's clock than server/max_drift allows".into()
        } else if standing.unsent > 0 {
            format!("the peer does not take {} tuples that wait for it", standing.unsent)
        } else if standing.awaited > 0 {
            format!("the peer has yet to send {} tuples", standing.awaited)
        } else if self.watch.refused_forgotten > 0 {
            "more tuples are refused here than can be remembered".into()
        } else {
            "the reason is not known here".into()
        }
    }

    /// Says of all links what has been refused since that was last said.
    pub(super) fn say_all_refusals(&mut self, now: Now) {
        self.say_refusals(LinkId(0)..=LinkId(u64::MAX), now);
    }

    fn say_refusals(&mut self, links: RangeInclusive<LinkId>, now: Now) {
        let (mut said, mut denials) = (Vec::new(), Vec::new());
        for (&id, watch) in self.watch.links.range(links) {
            let Some(link) = self.links.get(&id) else { continue };
            let Tally { no_room, no_bytes, too_long, drift, furthest, leads, lead, .. } = watch.tally;
            for (kind, count, ahead) in [
                (Kind::NoRoom, no_room, None),
                (Kind::NoBytes, no_bytes, None),
                (Kind::TooLong, too_long, None),
                (Kind::Drift, drift, Some(furthest)),
                (Kind::FarAhead, leads, Some(lead)),
            ] {
                if count > 0 && self.watch.limiter.pass_count(kind, about(id, link), count, now.mono) {
                    said.push((kind, id, count, ahead));
                }
            }
            let Tally { denied, ref last_denied, .. } = watch.tally;
            if let Some((key, needed)) = last_denied
                && self.watch.limiter.pass_count(Kind::Denied, about(id, link), denied, now.mono)
            {
                denials.push((id, denied, denied_values(link, key, *needed)));
            }
        }
        for (id, count, mut values) in denials {
            values.push(("count", count.to_string()));
            self.warn(Kind::Denied, Some(id), values);
        }
        for (kind, id, count, ahead) in said {
            let seconds = ahead.map(|ahead| ("seconds", ahead.div_ceil(1000).to_string()));
            self.warn(kind, Some(id), [("count", count.to_string())].into_iter().chain(seconds).collect());
        }
    }
}

/// What is to be said of a state, if it is so.
type State = Option<Vec<Value>>;

#[cfg(test)]
mod tests;
