//! Recorded nodes: each record, replayed on a new node, makes the same bytes.

use super::net::{Body, Sim};
use super::ours::Ours;
use zgossip::core::Now;
use zgossip::core::record::{Record, Replay};

impl Ours {
    /// Records the node, which has had no link and no tuple, from its beginning.
    pub fn start_record(&mut self, now: Now) {
        self.node.start_record(self.node.id() as u32, now);
        self.record = Some(Vec::new());
    }

    /// Takes what was recorded, as the engine does at the end of a turn.
    pub fn take_record(&mut self) {
        if let Some(record) = &mut self.record {
            record.extend(self.node.poll_record().unwrap_or_default());
        }
    }

    /// Replays the record. Returns the number of frames that the node sent.
    pub fn check_record(&mut self) -> u64 {
        self.take_record();
        let Some(file) = &self.record else { return 0 };
        let record = Record::new(&[], file);
        assert_eq!(record.gap, None);
        assert!(record.is_complete());
        let mut replay = Replay::new();
        for block in &record.blocks {
            if let Err(difference) = replay.replay_block(block) {
                panic!("a replay differs: {difference}");
            }
        }
        let replayed = replay.node().expect("a beginning");
        assert_eq!(replayed.root(), self.node.root());
        assert_eq!(replayed.stats(), self.node.stats());
        replay.sent().0
    }
}

/// Replays the records of all nodes that are still there. Returns the number of frames that they sent.
pub fn check_records(sim: &mut Sim) -> u64 {
    let ours = sim.nodes.iter_mut().filter_map(|member| match &mut member.body {
        Body::Ours(ours) => Some(ours),
        Body::Stock(_) => None,
    });
    ours.map(|ours| ours.check_record()).sum()
}
