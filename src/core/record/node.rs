//! A node whose inputs may be recorded.

use std::ops::Deref;

use super::entry::{Input, Returned};
use super::recorder::Recorder;
use crate::core::Now;
use crate::core::event::Event;
use crate::core::frame::Frame;
use crate::core::id::{LinkId, Role};
use crate::core::network::Network;
use crate::core::node::{Barrier, Changes, Node};
use crate::core::rights::Rights;
use crate::core::settings::{Refusal, Settings};

/// A [`Node`] whose inputs are recorded, if so wished.
///
/// All methods of a `Node` that change it are repeated here, and no others can be called, so that no input is missed.
#[derive(Debug)]
pub struct RecordedNode {
    node: Node,
    recorder: Option<Box<Recorder>>,
}

impl Deref for RecordedNode {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl RecordedNode {
    /// Makes a node as [`Node::new`] does, whose first calls are kept in case it is recorded.
    pub fn new(settings: Settings, seed: u64, now: Now) -> RecordedNode {
        let recorder = Some(Box::new(Recorder::before(seed, &settings, now)));
        RecordedNode { node: Node::new(settings, seed, now), recorder }
    }

    /// Begins to record; `record` names the record, and is not used twice. As long as the node has had neither
    /// tuples nor links, the record begins with its creation and can be replayed.
    pub fn start_record(&mut self, record: u32, now: Now) {
        let young = self.recorder.take().filter(|recorder| !recorder.is_recording());
        let mut recorder = young.unwrap_or_else(|| Box::new(Recorder::joined(&self.node, now)));
        recorder.begin(record);
        self.recorder = Some(recorder);
    }

    /// Ends recording. Blocks that were not taken are lost.
    pub fn end_record(&mut self) {
        self.recorder = None;
    }

    /// Returns whether the node is recorded. Recording ends by itself when 128 MiB wait to be taken.
    pub fn is_recorded(&self) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| recorder.is_recording())
    }

    /// Takes the next block of the record, to be written behind the former ones.
    pub fn poll_record(&mut self) -> Option<Vec<u8>> {
        let root = self.node.root();
        self.recorder.as_mut()?.take(root)
    }

    /// Puts a remark into the record.
    pub fn note(&mut self, text: &[u8], now: Now) {
        self.call(Some(now), || Input::Note(text), |_| ());
    }

    /// Makes a call, and records it. Where nothing is recorded the cost is one comparison.
    #[inline(always)]
    fn call<'a, T: Returned>(
        &mut self,
        now: Option<Now>,
        input: impl FnOnce() -> Input<'a>,
        call: impl FnOnce(&mut Node) -> T,
    ) -> T {
        if self.recorder.is_none() {
            return call(&mut self.node);
        }
        self.call_recorded(now, &input(), call)
    }

    #[cold]
    #[inline(never)]
    fn call_recorded<T: Returned>(
        &mut self,
        now: Option<Now>,
        input: &Input<'_>,
        call: impl FnOnce(&mut Node) -> T,
    ) -> T {
        // Before the call: if it panics, that is what somebody will want to know.
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, input);
            if recorder.is_over() {
                self.recorder = None;
            }
        }
        let result = call(&mut self.node);
        if let Some(recorder) = &mut self.recorder {
            recorder.output(result.output());
        }
        result
    }

    /// Calls [`Node::set_settings`], and records the call.
    pub fn set_settings(&mut self, settings: Settings, now: Now) {
        self.call(
            Some(now),
            || Input::SetSettings(settings.clone()),
            |node| node.set_settings(settings.clone(), now),
        );
    }

    /// Calls [`Node::set_name`], and records the call.
    pub fn set_name(&mut self, name: &[u8]) {
        self.call(None, || Input::SetName(name), |node| node.set_name(name));
    }

    /// Calls [`Node::set_tells_changes`], which is not recorded: all that a record compares is the same either way.
    pub fn set_tells_changes(&mut self, tells: bool) {
        self.node.set_tells_changes(tells);
    }

    /// Calls [`Node::set_network`], and records the call.
    pub fn set_network(&mut self, network: &Network) -> bool {
        self.call(None, || Input::SetNetwork(network.clone()), |node| node.set_network(network.clone()))
    }

    /// Calls [`Node::restore_head`], and records the call.
    pub fn restore_head(&mut self, head: &[u8], now: Now) -> bool {
        self.call(Some(now), || Input::RestoreHead(head), |node| node.restore_head(head, now))
    }

    /// Calls [`Node::restore`], and records the call.
    pub fn restore(&mut self, key: &[u8], record: &[u8], now: Now) -> bool {
        self.call(Some(now), || Input::Restore { key, record }, |node| node.restore(key, record, now))
    }

    /// Calls [`Node::begin_saving`]. It has no effect on what is recorded.
    pub fn begin_saving(&mut self, all: bool) {
        self.node.begin_saving(all);
    }

    /// Calls [`Node::poll_unsaved`]. It has no effect on what is recorded.
    pub fn poll_unsaved(&mut self, most: usize, now: Now) -> Option<Changes> {
        self.node.poll_unsaved(most, now)
    }

    /// Calls [`Node::on_saved`]. It has no effect on what is recorded.
    pub fn on_saved(&mut self, number: u64) {
        self.node.on_saved(number);
    }

    /// Calls [`Node::set_rights`], and records the call, with the subjects of the links if they are not recorded yet.
    pub fn set_rights(&mut self, rights: &Rights, now: Now) {
        if self.recorder.is_some() && !self.node.has_rights() {
            for (id, subjects) in self.node.subjects() {
                let subjects: Vec<&[u8]> = subjects.iter().map(|subject| &subject[..]).collect();
                self.record_subjects(id, &subjects);
            }
        }
        self.call(Some(now), || Input::SetRights(rights.clone()), |node| node.set_rights(rights));
    }

    /// Calls [`Node::set_subjects`], and records the call. Without rules it has no effect: then the record has no public
    /// keys in it.
    pub fn set_subjects(&mut self, id: LinkId, subjects: &[&[u8]]) {
        if self.node.has_rights() {
            self.record_subjects(id, subjects);
        } else {
            self.node.set_subjects(id, subjects);
        }
    }

    fn record_subjects(&mut self, id: LinkId, subjects: &[&[u8]]) {
        self.call(None, || Input::SetSubjects(id, subjects.to_vec()), |node| node.set_subjects(id, subjects));
    }

    /// Calls [`Node::publish`], and records the call.
    pub fn publish(&mut self, key: &[u8], value: &[u8], ttl: u32, now: Now) -> Result<(), Refusal> {
        self.call(Some(now), || Input::Publish { key, value, ttl }, |node| node.publish(key, value, ttl, now))
    }

    /// Calls [`Node::announce`], and records the call.
    pub fn announce(&mut self, key: &[u8], value: &[u8], ttl: u32, now: Now) -> Result<(), Refusal> {
        self.call(
            Some(now),
            || Input::Announce { key, value, ttl },
            |node| node.announce(key, value, ttl, now),
        )
    }

    /// Calls [`Node::set_membership`], and records the call.
    pub fn set_membership(&mut self, is_wished: bool, now: Now) {
        self.call(Some(now), || Input::SetMembership(is_wished), |node| node.set_membership(is_wished, now));
    }

    /// Calls [`Node::set_endpoints`], and records the call.
    pub fn set_endpoints(&mut self, endpoints: &[&[u8]], now: Now) {
        self.call(
            Some(now),
            || Input::SetEndpoints(endpoints.to_vec()),
            |node| node.set_endpoints(endpoints, now),
        );
    }

    /// Calls [`Node::unpublish`], and records the call.
    pub fn unpublish(&mut self, key: &[u8], now: Now) -> bool {
        self.call(Some(now), || Input::Unpublish(key), |node| node.unpublish(key, now))
    }

    /// Calls [`Node::retract`], and records the call.
    pub fn retract(&mut self, key: &[u8], now: Now) -> Result<bool, Refusal> {
        self.call(Some(now), || Input::Retract(key), |node| node.retract(key, now))
    }

    /// Calls [`Node::set_barrier`], and records the call.
    pub fn set_barrier(&mut self) -> Barrier {
        self.call(None, || Input::Barrier, |node| node.set_barrier())
    }

    /// Calls [`Node::shutdown`], and records the call.
    pub fn shutdown(&mut self, now: Now) {
        self.call(Some(now), || Input::Shutdown, |node| node.shutdown(now));
    }

    /// Calls [`Node::open_link`], and records the call.
    pub fn open_link(&mut self, role: Role, now: Now) -> Result<LinkId, Refusal> {
        self.call(Some(now), || Input::OpenLink(role), |node| node.open_link(role, now))
    }

    /// Calls [`Node::link_up`], and records the call.
    pub fn link_up(&mut self, id: LinkId, now: Now) {
        self.call(Some(now), || Input::LinkUp(id), |node| node.link_up(id, now));
    }

    /// Calls [`Node::link_down`], and records the call.
    pub fn link_down(&mut self, id: LinkId, now: Now) {
        self.call(Some(now), || Input::LinkDown(id), |node| node.link_down(id, now));
    }

    /// Calls [`Node::close_link`], and records the call.
    pub fn close_link(&mut self, id: LinkId, now: Now) {
        self.call(Some(now), || Input::CloseLink(id), |node| node.close_link(id, now));
    }

    /// Calls [`Node::handle_frame`], and records the call.
    pub fn handle_frame(&mut self, id: LinkId, frame: &[u8], now: Now) {
        self.call(Some(now), || Input::Frame(id, frame), |node| node.handle_frame(id, frame, now));
    }

    /// Calls [`Node::handle_timeout`], and records the call.
    pub fn handle_timeout(&mut self, now: Now) {
        self.call(Some(now), || Input::Timeout, |node| node.handle_timeout(now));
    }

    /// Calls [`Node::poll_ready`], and records the call.
    pub fn poll_ready(&mut self) -> Option<LinkId> {
        self.call(None, || Input::PollReady, |node| node.poll_ready())
    }

    /// Calls [`Node::poll_transmit`], and records the call.
    pub fn poll_transmit(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        self.call(Some(now), || Input::PollTransmit(id), |node| node.poll_transmit(id, now))
    }

    /// Calls [`Node::poll_event`], and records the call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.call(None, || Input::PollEvent, |node| node.poll_event())
    }

    /// Calls [`Node::poll_stale`], and records the call.
    pub fn poll_stale(&mut self) -> Option<LinkId> {
        self.call(None, || Input::PollStale, |node| node.poll_stale())
    }

    /// Calls [`Node::poll_suspect`], and records the call.
    pub fn poll_suspect(&mut self) -> Option<LinkId> {
        self.call(None, || Input::PollSuspect, |node| node.poll_suspect())
    }

    /// Calls [`Node::handle_suspect`], and records the call.
    pub fn handle_suspect(&mut self, id: LinkId, bytes_pass: bool, now: Now) {
        self.call(
            Some(now),
            || Input::Suspect(id, bytes_pass),
            |node| node.handle_suspect(id, bytes_pass, now),
        );
    }
}
