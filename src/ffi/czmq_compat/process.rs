//! The context of our `czmq.h`, and the sockets in it.
//!
//! The context is terminated when the process exits, so that lingering messages are still sent. Termination would wait
//! for ever while a socket is open; all sockets are therefore registered here, and those left open are reported.

#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::time::{Duration, Instant};

use libc::{c_char, c_int, c_uint, c_void, size_t};
use parking_lot::{Condvar, Mutex};

use super::settings::{self, Setting};
use super::{clock, log, signals};
use crate::ffi::entry::entry;
use crate::ffi::error::Errno;

/// Longest wait at exit for actors that are closing their sockets; closing takes a few milliseconds.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

unsafe extern "C" {
    fn srandom(seed: c_uint);
}

struct Process {
    context: *mut c_void,
    pid: u32,
    /// Type of each open socket, and the source line that made it.
    open: BTreeMap<usize, (c_int, CString, size_t)>,
}

// SAFETY: contexts may be used by any thread.
unsafe impl Send for Process {}

static PROCESS: Mutex<Option<Process>> = Mutex::new(None);
static CLOSED: Condvar = Condvar::new();

/// Returns the context, and makes it if need be.
pub(in crate::ffi) fn context() -> Option<NonNull<c_void>> {
    let mut process = PROCESS.lock();
    if process.is_none() {
        *process = make();
    }
    process.as_ref().and_then(|process| NonNull::new(process.context))
}

/// Returns whether this process uses our `czmq.h`.
pub(in crate::ffi) fn in_use() -> bool {
    PROCESS.lock().is_some()
}

fn make() -> Option<Process> {
    static ONCE: Once = Once::new();
    // Options of libzmq that zmq-sys does not declare.
    const THREAD_PRIORITY: u32 = 3;
    const THREAD_SCHED_POLICY: u32 = 4;
    const MAX_MSGSZ: u32 = 5;
    const THREAD_NAME_PREFIX: u32 = 9;

    // SAFETY: takes nothing; the result is checked.
    let context = NonNull::new(unsafe { zmq_sys::zmq_ctx_new() })?.as_ptr();
    let set = |option: u32, value: c_int| {
        // SAFETY: a context just made; an option that it refuses stays as it was.
        unsafe { zmq_sys::zmq_ctx_set(context, option as c_int, value) };
    };
    set(zmq_sys::ZMQ_IO_THREADS, settings::get(Setting::IO_THREADS));
    let most = settings::get(Setting::MAX_SOCKETS);
    // SAFETY: as above.
    let limit = unsafe { zmq_sys::zmq_ctx_get(context, zmq_sys::ZMQ_SOCKET_LIMIT as c_int) };
    set(zmq_sys::ZMQ_MAX_SOCKETS, if most == 0 { limit } else { most.min(limit) });
    set(MAX_MSGSZ, settings::get(Setting::MAX_MSGSZ));
    for (option, setting) in
        [(THREAD_SCHED_POLICY, Setting::SCHED_POLICY), (THREAD_PRIORITY, Setting::PRIORITY)]
    {
        if settings::get(setting) >= 0 {
            set(option, settings::get(setting));
        }
    }
    if settings::get(Setting::NAME_PREFIX) > 0 {
        set(THREAD_NAME_PREFIX, settings::get(Setting::NAME_PREFIX));
    }
    signals::catch_interrupts();
    ONCE.call_once(|| {
        extern "C" fn at_exit() {
            let _ = std::panic::catch_unwind(shutdown);
        }
        // SAFETY: `at_exit` lives as long as this library, which stays loaded. `randof` is as random as this.
        unsafe {
            libc::atexit(at_exit);
            srandom(std::process::id() ^ clock::usecs() as c_uint);
        }
    });
    Some(Process { context, pid: std::process::id(), open: BTreeMap::new() })
}

/// Terminates the context, closes the log's sender and restores the signal handlers.
///
/// False if sockets are open: they are reported, and the context stays.
fn shutdown() -> bool {
    log::close_sender();
    let mut guard = PROCESS.lock();
    let until = Instant::now() + CLOSE_TIMEOUT;
    while let Some(process) = &*guard
        && !process.open.is_empty()
        && process.pid == std::process::id()
    {
        if CLOSED.wait_until(&mut guard, until).timed_out() {
            break;
        }
    }
    let Some(process) = guard.take_if(|process| process.open.is_empty()) else {
        let left: Vec<_> = match &*guard {
            Some(process) if process.pid == std::process::id() => process.open.values().cloned().collect(),
            _ => return true,
        };
        drop(guard);
        for (kind, file, line) in left {
            log::write(
                b'E',
                &format!(
                    "[{}]dangling '{}' socket created at {}:{line}",
                    std::process::id(),
                    kind_name(kind),
                    file.to_string_lossy()
                ),
            );
        }
        return false;
    };
    drop(guard);
    // In a forked child the context has no threads, and termination would hang.
    if process.pid == std::process::id() {
        // SAFETY: all sockets made in it are closed, and `context` no longer returns it.
        while unsafe { zmq_sys::zmq_ctx_term(process.context) } != 0 && Errno::last().0 == libc::EINTR {}
    }
    signals::reset();
    true
}

fn kind_name(kind: c_int) -> &'static str {
    const NAMES: [&str; 12] =
        ["PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB", "STREAM"];
    usize::try_from(kind).ok().and_then(|kind| NAMES.get(kind)).copied().unwrap_or("?")
}

/// Returns the context of the process, and makes it if need be.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_context() -> *mut c_void {
    entry! { Ok(context().ok_or_else(Errno::last)?.as_ptr()) }
}

/// Terminates the context, unless sockets are open; 0 if it was terminated.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_shutdown() -> c_int {
    entry! { Ok(if shutdown() { 0 } else { -1 }) }
}

/// Makes a socket in the context; `file` and `line` name the place that is reported if it is left open.
///
/// # Safety
/// `file` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_socket(kind: c_int, file: *const c_char, line: size_t) -> *mut c_void {
    entry! {
        let mut process = PROCESS.lock();
        if process.is_none() {
            *process = make();
        }
        let process = process.as_mut().ok_or_else(Errno::last)?;
        // SAFETY: the context is alive; a kind that it does not know is refused.
        let handle = NonNull::new(unsafe { zmq_sys::zmq_socket(process.context, kind) }).ok_or_else(Errno::last)?;
        let set = |option: u32, setting| {
            let value: c_int = settings::get(setting);
            // SAFETY: a socket just made, and an option that is an int.
            unsafe {
                let value = ptr::from_ref(&value).cast();
                zmq_sys::zmq_setsockopt(handle.as_ptr(), option as c_int, value, size_of::<c_int>());
            }
        };
        set(zmq_sys::ZMQ_LINGER, Setting::LINGER);
        set(zmq_sys::ZMQ_SNDHWM, Setting::SNDHWM);
        set(zmq_sys::ZMQ_RCVHWM, Setting::RCVHWM);
        set(zmq_sys::ZMQ_IPV6, Setting::IPV6);
        // SAFETY: the header gives NULL or a C string.
        let file = if file.is_null() { CString::default() } else { unsafe { CStr::from_ptr(file) }.to_owned() };
        process.open.insert(handle.as_ptr().addr(), (kind, file, line));
        Ok(handle.as_ptr())
    }
}

/// Closes a socket of the context.
///
/// # Safety
/// `handle` came from [`zgossip_czmq_socket`] and has not been closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_close(handle: *mut c_void) -> c_int {
    entry! {
        let mut process = PROCESS.lock();
        if let Some(process) = process.as_mut() {
            process.open.remove(&handle.addr());
        }
        // The socket is closed before the lock is released: `shutdown` terminates the context when none is registered.
        // SAFETY: the header gives an open socket.
        let rc = unsafe { zmq_sys::zmq_close(handle) };
        CLOSED.notify_all();
        if rc == 0 { Ok(0) } else { Err(Errno::last()) }
    }
}

/// Binds a PUB socket to which log lines are sent; NULL closes it.
///
/// # Safety
/// `endpoint` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_set_logsender(endpoint: *const c_char) {
    entry! {
        if endpoint.is_null() {
            log::close_sender();
            return Ok(());
        }
        // SAFETY: the header gives a C string.
        let endpoint = unsafe { CStr::from_ptr(endpoint) }.to_str().map_err(|_| Errno::INVALID)?;
        let context = context().ok_or_else(Errno::last)?;
        // SAFETY: `shutdown` closes the sender before it ends the context.
        unsafe { log::bind_sender(context, endpoint) }
    }
}
