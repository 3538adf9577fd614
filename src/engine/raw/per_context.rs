//! A value for each libzmq context of a process.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{Context, generation};

/// Values by context, each made at the first use and kept for ever: a process has few contexts. There is no lock, which a
/// forked child could inherit locked; a child gets values of its own.
pub struct PerContext<T: 'static>(AtomicPtr<Entry<T>>);

struct Entry<T: 'static> {
    context: usize,
    generation: u32,
    value: T,
    next: *mut Entry<T>,
}

impl<T: Default + Send + Sync + 'static> PerContext<T> {
    /// No values yet.
    pub const fn new() -> PerContext<T> {
        PerContext(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value for `context`. One at the same address as an earlier one gets the earlier one's value.
    pub fn of(&self, context: Context) -> &'static T {
        let (context, generation) = (context.handle.addr(), generation());
        let mut fresh: Option<Box<Entry<T>>> = None;
        loop {
            let first = self.0.load(Ordering::Acquire);
            let mut next = first;
            // SAFETY: NULL, or a leaked box, which is complete since it was stored here.
            while let Some(entry) = unsafe { next.as_ref() } {
                if (entry.context, entry.generation) == (context, generation) {
                    return &entry.value;
                }
                next = entry.next;
            }
            let mut entry = fresh
                .take()
                .unwrap_or_else(|| Box::new(Entry { context, generation, value: T::default(), next: first }));
            entry.next = first;
            let raw = Box::into_raw(entry);
            if self.0.compare_exchange(first, raw, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                // SAFETY: it was leaked just now, and is never freed.
                return unsafe { &(*raw).value };
            }
            // SAFETY: the box of above, which nobody else has seen.
            fresh = Some(unsafe { Box::from_raw(raw) });
        }
    }
}

impl<T: Default + Send + Sync + 'static> Default for PerContext<T> {
    fn default() -> PerContext<T> {
        PerContext::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn each_context_has_one_value_however_many_threads_ask() {
        static VALUES: PerContext<AtomicUsize> = PerContext::new();
        let contexts = [(); 2].map(|()| Context::fresh());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for context in contexts {
                        VALUES.of(context).fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert!(contexts.iter().all(|&context| VALUES.of(context).load(Ordering::Relaxed) == 8));
    }
}
