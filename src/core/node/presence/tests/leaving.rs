//! Members that end to be members, and nodes that go on.

use super::*;
use crate::core::event::MemberState::{Here, Left};

#[test]
fn a_member_that_is_to_be_none_leaves_and_may_come_back() {
    let mut net = Net::star(2);
    net.announce(2, "key", "1");
    let wish = |net: &mut Net, is_wished| {
        let now = Now::at(net.mono);
        net.nodes[1].set_membership(is_wished, now);
        net.run(500);
    };
    let id = net.nodes[1].id();
    let of_it = |event: &Event| match event {
        Event::Member(member) => (member.id == id).then_some(member.state),
        _ => None,
    };
    for _ in 0..2 {
        wish(&mut net, true);
        net.run(30_000);
        wish(&mut net, false);
        assert!(net.nodes.iter().all(|node| node.members(Now::at(net.mono)).iter().all(|one| one.id != id)));
        net.run(30_000);
    }
    let told: Vec<_> = net.events[2].iter().filter_map(of_it).collect();
    assert_eq!(told, [Here, Left, Here, Left]);
    // Neither new endpoints nor other servers bring it back.
    net.nodes[1].set_endpoints(&[b"tcp://a:1"], Now::at(net.mono));
    net.disconnect(1, 0);
    net.connect(1, 0);
    net.run(5000);
    assert_eq!(net.nodes[0].members(Now::at(net.mono)).len(), 1);
    // Who announces something does not leave.
    net.announce(1, "other", "1");
    wish(&mut net, true);
    wish(&mut net, false);
    assert_eq!(net.nodes[0].members(Now::at(net.mono)).len(), 2);
    assert!(net.all_have("other", Some("1")));
}
