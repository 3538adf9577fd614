use super::*;

fn text(of: *const c_char) -> Option<&'static CStr> {
    // SAFETY: NULL, or a C string of a message, which the test does not change while it reads.
    (!of.is_null()).then(|| unsafe { CStr::from_ptr(of) })
}

#[test]
fn a_message_holds_what_it_is_given_its_own_texts_too() {
    // SAFETY: one thread, one message, and C strings.
    unsafe {
        let mut message = zgossip_msg_new();
        assert_eq!((text(zgossip_msg_key(message)), text(zgossip_msg_value(message))), (Some(c""), None));
        zgossip_msg_set_id(message, ZGOSSIP_MSG_PUBLISH);
        zgossip_msg_set_key(message, c"key".as_ptr());
        zgossip_msg_set_value(message, zgossip_msg_key(message));
        zgossip_msg_set_key(message, zgossip_msg_key(message));
        zgossip_msg_set_ttl(message, 7);
        assert_eq!((zgossip_msg_id(message), zgossip_msg_ttl(message)), (ZGOSSIP_MSG_PUBLISH, 7));
        assert_eq!(text(zgossip_msg_command(message)), Some(c"PUBLISH"));
        assert_eq!(
            (text(zgossip_msg_key(message)), text(zgossip_msg_value(message))),
            (Some(c"key"), Some(c"key"))
        );
        zgossip_msg_set_value(message, ptr::null());
        assert_eq!(text(zgossip_msg_value(message)), Some(c"key"), "NULL is refused");
        zgossip_msg_destroy(&raw mut message);
        assert!(message.is_null());
        zgossip_msg_destroy(&raw mut message);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let mut other = Box::new(1u64);
    let mut pointer: *mut zgossip_msg_t = (&raw mut *other).cast();
    // SAFETY: four bytes of a number that is no tag, and NULL.
    unsafe {
        assert!(zgossip_msg_key(pointer).is_null());
        assert_eq!(zgossip_msg_id(ptr::null_mut()), -1);
        zgossip_msg_destroy(&raw mut pointer);
        assert!(!pointer.is_null(), "it stays as it was");
    }
}
