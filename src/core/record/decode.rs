//! Reads inputs and outputs from a record, and makes a recorded call on another node.

use super::entry::{EventDigest, FrameDigest, Input, Output, Returned, kind, refusal_number};
use super::fields::Fields;
use crate::core::{Access, Frame, LinkId, Network, Node, Now, Refusal, Rights, Role, Settings};

const REFUSALS: [Refusal; 7] = [
    Refusal::EmptyKey,
    Refusal::KeyTooLong,
    Refusal::ValueTooLong,
    Refusal::NulByte,
    Refusal::TooManyTuples,
    Refusal::TooManyClients,
    Refusal::TooManyBytes,
];

impl Input<'_> {
    /// Makes the recorded call on another node. The frame is returned, too, where there is one.
    pub(super) fn apply(&self, node: &mut Node, now: Now) -> (Output, Option<Frame>) {
        match *self {
            Input::New { .. } | Input::Joined { .. } | Input::Note(_) => {}
            Input::SetSettings(ref settings) => node.set_settings(settings.clone(), now),
            Input::SetName(name) => node.set_name(name),
            Input::SetNetwork(ref network) => return (node.set_network(network.clone()).output(), None),
            Input::RestoreHead(head) => return (node.restore_head(head, now).output(), None),
            Input::Restore { key, record } => return (node.restore(key, record, now).output(), None),
            Input::SetRights(ref rights) => node.set_rights(rights),
            Input::SetSubjects(link, ref subjects) => node.set_subjects(link, subjects),
            Input::Shutdown => node.shutdown(now),
            Input::LinkUp(link) => node.link_up(link, now),
            Input::LinkDown(link) => node.link_down(link, now),
            Input::CloseLink(link) => node.close_link(link, now),
            Input::Frame(link, frame) => node.handle_frame(link, frame, now),
            Input::Timeout => node.handle_timeout(now),
            Input::Suspect(link, bytes_pass) => node.handle_suspect(link, bytes_pass, now),
            Input::Publish { key, value, ttl } => return (node.publish(key, value, ttl, now).output(), None),
            Input::Announce { key, value, ttl } => {
                return (node.announce(key, value, ttl, now).output(), None);
            }
            Input::SetMembership(is_wished) => node.set_membership(is_wished, now),
            Input::SetEndpoints(ref endpoints) => node.set_endpoints(endpoints, now),
            Input::Unpublish(key) => return (node.unpublish(key, now).output(), None),
            Input::Retract(key) => return (node.retract(key, now).output(), None),
            Input::Barrier => return (node.set_barrier().output(), None),
            Input::OpenLink(role) => return (node.open_link(role, now).output(), None),
            Input::PollReady => return (node.poll_ready().output(), None),
            Input::PollEvent => return (node.poll_event().output(), None),
            Input::PollStale => return (node.poll_stale().output(), None),
            Input::PollSuspect => return (node.poll_suspect().output(), None),
            Input::PollTransmit(link) => {
                let frame = node.poll_transmit(link, now);
                return (frame.output(), frame);
            }
        }
        (Output::Nothing, None)
    }

    /// Returns whether the call asks what there is to do.
    pub(super) fn is_question(&self) -> bool {
        matches!(
            self,
            Input::PollReady
                | Input::PollTransmit(_)
                | Input::PollEvent
                | Input::PollStale
                | Input::PollSuspect
        )
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each input")]
    pub(super) fn decode<'a>(fields: &mut Fields<'a>) -> Option<Input<'a>> {
        Some(match fields.byte()? {
            kind::NEW => Input::New {
                seed: fields.number()?,
                settings: take_settings(fields)?,
                version: fields.bytes()?,
            },
            kind::JOINED => Input::Joined {
                id: fields.number()?,
                settings: take_settings(fields)?,
                tuples: fields.number()?,
                version: fields.bytes()?,
            },
            kind::NOTE => Input::Note(fields.bytes()?),
            kind::SET_SETTINGS => Input::SetSettings(take_settings(fields)?),
            kind::SET_NAME => Input::SetName(fields.bytes()?),
            kind::SET_NETWORK => Input::SetNetwork(Network::new(fields.bytes()?, fields.byte()? != 0)?),
            kind::RESTORE_HEAD => Input::RestoreHead(fields.bytes()?),
            kind::RESTORE => Input::Restore { key: fields.bytes()?, record: fields.bytes()? },
            kind::SET_RIGHTS => Input::SetRights(take_rights(fields)?),
            kind::SET_SUBJECTS => {
                let (link, count) = (take_link(fields)?, fields.number()?);
                Input::SetSubjects(link, (0..count).map(|_| fields.bytes()).collect::<Option<_>>()?)
            }
            kind::PUBLISH => Input::Publish {
                key: fields.bytes()?,
                value: fields.bytes()?,
                ttl: fields.number()?.try_into().ok()?,
            },
            kind::ANNOUNCE => Input::Announce {
                key: fields.bytes()?,
                value: fields.bytes()?,
                ttl: fields.number()?.try_into().ok()?,
            },
            kind::SET_MEMBERSHIP => Input::SetMembership(fields.byte()? != 0),
            kind::SET_ENDPOINTS => {
                Input::SetEndpoints((0..fields.number()?).map(|_| fields.bytes()).collect::<Option<_>>()?)
            }
            kind::UNPUBLISH => Input::Unpublish(fields.bytes()?),
            kind::RETRACT => Input::Retract(fields.bytes()?),
            kind::BARRIER => Input::Barrier,
            kind::SHUTDOWN => Input::Shutdown,
            kind::OPEN_CLIENT => Input::OpenLink(Role::Client),
            kind::OPEN_SERVER => Input::OpenLink(Role::Server),
            kind::LINK_UP => Input::LinkUp(take_link(fields)?),
            kind::LINK_DOWN => Input::LinkDown(take_link(fields)?),
            kind::CLOSE_LINK => Input::CloseLink(take_link(fields)?),
            kind::FRAME => Input::Frame(take_link(fields)?, fields.bytes()?),
            kind::TIMEOUT => Input::Timeout,
            kind::POLL_READY => Input::PollReady,
            kind::POLL_TRANSMIT => Input::PollTransmit(take_link(fields)?),
            kind::POLL_EVENT => Input::PollEvent,
            kind::POLL_STALE => Input::PollStale,
            kind::POLL_SUSPECT => Input::PollSuspect,
            kind::SUSPECT_LIVES => Input::Suspect(take_link(fields)?, true),
            kind::SUSPECT_IS_SILENT => Input::Suspect(take_link(fields)?, false),
            _ => return None,
        })
    }
}

impl Output {
    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Output> {
        if fields.is_empty() {
            return Some(Output::Missing);
        }
        Some(match fields.byte()? {
            0 => Output::Nothing,
            1 => Output::Was(false),
            2 => Output::Was(true),
            3 => Output::Link(take_link(fields)?),
            4 => Output::Frame(FrameDigest {
                message: fields.byte()?,
                length: fields.number()?,
                hash: fields.u32()?,
            }),
            5 => Output::Event(EventDigest { kind: fields.byte()?, hash: fields.u32()? }),
            6 => {
                let number = fields.byte()?;
                Output::Refused(REFUSALS.into_iter().find(|&refusal| refusal_number(refusal) == number)?)
            }
            _ => return None,
        })
    }
}

fn take_link(fields: &mut Fields<'_>) -> Option<LinkId> {
    fields.number().map(LinkId)
}

fn take_rights(fields: &mut Fields<'_>) -> Option<Rights> {
    let mut rights = Rights::default();
    for _ in 0..fields.number()? {
        let (subject, prefix) = (fields.bytes()?, fields.bytes()?);
        let access = Access::from_bits(fields.byte()?)?;
        rights.set(subject, prefix, Some(access)).ok()?;
    }
    Some(rights)
}

fn take_settings(fields: &mut Fields<'_>) -> Option<Settings> {
    let mut size = || usize::try_from(fields.number()?).ok();
    Some(Settings {
        max_tuples: size()?,
        max_value: size()?,
        max_bytes: size()?,
        max_clients: size()?,
        max_drift: fields.number()?,
        tombstone: fields.number()?,
        timeout: fields.number()?,
        verbose: fields.number()? != 0,
        grace: fields.number()?,
    })
}
