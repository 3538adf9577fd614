//! The log of `zsys` in our `czmq.h`, in CZMQ's format.
//!
//! Lines go to a stream (standard output by default), to the system's log, and to subscribers of a socket.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use libc::{FILE, c_char, c_int, c_void};
use parking_lot::Mutex;

use crate::actor::local_time;
use crate::engine::raw;
use crate::ffi::entry::entry;
use crate::ffi::error::Errno;
use crate::log::{Level, Sink};

unsafe extern "C" {
    static stdout: *mut FILE;
    static stderr: *mut FILE;
}

struct State {
    stream: Option<NonNull<FILE>>,
    ident: Option<CString>,
    system: bool,
    sender: Option<raw::Socket>,
}

// SAFETY: streams of the C library may be used by any thread.
unsafe impl Send for State {}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn variable(name: &str) -> Option<CString> {
    std::env::var_os(name).and_then(|text| CString::new(text.into_encoded_bytes()).ok())
}

/// Runs `use_it` with the state, which starts with what environment variables say.
fn with<T>(use_it: impl FnOnce(&mut State) -> T) -> T {
    let mut state = STATE.lock();
    use_it(state.get_or_insert_with(|| State {
        stream: match variable("ZSYS_LOGSTREAM").as_deref() {
            // SAFETY: the C library's own variable, set before any of our code runs.
            Some(name) if name == c"stderr" => NonNull::new(unsafe { stderr }),
            // SAFETY: as above.
            _ => NonNull::new(unsafe { stdout }),
        },
        ident: variable("ZSYS_LOGIDENT"),
        system: variable("ZSYS_LOGSYSTEM").is_some_and(|said| &*said == c"true"),
        sender: None,
    }))
}

/// Writes a line; the letter is its level, one of `EWNID`.
pub(super) fn write(letter: u8, text: &str) {
    write_bytes(letter, text.as_bytes());
}

fn write_bytes(letter: u8, text: &[u8]) {
    let now = local_time();
    with(|state| {
        let mut line = vec![letter, b':', b' '];
        if let Some(ident) = &state.ident {
            line.push(b'(');
            line.extend_from_slice(ident.as_bytes());
            line.extend_from_slice(b") ");
        }
        // CZMQ writes years with two digits.
        line.extend_from_slice(&now.as_bytes()[2.min(now.len())..]);
        line.push(b' ');
        line.extend(text.iter().filter(|&&byte| byte != 0));
        if let Some(sender) = &state.sender {
            let _ = sender.try_send_slice(&line, false);
        }
        if state.system {
            to_system(letter, text);
        }
        line.extend_from_slice(b"\n\0");
        if let (Some(stream), Ok(line)) = (state.stream, CStr::from_bytes_with_nul(&line)) {
            // SAFETY: a stream that the program keeps open as long as it is the log's, and a C string.
            unsafe {
                libc::fputs(line.as_ptr(), stream.as_ptr());
                libc::fflush(stream.as_ptr());
            }
        }
    });
}

fn to_system(letter: u8, text: &[u8]) {
    let priority = match letter {
        b'E' => libc::LOG_ERR,
        b'W' => libc::LOG_WARNING,
        b'N' => libc::LOG_NOTICE,
        b'I' => libc::LOG_INFO,
        _ => libc::LOG_DEBUG,
    };
    let text = CString::new(text).unwrap_or_default();
    // SAFETY: the format takes one C string, and gets it.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
}

/// Closes the sender, which is a socket in the context of the process.
pub(super) fn close_sender() {
    with(|state| state.sender = None);
}

/// Binds the sender, a PUB socket in `context`, to one more endpoint.
///
/// # Safety
/// The context does not end before [`close_sender`] was called.
pub(super) unsafe fn bind_sender(context: NonNull<c_void>, endpoint: &str) -> Result<(), Errno> {
    with(|state| {
        if state.sender.is_none() {
            // SAFETY: the caller vouches for it.
            let context = unsafe { raw::Context::foreign(context.as_ptr()) };
            state.sender = Some(raw::Socket::new(context, zmq::PUB)?);
        }
        state.sender.as_ref().map_or(Ok(()), |sender| sender.bind(endpoint))
    })
    .map_err(Errno::from)
}

/// CZMQ's log as the sink of nodes.
pub(in crate::ffi) struct Log;

impl Sink for Log {
    fn write(&self, level: Level, text: &str) {
        // The letter is ASCII.
        write(level.letter() as u8, text);
    }
}

/// Writes a line to the log; `level` is one of `EWNID`.
///
/// # Safety
/// `text` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_log(level: c_int, text: *const c_char) {
    entry! {
        if text.is_null() {
            return Err(Errno::INVALID);
        }
        // SAFETY: the header gives a C string.
        write_bytes(u8::try_from(level).unwrap_or(b'?'), unsafe { CStr::from_ptr(text) }.to_bytes());
        Ok(())
    }
}

/// Sets the stream of the log; NULL for none.
///
/// # Safety
/// `stream` is NULL or a stream that stays open until another one is set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_set_logstream(stream: *mut FILE) {
    entry! {
        with(|state| state.stream = NonNull::new(stream));
        Ok(())
    }
}

/// Sets the name that lines of the log begin with; NULL or "" for none.
///
/// # Safety
/// `ident` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zgossip_czmq_set_logident(ident: *const c_char) {
    entry! {
        // SAFETY: the header gives NULL or a C string.
        let ident = (!ident.is_null()).then(|| unsafe { CStr::from_ptr(ident) }.to_owned());
        with(|state| state.ident = ident.filter(|ident| !ident.is_empty()));
        Ok(())
    }
}

/// Turns the system's log on or off.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_set_logsystem(enabled: c_int) {
    entry! {
        with(|state| state.system = enabled != 0);
        Ok(())
    }
}
