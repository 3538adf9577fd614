//! The work of calls, counted in visits to tuples, links and timers, for tests that bound it.
//!
//! Whatever goes through a number of these that grows with what a node holds says so here. Without the feature
//! `internals` nothing is counted.

#[cfg(feature = "internals")]
thread_local! {
    static VISITS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts visits.
pub(in crate::core) fn visit(count: usize) {
    #[cfg(feature = "internals")]
    VISITS.with(|visits| visits.set(visits.get() + count));
    #[cfg(not(feature = "internals"))]
    let _ = count;
}

/// Takes the number of visits of this thread since the last call.
#[cfg(feature = "internals")]
pub fn take_visits() -> usize {
    VISITS.with(std::cell::Cell::take)
}
