//! SIGINT and SIGTERM for our `czmq.h`: they set a flag that loops look at, and end every wait in libzmq.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_int;
use parking_lot::Mutex;

use crate::ffi::entry::entry;

static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

type Handler = unsafe extern "C" fn(c_int);

struct State {
    /// Whether the program wants no handler.
    disabled: bool,
    /// The actions for SIGINT and SIGTERM before this module set its own.
    before: Option<[libc::sigaction; 2]>,
}

const SIGNALS: [c_int; 2] = [libc::SIGINT, libc::SIGTERM];

static STATE: Mutex<State> = Mutex::new(State { disabled: false, before: None });

unsafe extern "C" fn note(_signal: c_int) {
    INTERRUPTED.store(1, Ordering::Relaxed);
}

fn install(state: &mut State, handler: Handler) {
    let mut before = [MaybeUninit::<libc::sigaction>::zeroed(); 2];
    for (signal, before) in SIGNALS.into_iter().zip(&mut before) {
        // SAFETY: an all-zero `sigaction` is a valid one; without SA_RESTART, waits end. The handler is the
        // program's, or `note`, which only stores to an atomic.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = handler as libc::sighandler_t;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(signal, &raw const action, before.as_mut_ptr());
        }
    }
    // SAFETY: zeroed, and then filled by the calls above.
    state.before.get_or_insert(before.map(|before| unsafe { before.assume_init() }));
}

fn restore(state: &mut State) {
    if let Some(before) = state.before.take() {
        for (signal, action) in SIGNALS.into_iter().zip(before) {
            // SAFETY: an action that was in force before.
            unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
        }
    }
}

/// Lets SIGINT and SIGTERM set the flag, unless the program has set handlers already, or wants none.
pub(super) fn catch_interrupts() {
    let mut state = STATE.lock();
    let unwanted = std::env::var_os("ZSYS_SIGHANDLER").is_some_and(|said| said == "false");
    if !state.disabled && !unwanted && state.before.is_none() {
        install(&mut state, note);
    }
}

/// Restores the signal actions of before.
pub(super) fn reset() {
    restore(&mut STATE.lock());
}

/// Returns the address of the flag that SIGINT and SIGTERM set.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_interrupted() -> *mut c_int {
    INTERRUPTED.as_ptr()
}

/// Sets the handler of SIGINT and SIGTERM; NULL for none, and none later.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_handler_set(handler: Option<Handler>) {
    entry! {
        let mut state = STATE.lock();
        state.disabled = handler.is_none();
        match handler {
            Some(handler) => install(&mut state, handler),
            None => restore(&mut state),
        }
        Ok(())
    }
}

/// Restores the signal actions of before.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_handler_reset() {
    entry! {
        reset();
        Ok(())
    }
}

/// Lets SIGINT and SIGTERM set the flag, unless the program has set handlers already, or wants none.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_catch_interrupts() {
    entry! {
        catch_interrupts();
        Ok(())
    }
}
