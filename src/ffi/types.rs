//! Opaque types: C names of objects of other libraries, whose content is never read through them.

#![allow(non_camel_case_types)]

use std::marker::{PhantomData, PhantomPinned};

/// Declares opaque types.
macro_rules! opaque {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {
        $(
            #[$doc]
            #[repr(C)]
            pub struct $name {
                data: [u8; 0],
                not_send_nor_sync: PhantomData<(*mut u8, PhantomPinned)>,
            }
        )*
    };
}

opaque! {
    /// A socket of CZMQ, of our own `czmq.h` or of libzmq.
    zsock_t,
    /// A frame of CZMQ.
    zframe_t,
}
