//! Whose clock is wrong: this node's, or that of a peer.

/// Milliseconds by which two clocks have to differ to be worth a warning: more than any usual delay of a message, and
/// less than what makes the wrong one of two people's writes win.
pub(super) const APART: i64 = 5000;

/// Verdict on the clock of a peer that is not in step with this node's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::core) enum Verdict {
    /// Most clocks agree with this node's: the peer's is wrong.
    Peer,
    /// Either may be wrong.
    Unknown,
    /// Most clocks agree with the peer's: this node's is wrong.
    Own,
}

/// The clock that most of the clocks agree with, given as milliseconds by which the peers' are ahead of this node's, if
/// there is a majority. This node's clock counts as one.
fn agreed(ahead: &[i64]) -> Option<i64> {
    let mut all: Vec<i64> = ahead.iter().copied().chain([0]).collect();
    all.sort_unstable();
    // If more than half are within the distance of one of them, they are so of the median.
    let median = all[all.len() / 2];
    let near = all.iter().filter(|&&clock| (clock - median).abs() <= APART).count();
    (2 * near > all.len()).then_some(median)
}

/// Judges the clocks of all peers, given as milliseconds by which they are ahead of this node's: by how much this node's
/// own is behind most others, if it is wrong, and a verdict for each peer, `None` where it is in step.
pub(in crate::core) fn judge(ahead: &[i64]) -> (Option<i64>, Vec<Option<Verdict>>) {
    let is_apart = |clock: i64| clock.abs() > APART;
    let agreed = agreed(ahead);
    let own = agreed.filter(|&agreed| is_apart(agreed));
    let verdict = |&clock: &i64| {
        is_apart(clock).then_some(match (own, agreed) {
            (Some(_), _) => Verdict::Own,
            (None, Some(_)) => Verdict::Peer,
            (None, None) => Verdict::Unknown,
        })
    };
    (own, ahead.iter().map(verdict).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clocks, and what is to be said of this node's and of each.
    type Case = (&'static [i64], Option<i64>, &'static [Option<Verdict>]);

    #[test]
    fn the_one_that_differs_from_most_is_wrong_and_of_two_nobody_can_tell() {
        const PEER: Option<Verdict> = Some(Verdict::Peer);
        const OWN: Option<Verdict> = Some(Verdict::Own);
        const UNKNOWN: Option<Verdict> = Some(Verdict::Unknown);
        let cases: [Case; 9] = [
            (&[], None, &[]),
            (&[4900], None, &[None]),
            (&[-60_000], None, &[UNKNOWN]),
            (&[100, 60_000], None, &[None, PEER]),
            (&[60_000, 60_100], Some(60_000), &[OWN, OWN]),
            (&[-60_000, 60_000], None, &[UNKNOWN, UNKNOWN]),
            (&[0, 1, -2, 9000, -9000], None, &[None, None, None, PEER, PEER]),
            (&[-60_000, -60_001, -59_000, 0], Some(-59_000), &[OWN, OWN, OWN, None]),
            (&[20_000, 40_000, 60_000], None, &[UNKNOWN, UNKNOWN, UNKNOWN]),
        ];
        for (ahead, behind, verdicts) in cases {
            assert_eq!(judge(ahead), (behind, verdicts.to_vec()), "{ahead:?}");
        }
    }
}
