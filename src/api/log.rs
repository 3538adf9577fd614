//! Closures that receive log lines.

use std::sync::Arc;

use crate::log::{Level, Sink};

/// Sink that passes log lines to a closure.
struct Lines<F>(F);

impl<F: Fn(Level, &str) + Send + Sync> Sink for Lines<F> {
    fn write(&self, level: Level, text: &str) {
        (self.0)(level, text);
    }
}

/// Sink for a closure.
pub(super) fn sink(log: impl Fn(Level, &str) + Send + Sync + 'static) -> Arc<dyn Sink> {
    Arc::new(Lines(log))
}
