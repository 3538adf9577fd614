//! A node whose inputs may be recorded.

use std::ops::Deref;

use super::super::node::{Event, Frame, Mark, Node, Refusal, Settings};
use super::super::{LinkId, Now, Role};
use super::entry::{Input, Output};
use super::recorder::Recorder;

/// A [`Node`], and what it was told, if that is to be recorded.
///
/// It has all methods of a `Node`, and no others change the node: a method that does, and is not repeated here,
/// cannot be called.
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
    /// As [`Node::new`].
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

    /// Ends recording. What was not taken is lost.
    pub fn end_record(&mut self) {
        self.recorder = None;
    }

    /// Whether the node is recorded. Recording ends by itself when 128 MiB wait to be taken.
    pub fn is_recorded(&self) -> bool {
        self.recorder.as_ref().is_some_and(|recorder| recorder.is_recording())
    }

    /// The next block of the record, to be written behind those before it.
    pub fn poll_record(&mut self) -> Option<Vec<u8>> {
        let root = self.node.root();
        self.recorder.as_mut()?.take(root)
    }

    /// Puts a remark into the record.
    pub fn note(&mut self, text: &[u8], now: Now) {
        self.input(Some(now), &Input::Note(text));
        self.output(|| Output::Nothing);
    }

    #[inline]
    fn input(&mut self, now: Option<Now>, input: &Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, input);
            if recorder.is_over() {
                self.recorder = None;
            }
        }
    }

    #[inline]
    fn output(&mut self, output: impl FnOnce() -> Output) {
        if let Some(recorder) = &mut self.recorder {
            recorder.output(output());
        }
    }

    /// As [`Node::set_settings`].
    pub fn set_settings(&mut self, settings: Settings, now: Now) {
        if self.recorder.is_some() {
            self.input(Some(now), &Input::SetSettings(settings.clone()));
        }
        self.node.set_settings(settings, now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::publish`].
    pub fn publish(&mut self, key: &[u8], value: &[u8], ttl: u32, now: Now) -> Result<(), Refusal> {
        self.input(Some(now), &Input::Publish { key, value, ttl });
        let result = self.node.publish(key, value, ttl, now);
        self.output(|| result.into());
        result
    }

    /// As [`Node::unpublish`].
    pub fn unpublish(&mut self, key: &[u8], now: Now) -> bool {
        self.input(Some(now), &Input::Unpublish(key));
        let was = self.node.unpublish(key, now);
        self.output(|| Output::Was(was));
        was
    }

    /// As [`Node::retract`].
    pub fn retract(&mut self, key: &[u8], now: Now) -> Result<bool, Refusal> {
        self.input(Some(now), &Input::Retract(key));
        let result = self.node.retract(key, now);
        self.output(|| result.into());
        result
    }

    /// As [`Node::mark`].
    pub fn mark(&mut self) -> Mark {
        self.input(None, &Input::Mark);
        let mark = self.node.mark();
        self.output(|| Output::Nothing);
        mark
    }

    /// As [`Node::shutdown`].
    pub fn shutdown(&mut self, now: Now) {
        self.input(Some(now), &Input::Shutdown);
        self.node.shutdown(now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::open_link`].
    pub fn open_link(&mut self, role: Role, now: Now) -> Result<LinkId, Refusal> {
        self.input(Some(now), &Input::OpenLink(role));
        let result = self.node.open_link(role, now);
        self.output(|| result.into());
        result
    }

    /// As [`Node::link_up`].
    pub fn link_up(&mut self, id: LinkId, now: Now) {
        self.input(Some(now), &Input::LinkUp(id));
        self.node.link_up(id, now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::link_down`].
    pub fn link_down(&mut self, id: LinkId, now: Now) {
        self.input(Some(now), &Input::LinkDown(id));
        self.node.link_down(id, now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::close_link`].
    pub fn close_link(&mut self, id: LinkId, now: Now) {
        self.input(Some(now), &Input::CloseLink(id));
        self.node.close_link(id, now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::handle_frame`].
    pub fn handle_frame(&mut self, id: LinkId, frame: &[u8], now: Now) {
        self.input(Some(now), &Input::Frame(id, frame));
        self.node.handle_frame(id, frame, now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Now) {
        self.input(Some(now), &Input::Timeout);
        self.node.handle_timeout(now);
        self.output(|| Output::Nothing);
    }

    /// As [`Node::poll_ready`].
    pub fn poll_ready(&mut self) -> Option<LinkId> {
        self.input(None, &Input::PollReady);
        let link = self.node.poll_ready();
        self.output(|| link.into());
        link
    }

    /// As [`Node::poll_transmit`].
    pub fn poll_transmit(&mut self, id: LinkId, now: Now) -> Option<Frame> {
        self.input(Some(now), &Input::PollTransmit(id));
        let frame = self.node.poll_transmit(id, now);
        self.output(|| frame.as_ref().into());
        frame
    }

    /// As [`Node::poll_event`].
    pub fn poll_event(&mut self) -> Option<Event> {
        self.input(None, &Input::PollEvent);
        let event = self.node.poll_event();
        self.output(|| event.as_ref().into());
        event
    }

    /// As [`Node::poll_stale`].
    pub fn poll_stale(&mut self) -> Option<LinkId> {
        self.input(None, &Input::PollStale);
        let link = self.node.poll_stale();
        self.output(|| link.into());
        link
    }

    /// As [`Node::poll_suspect`].
    pub fn poll_suspect(&mut self) -> Option<LinkId> {
        self.input(None, &Input::PollSuspect);
        let link = self.node.poll_suspect();
        self.output(|| link.into());
        link
    }

    /// As [`Node::handle_suspect`].
    pub fn handle_suspect(&mut self, id: LinkId, bytes_pass: bool, now: Now) {
        self.input(Some(now), &Input::Suspect(id, bytes_pass));
        self.node.handle_suspect(id, bytes_pass, now);
        self.output(|| Output::Nothing);
    }
}
