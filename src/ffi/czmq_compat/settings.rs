//! Settings of `zsys` in our `czmq.h`: they start with CZMQ's defaults, or with environment variables.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_int;
use once_cell::sync::Lazy;

use crate::ffi::entry::entry;
use crate::ffi::error::Errno;

/// A setting, by its number (`ZGC_`) in `library.h`.
#[derive(Clone, Copy)]
pub(super) struct Setting(usize);

impl Setting {
    pub(super) const IO_THREADS: Setting = Setting(0);
    pub(super) const MAX_SOCKETS: Setting = Setting(1);
    pub(super) const MAX_MSGSZ: Setting = Setting(2);
    pub(super) const LINGER: Setting = Setting(3);
    pub(super) const SNDHWM: Setting = Setting(4);
    pub(super) const RCVHWM: Setting = Setting(5);
    pub(super) const IPV6: Setting = Setting(7);
    pub(super) const SCHED_POLICY: Setting = Setting(8);
    pub(super) const PRIORITY: Setting = Setting(9);
    pub(super) const NAME_PREFIX: Setting = Setting(10);
}

/// Environment variable and default of each setting.
const SETTINGS: [(&str, i32); 11] = [
    ("ZSYS_IO_THREADS", 1),
    ("ZSYS_MAX_SOCKETS", 1024),
    ("ZSYS_MAX_MSGSZ", i32::MAX),
    ("ZSYS_LINGER", 0),
    ("ZSYS_SNDHWM", 1000),
    ("ZSYS_RCVHWM", 1000),
    ("ZSYS_PIPEHWM", 1000),
    (crate::actor::IPV6_VARIABLE, 0),
    ("ZSYS_THREAD_SCHED_POLICY", -1),
    ("ZSYS_THREAD_PRIORITY", -1),
    ("ZSYS_THREAD_NAME_PREFIX", 0),
];

static VALUES: Lazy<[AtomicI32; SETTINGS.len()]> = Lazy::new(|| {
    SETTINGS.map(|(variable, default)| {
        let said = std::env::var(variable).ok().and_then(|text| text.trim().parse().ok());
        AtomicI32::new(said.unwrap_or(default))
    })
});

pub(super) fn get(setting: Setting) -> i32 {
    VALUES[setting.0].load(Ordering::Relaxed)
}

/// Returns whether sockets are to use IPv6.
pub(in crate::ffi) fn ipv6() -> bool {
    get(Setting::IPV6) != 0
}

fn cell(which: c_int) -> Result<&'static AtomicI32, Errno> {
    usize::try_from(which).ok().and_then(|place| VALUES.get(place)).ok_or(Errno::INVALID)
}

/// Returns the value of a setting; -1 if there is no such setting.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_setting(which: c_int) -> c_int {
    entry! { Ok(cell(which)?.load(Ordering::Relaxed)) }
}

/// Changes the value of a setting.
#[unsafe(no_mangle)]
pub extern "C" fn zgossip_czmq_set_setting(which: c_int, value: c_int) {
    entry! {
        cell(which)?.store(value, Ordering::Relaxed);
        Ok(())
    }
}
