//! A CZMQ in the process: its sockets, context, log and frames.
//!
//! The library is not linked with CZMQ, and uses it where the process has it. Names are looked up in this order, and
//! remembered only when found, because a CZMQ may be loaded at any time:
//!
//! 1. weak references (`weak.c`), for a CZMQ on the program's link line, also a static one;
//! 2. the global scope, for one that was loaded with `RTLD_GLOBAL`;
//! 3. `libczmq.so.4` and then every loaded object, for one that was loaded with `RTLD_LOCAL` under any name.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_char, c_int, c_uint, c_void, size_t};

use crate::log::{Level, Sink, Stderr};

/// Functions of CZMQ that are used here, in the order of `weak.c`.
#[derive(Clone, Copy)]
enum Name {
    SockResolve,
    SockSignal,
    SysInit,
    SysError,
    SysWarning,
    SysNotice,
    SysInfo,
    SysDebug,
    FrameNew,
    FrameDestroy,
    FrameData,
    FrameSize,
    SysIpv6,
}

const NAMES: [&CStr; 13] = [
    c"zsock_resolve",
    c"zsock_signal",
    c"zsys_init",
    c"zsys_error",
    c"zsys_warning",
    c"zsys_notice",
    c"zsys_info",
    c"zsys_debug",
    c"zframe_new",
    c"zframe_destroy",
    c"zframe_data",
    c"zframe_size",
    c"zsys_ipv6",
];

/// Address of each function, once found.
static FOUND: [AtomicPtr<c_void>; NAMES.len()] = [const { AtomicPtr::new(ptr::null_mut()) }; NAMES.len()];

unsafe extern "C" {
    /// Returns the address that the linker gave to a weak reference, or NULL; defined in `weak.c`.
    fn zgossip_czmq_weak(name: c_uint) -> *mut c_void;
}

fn find(name: Name) -> Option<NonNull<c_void>> {
    let slot = &FOUND[name as usize];
    if let Some(address) = NonNull::new(slot.load(Ordering::Relaxed)) {
        return Some(address);
    }
    // SAFETY: any number is a valid argument.
    let weak = NonNull::new(unsafe { zgossip_czmq_weak(name as c_uint) });
    let address = weak.or_else(|| look_up(NAMES[name as usize]))?;
    slot.store(address.as_ptr(), Ordering::Relaxed);
    Some(address)
}

fn look_up(name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: `name` is a C string.
    let address = NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
        .or_else(|| look_up_in(c"libczmq.so.4", name))
        .or_else(|| loaded_objects().iter().find_map(|object| look_up_in(object, name)))?;
    pin(address);
    Some(address)
}

/// Finds `name` in an object that is loaded already, and loads none.
fn look_up_in(object: &CStr, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: both are C strings; the handle is used before it is closed. Nothing is loaded, so no initialiser runs.
    unsafe {
        let handle = NonNull::new(libc::dlopen(object.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD))?;
        let address = NonNull::new(libc::dlsym(handle.as_ptr(), name.as_ptr()));
        libc::dlclose(handle.as_ptr());
        address
    }
}

/// Keeps the object that holds `address` loaded for ever, because the address is remembered.
fn pin(address: NonNull<c_void>) {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `dladdr` takes any address, and fills `found` unless it returns 0; the file name it then gives is a
    // C string of the dynamic linker. The program itself cannot be opened by its name, and need not be.
    unsafe {
        if libc::dladdr(address.as_ptr(), found.as_mut_ptr()) != 0 && !found.assume_init().dli_fname.is_null()
        {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            let handle = libc::dlopen(found.assume_init().dli_fname, flags);
            if !handle.is_null() {
                libc::dlclose(handle);
            }
        }
    }
}

/// Returns the names of all loaded objects except the program.
fn loaded_objects() -> Vec<CString> {
    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: size_t, names: *mut c_void) -> c_int {
        // SAFETY: the dynamic linker calls this function with a valid `info`, and with the `names` that were given below.
        let (name, names) = unsafe { ((*info).dlpi_name, &mut *names.cast::<Vec<CString>>()) };
        if !name.is_null() {
            // SAFETY: a C string, valid during this call.
            let name = unsafe { CStr::from_ptr(name) };
            if !name.is_empty() {
                names.push(name.to_owned());
            }
        }
        0
    }
    let mut names = Vec::<CString>::new();
    // SAFETY: `note` gets `names` back as it was; it does not unwind (it allocates, and no more), nor call `dlopen`,
    // which the dynamic linker's lock would not allow.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut names).cast()) };
    names
}

/// Calls a function of CZMQ if CZMQ is there: `call!(Name as fn (types) -> type, arguments)`.
macro_rules! call {
    ($name:ident as $type:ty, $($argument:expr),* $(,)?) => {
        find(Name::$name).map(|address| {
            let function = std::mem::transmute::<*mut c_void, $type>(address.as_ptr());
            function($($argument),*)
        })
    };
}

/// Returns whether a CZMQ was found in the process.
pub(in crate::ffi) fn present() -> bool {
    find(Name::SysInit).is_some()
}

/// Returns the libzmq socket in a socket or actor of CZMQ.
///
/// # Safety
/// `socket` is a live `zsock_t` or `zactor_t`.
pub(in crate::ffi) unsafe fn resolve(socket: *mut c_void) -> Option<*mut c_void> {
    // SAFETY: the type is that of czmq's zsock.h; the caller vouches for the argument.
    unsafe { call!(SockResolve as unsafe extern "C" fn(*mut c_void) -> *mut c_void, socket) }
}

/// Signals to an actor's creator that the actor runs; false if CZMQ's function is not there or fails.
///
/// # Safety
/// `pipe` is a live `zsock_t`.
pub(in crate::ffi) unsafe fn signal(pipe: *mut c_void) -> bool {
    // SAFETY: the type is that of czmq's zsock.h; the caller vouches for the argument.
    unsafe { call!(SockSignal as unsafe extern "C" fn(*mut c_void, u8) -> c_int, pipe, 0) == Some(0) }
}

/// Returns the context that all of CZMQ's sockets live in; CZMQ makes it if need be.
pub(in crate::ffi) fn context() -> Option<NonNull<c_void>> {
    // SAFETY: the type is that of czmq's zsys.h; the function may be called by any thread, any number of times.
    unsafe { call!(SysInit as unsafe extern "C" fn() -> *mut c_void,) }.and_then(NonNull::new)
}

/// Returns whether the program has switched IPv6 on for all of CZMQ (`zsys_set_ipv6`).
pub(in crate::ffi) fn ipv6() -> bool {
    // SAFETY: the type is that of czmq's zsys.h; it only reads.
    unsafe { call!(SysIpv6 as unsafe extern "C" fn() -> c_int,) }.is_some_and(|on| on != 0)
}

/// CZMQ's log, as the sink of nodes.
pub(in crate::ffi) struct Log;

impl Sink for Log {
    fn write(&self, level: Level, text: &str) {
        type Print = unsafe extern "C" fn(*const c_char, ...);
        let line = CString::new(text.replace('\0', " ")).unwrap_or_default();
        let (format, argument) = (c"%s".as_ptr(), line.as_ptr());
        // SAFETY: the type is that of czmq's zsys.h; the format takes one C string, and gets it.
        let written = unsafe {
            match level {
                Level::Error => call!(SysError as Print, format, argument),
                Level::Warning => call!(SysWarning as Print, format, argument),
                Level::Notice => call!(SysNotice as Print, format, argument),
                Level::Info => call!(SysInfo as Print, format, argument),
                Level::Debug => call!(SysDebug as Print, format, argument),
            }
        };
        if written.is_none() {
            Stderr.write(level, text);
        }
    }
}

/// Makes a `zframe_t` with a copy of these bytes.
pub(in crate::ffi) fn new_frame(bytes: &[u8]) -> Option<NonNull<c_void>> {
    type New = unsafe extern "C" fn(*const c_void, size_t) -> *mut c_void;
    // SAFETY: the type is that of czmq's zframe.h; the bytes are copied.
    unsafe { call!(FrameNew as New, bytes.as_ptr().cast(), bytes.len()) }.and_then(NonNull::new)
}

/// Frees a `zframe_t`.
///
/// # Safety
/// `frame` came from [`new_frame`] and has not been freed.
pub(in crate::ffi) unsafe fn destroy_frame(frame: NonNull<c_void>) {
    let mut frame = frame.as_ptr();
    // SAFETY: the type is that of czmq's zframe.h; the caller vouches for the frame.
    unsafe { call!(FrameDestroy as unsafe extern "C" fn(*mut *mut c_void), &raw mut frame) };
}

/// Returns a copy of the bytes of a `zframe_t`.
///
/// # Safety
/// `frame` is a live `zframe_t`.
pub(in crate::ffi) unsafe fn frame_bytes(frame: *mut c_void) -> Option<Vec<u8>> {
    // SAFETY: the types are those of czmq's zframe.h; the caller vouches for the frame, whose data are `size` bytes.
    unsafe {
        let data = call!(FrameData as unsafe extern "C" fn(*mut c_void) -> *mut u8, frame)?;
        let size = call!(FrameSize as unsafe extern "C" fn(*mut c_void) -> size_t, frame)?;
        if size == 0 || data.is_null() {
            return Some(Vec::new());
        }
        Some(std::slice::from_raw_parts(data, size).to_vec())
    }
}
