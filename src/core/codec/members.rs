//! MEMBERS: what nodes tell each other of the nodes that take part.
//!
//! Each record is as long as it says, and ends with fields of type, length and bytes. Fields of an unknown type and
//! bytes of a later version are skipped, so records can grow.

use super::reader::{Invalid, Reader};

/// State of a member in a [`MemberRecord`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberState {
    /// The member lives, as long as its lease lasts.
    Alive = 0,
    /// The member was given up: its lease has ended, or all its neighbours have lost it.
    Lost = 1,
    /// The member has said that it ends.
    Left = 2,
}

impl MemberState {
    fn new(number: u8) -> Option<MemberState> {
        [MemberState::Alive, MemberState::Lost, MemberState::Left]
            .into_iter()
            .find(|&state| state as u8 == number)
    }
}

/// The most neighbours in a record, of each kind.
pub const MOST_NEIGHBOURS: usize = 8;

/// The most endpoints in a record.
pub const MOST_ENDPOINTS: usize = 4;

const DOWN: u8 = 1;
const NAME: u8 = 2;
const ENDPOINT: u8 = 3;
const RELEASE: u8 = 4;
const SINCE: u8 = 5;

/// What a MEMBERS says of one node. Fields that are lists hold 8 bytes for each node id.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberRecord<'a> {
    /// Node id of the member.
    pub id: u64,
    /// Hybrid logical time at which the member began to be one.
    pub incarnation: u64,
    /// Number of the member's word in this incarnation.
    pub sequence: u32,
    /// State of the member; `None` for one that a later version has.
    pub state: Option<MemberState>,
    /// Milliseconds for which the member's word holds.
    pub lease: u32,
    /// Milliseconds that were left of the lease when the frame was made, or for which a member that is gone is
    /// remembered.
    pub remaining: u32,
    /// Number of tuples that the member holds.
    pub tuples: u32,
    /// Ids of the servers to which the member is connected, up to [`MOST_NEIGHBOURS`].
    pub servers: &'a [u8],
    /// Ids of the neighbours that have lost the member since it said this.
    pub downs: &'a [u8],
    /// What is told of the member once.
    pub details: Option<MemberDetails<'a>>,
}

/// What is told of a member when it changes, and on a new link.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberDetails<'a> {
    /// Name of the node, in any encoding; empty for none.
    pub name: &'a [u8],
    /// Endpoints that the node is bound to, the first so many of them.
    pub endpoints: [&'a [u8]; MOST_ENDPOINTS],
    /// Version of the library, in any encoding.
    pub release: &'a [u8],
    /// Wall time at which the member began to be one, milliseconds since 1970.
    pub since: u64,
}

/// The node ids in a list of 8 bytes each.
pub fn ids(list: &[u8]) -> impl Iterator<Item = u64> + '_ {
    list.as_chunks().0.iter().map(|&id| u64::from_be_bytes(id))
}

impl<'a> MemberRecord<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<MemberRecord<'a>, Invalid> {
        let length = reader.u16()?;
        let mut fields = Reader(reader.bytes(length.into())?);
        let (id, incarnation, sequence) = (fields.u64()?, fields.u64()?, fields.u32()?);
        let state = MemberState::new(fields.u8()?);
        let (lease, remaining, tuples) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let count = usize::from(fields.u8()?);
        if count > MOST_NEIGHBOURS {
            return Err(Invalid::TooLong);
        }
        let servers = fields.bytes(8 * count)?;
        let mut record = MemberRecord {
            id,
            incarnation,
            sequence,
            state,
            lease,
            remaining,
            tuples,
            servers,
            ..MemberRecord::default()
        };
        record.read_fields(fields)?;
        Ok(record)
    }

    fn read_fields(&mut self, mut fields: Reader<'a>) -> Result<(), Invalid> {
        let mut details = MemberDetails::default();
        let mut endpoints = 0;
        while !fields.0.is_empty() {
            let (kind, length) = (fields.u8()?, fields.u8()?);
            let bytes = fields.bytes(length.into())?;
            match kind {
                DOWN if bytes.len() % 8 == 0 => self.downs = bytes,
                NAME => details.name = bytes,
                ENDPOINT if endpoints < MOST_ENDPOINTS => {
                    details.endpoints[endpoints] = bytes;
                    endpoints += 1;
                }
                RELEASE => details.release = bytes,
                // The one field that all details have.
                SINCE => {
                    details.since = u64::from_be_bytes(bytes.try_into().map_err(|_| Invalid::Extension)?);
                    self.details = Some(details);
                }
                DOWN => return Err(Invalid::Extension),
                _ => {}
            }
        }
        Ok(())
    }

    /// Appends the record to the frame of a MEMBERS.
    pub fn encode(&self, frame: &mut Vec<u8>) {
        let start = frame.len();
        frame.extend_from_slice(&[0, 0]);
        frame.extend_from_slice(&self.id.to_be_bytes());
        frame.extend_from_slice(&self.incarnation.to_be_bytes());
        frame.extend_from_slice(&self.sequence.to_be_bytes());
        frame.push(self.state.unwrap_or(MemberState::Alive) as u8);
        for number in [self.lease, self.remaining, self.tuples] {
            frame.extend_from_slice(&number.to_be_bytes());
        }
        frame.push((self.servers.len() / 8) as u8);
        frame.extend_from_slice(self.servers);
        if !self.downs.is_empty() {
            put(frame, DOWN, self.downs);
        }
        if let Some(details) = &self.details {
            let name = (!details.name.is_empty()).then_some((NAME, details.name));
            let endpoints = details.endpoints.iter().filter(|endpoint| !endpoint.is_empty());
            let texts = name.into_iter().chain(endpoints.map(|&endpoint| (ENDPOINT, endpoint)));
            texts.chain([(RELEASE, details.release)]).for_each(|(kind, bytes)| put(frame, kind, bytes));
            put(frame, SINCE, &details.since.to_be_bytes());
        }
        let length = (frame.len() - start - 2) as u16;
        frame[start..start + 2].copy_from_slice(&length.to_be_bytes());
    }
}

fn put(frame: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(u8::MAX.into())];
    frame.extend_from_slice(&[kind, bytes.len() as u8]);
    frame.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::codec::lists::members_frame;
    use crate::core::codec::message::{Message, decode};

    fn full() -> MemberRecord<'static> {
        MemberRecord {
            id: 1 << 63,
            incarnation: 7,
            sequence: 9,
            state: Some(MemberState::Alive),
            lease: 10_000,
            remaining: 9_000,
            tuples: 3,
            servers: &[1; 16],
            downs: &[2; 8],
            details: Some(MemberDetails {
                name: b"name",
                endpoints: [b"tcp://a:1", b"tcp://b:2", b"", b""],
                release: b"1.1",
                since: 1_800_000_000_000,
            }),
        }
    }

    fn frame_of(records: &[MemberRecord<'_>]) -> Vec<u8> {
        let mut frame = members_frame();
        for record in records {
            record.encode(&mut frame);
        }
        frame
    }

    #[test]
    fn records_come_back_and_a_renewal_is_short() {
        let short = MemberRecord { downs: &[], details: None, servers: &[1; 8], ..full() };
        let frame = frame_of(&[full(), short]);
        let Ok(Message::Members(records)) = decode(&frame) else { panic!() };
        assert_eq!(records.iter().collect::<Vec<_>>(), [full(), short]);
        assert_eq!(ids(full().servers).count(), 2);
        assert_eq!(frame_of(&[short]).len() - 4, 44);
    }

    #[test]
    fn what_a_later_version_adds_is_skipped_and_no_cut_is_taken() {
        let mut frame = frame_of(&[full()]);
        for cut in 5..frame.len() {
            assert!(decode(&frame[..cut]).is_err(), "cut at {cut}");
        }
        frame.extend_from_slice(&[99, 2, 0, 0]);
        let length = u16::from_be_bytes([frame[4], frame[5]]) + 4;
        frame[4..6].copy_from_slice(&length.to_be_bytes());
        frame[26] = 77; // the state
        let Ok(Message::Members(records)) = decode(&frame) else { panic!() };
        assert_eq!(records.iter().collect::<Vec<_>>(), [MemberRecord { state: None, ..full() }]);
    }

    #[test]
    fn more_neighbours_than_any_record_has_are_malformed() {
        let mut frame = frame_of(&[MemberRecord { servers: &[], ..full() }]);
        frame[39] = MOST_NEIGHBOURS as u8 + 1;
        assert_eq!(decode(&frame), Err(Invalid::TooLong));
    }
}
