//! How far a peer has come: which of the node's marks it has passed.
//!
//! A mark is an offset in the change log. When a link has been sent everything before it, the
//! peer is asked a question. Frames keep their order, so the answer means that the peer has taken
//! what came before. One question is under way at a time; marks that are set meanwhile are asked
//! about together, by the next.

/// What is known of a peer's way along the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Passage {
    /// The last mark that the peer has passed.
    passed: u64,
    present: Option<Question>,
    next: Option<Stretch>,
}

/// Marks that one question is about.
#[derive(Copy, Clone, Debug)]
struct Stretch {
    first: u64,
    last: u64,
    /// Offset in the change log behind what was held at the last of them.
    offset: u32,
}

#[derive(Copy, Clone, Debug)]
struct Question {
    about: Stretch,
    state: State,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// To be asked as soon as everything before it is sent.
    Due,
    /// To be asked again, but not before this time.
    Resting(u64),
    /// Asked.
    Asked {
        /// PONGs to come, the last of which is the answer; 0 where the answer has a form of its own.
        pongs: u32,
        /// The peer has since turned out to lack something older: the answer does not cover that.
        overtaken: bool,
    },
}

impl Passage {
    /// Sets a mark at this offset.
    pub(super) fn set(&mut self, mark: u64, offset: u32) {
        let alone = Stretch { first: mark, last: mark, offset };
        match (&self.present, &mut self.next) {
            (None, _) => self.present = Some(Question { about: alone, state: State::Due }),
            (Some(_), Some(next)) => (next.last, next.offset) = (mark, offset),
            (Some(_), next) => *next = Some(alone),
        }
    }

    /// Whether there is a mark that the peer has not passed.
    pub(super) fn is_open(&self) -> bool {
        self.present.is_some()
    }

    /// Whether a mark that the peer has not passed covers this offset of the log.
    pub(super) fn covers(&mut self, offset: u32) -> bool {
        self.offsets().any(|covered| offset < *covered)
    }

    /// What stood at an offset of the log, and was not sent, has moved behind its end: marks that covered it cover it
    /// there.
    pub(super) fn put_off(&mut self, offset: u32, end: u32) {
        self.offsets().filter(|covered| offset < **covered).for_each(|covered| *covered = end);
    }

    /// Whether a question is to be asked at this place of the log.
    pub(super) fn may_ask(&self, cursor: u32) -> bool {
        self.present.is_some_and(|q| q.state == State::Due && cursor >= q.about.offset)
    }

    /// The question is asked; returns its number.
    pub(super) fn ask(&mut self, pongs: u32) -> Option<u64> {
        let question = self.present.as_mut()?;
        question.state = State::Asked { pongs, overtaken: false };
        Some(question.about.last)
    }

    /// The conversation starts anew: the answer will not come, or not mean what it would have.
    pub(super) fn ask_again(&mut self) {
        if let Some(question) = &mut self.present {
            question.state = State::Due;
        }
    }

    /// Something older is to be sent, or may be, behind the question.
    pub(super) fn overtake(&mut self) {
        if let Some(Question { state: State::Asked { overtaken, .. }, .. }) = &mut self.present {
            *overtaken = true;
        }
    }

    /// A PONG has come. True if it was the answer.
    pub(super) fn pong(&mut self) -> bool {
        match &mut self.present {
            Some(Question { state: State::Asked { pongs: 1, .. }, .. }) => {
                self.pass();
                true
            }
            Some(Question { state: State::Asked { pongs, .. }, .. }) => {
                *pongs = pongs.saturating_sub(1);
                false
            }
            _ => false,
        }
    }

    /// An answer has come. It counts if it is `good` and for what was asked, and nothing has overtaken
    /// it; a bad one is to be asked for again from `later` on.
    pub(super) fn answer(&mut self, number: u64, good: bool, later: u64) {
        let Some(question) = &mut self.present else { return };
        let State::Asked { pongs: 0, overtaken } = question.state else { return };
        if question.about.last != number {
            return;
        }
        match (overtaken, good) {
            (true, _) => question.state = State::Due,
            (false, false) => question.state = State::Resting(later),
            (false, true) => self.pass(),
        }
    }

    /// The peer has passed the marks that the question was about.
    pub(super) fn pass(&mut self) {
        if let Some(question) = self.present.take() {
            self.passed = question.about.last;
        }
        self.present = self.next.take().map(|about| Question { about, state: State::Due });
    }

    /// When a question that rests is to be asked again.
    pub(super) fn rests_until(&self) -> Option<u64> {
        match self.present?.state {
            State::Resting(until) => Some(until),
            _ => None,
        }
    }

    /// Whether the peer is still on its way to this mark.
    pub(super) fn is_behind(&self, mark: u64) -> bool {
        self.present.is_some_and(|question| question.about.first <= mark) && self.passed < mark
    }

    /// Whether the peer has passed this mark.
    pub(super) fn has_passed(&self, mark: u64) -> bool {
        self.passed >= mark
    }

    /// The offsets in the log that are kept here.
    pub(super) fn offsets(&mut self) -> impl Iterator<Item = &mut u32> {
        let present = self.present.as_mut().map(|question| &mut question.about);
        present.into_iter().chain(self.next.as_mut()).map(|stretch| &mut stretch.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_set_while_a_question_is_under_way_are_asked_about_together() {
        let mut passage = Passage::default();
        passage.set(1, 10);
        assert!(!passage.may_ask(9) && passage.may_ask(10));
        assert_eq!(passage.ask(0), Some(1));
        passage.set(2, 20);
        passage.set(3, 30);
        assert!([1, 2, 3].iter().all(|&mark| passage.is_behind(mark)));
        passage.answer(1, true, 0);
        assert!(passage.has_passed(1) && !passage.is_behind(1));
        assert!(passage.is_behind(2) && passage.is_behind(3));
        assert!(!passage.may_ask(29) && passage.may_ask(30));
        assert_eq!(passage.ask(0), Some(3));
        passage.answer(3, true, 0);
        assert!(passage.has_passed(3) && !passage.is_behind(2));
    }

    #[test]
    fn an_answer_that_was_overtaken_or_is_bad_does_not_count() {
        let mut passage = Passage::default();
        passage.set(1, 0);
        passage.ask(0);
        passage.overtake();
        passage.answer(1, true, 0);
        assert!(passage.is_behind(1) && passage.may_ask(0));
        passage.ask(0);
        passage.answer(7, true, 0);
        assert!(passage.is_behind(1), "another question's");
        passage.answer(1, false, 50);
        assert!(passage.is_behind(1) && !passage.may_ask(0));
        assert_eq!(passage.rests_until(), Some(50));
        passage.ask_again();
        assert!(passage.may_ask(0));
        passage.ask(2);
        passage.answer(1, true, 0);
        assert!(passage.is_behind(1), "PONGs are awaited");
        assert!(!passage.pong() && passage.pong() && passage.has_passed(1));
    }

    #[test]
    fn a_link_without_marks_is_neither_behind_nor_past() {
        let mut passage = Passage::default();
        assert!(!passage.is_behind(1) && !passage.has_passed(1));
        passage.set(5, 0);
        assert!(!passage.is_behind(4), "it was no link of ours when that one was set");
    }
}
