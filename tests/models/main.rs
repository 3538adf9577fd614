//! Models of how threads wait for each other; what they show is in `src/lib.rs`.
//!
//! `make models` goes through more orders (`ZGOSSIP_PREEMPTIONS`).

use models::{handles, promises, queues};

/// Makes a test of each model.
macro_rules! models {
    ($($module:ident: $($model:ident),+;)+) => {
        $($(
            #[test]
            fn $model() {
                $module::$model();
            }
        )+)+
    };
}

models! {
    queues: replies_come_once_and_in_order, what_two_threads_send_comes_once, each_message_wakes_a_receiver,
        the_descriptor_is_readable_while_a_message_waits, closing_wakes_who_receives,
        closing_ends_a_stalled_node_and_wakes_who_sends, what_came_before_the_end_is_received,
        a_signal_takes_no_message_away;
    promises: a_call_is_answered_behind_its_events, a_call_beside_the_end_returns,
        a_call_on_a_node_that_fails_returns, what_was_cancelled_is_not_done,
        a_broken_promise_wakes_who_waits;
    handles: no_call_uses_a_node_that_is_gone, a_node_is_destroyed_once, a_stale_call_uses_a_node_that_is_there,
        destroying_ends_a_call_that_waits;
}
