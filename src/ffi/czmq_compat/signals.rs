//! SIGINT and SIGTERM: a flag that every loop of a program looks at, and that ends every wait in libzmq.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_int;
use parking_lot::Mutex;

use crate::ffi::entry::entry;

static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

type Handler = unsafe extern "C" fn(c_int);

struct State {
    /// The program does not want any handler.
    disabled: bool,
    /// What there was before ours, for SIGINT and SIGTERM.
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
        // SAFETY: an all-zero `sigaction` is a valid one; without SA_RESTART, waits end. The handler is of the
        // program, or ours, which stores to an atomic and no more.
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

/// Let the signals set the flag, unless the program has handlers set already, or wants none.
pub(super) fn catch_interrupts() {
    let mut state = STATE.lock();
    let unwanted = std::env::var_os("ZSYS_SIGHANDLER").is_some_and(|said| said == "false");
    if !state.disabled && !unwanted && state.before.is_none() {
        install(&mut state, note);
    }
}

/// Take the handlers away.
pub(super) fn reset() {
    restore(&mut STATE.lock());
}

/// See `library.h`.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_interrupted() -> *mut c_int {
    INTERRUPTED.as_ptr()
}

/// See `library.h`.
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

/// See `library.h`.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_handler_reset() {
    entry! {
        reset();
        Ok(())
    }
}

/// See `library.h`.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_catch_interrupts() {
    entry! {
        catch_interrupts();
        Ok(())
    }
}
