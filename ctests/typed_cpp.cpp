/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    zgossip.hpp in a program of two files that both include it.  */

#include <zgossip/zgossip.hpp>
#include <algorithm>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include "check.h"

std::size_t other_unit (const gossip::node &node);

using namespace std::chrono_literals;

static_assert (!std::is_copy_constructible_v <gossip::node> && std::is_nothrow_move_constructible_v <gossip::node>);
static_assert (!std::is_copy_assignable_v <gossip::node> && std::is_nothrow_move_assignable_v <gossip::node>);
static_assert (!std::is_copy_constructible_v <gossip::tuples> && std::is_nothrow_move_constructible_v <gossip::tuples>);
static_assert (!std::is_copy_constructible_v <gossip::event> && std::is_nothrow_move_constructible_v <gossip::event>);

static void constructors ()
{
    bool thrown = false;
    try {
        gossip::node node ("name", nullptr);
    }
    catch (const std::system_error &error) {
        thrown = error.code () == std::errc::invalid_argument
            && std::string (error.what ()).find ("context is NULL") != std::string::npos;
    }
    CHECK (thrown);

    gossip::node node;
    gossip::node moved (std::move (node));
    CHECK (moved.publish ("key", "value") && moved.count () == 1);
    CHECK (node.count () == -1 && errno == EINVAL && !node.get ());
    gossip::node other ("other");
    other = std::move (moved);
    CHECK (other.count () == 1);
    node = gossip::node ("again");
    CHECK (node.count () == 0);
}

static void tuples ()
{
    gossip::node node ("tuples");
    CHECK (node.set_recv_timeout (30s) && node.tuples () && node.tuples ().empty ());
    CHECK (node.publish ("b", "2") && node.publish (std::string ("a"), {}) && node.publish ("c\xff", "3"));
    CHECK (!node.publish ({}, "x") && errno == EINVAL && gossip::last_error () == "key is empty");
    CHECK (!node.publish ("k", std::string_view ("\0", 1)) && errno == EINVAL);
    CHECK (!node.publish ("k", "v", 0s) && errno == EINVAL);
    CHECK (!node.publish ("k", "v", 24h * 60) && errno == EINVAL);
    CHECK (node.publish ("short", "life", 1us));
    std::string all;
    auto snapshot = node.tuples ();
    for (auto [key, value] : snapshot)
        if (key != "short")
            all.append (key).append ("=").append (value).append (" ");
    CHECK (all == "a= b=2 c\xff=3 ");
    auto moved = std::move (snapshot);
    CHECK (snapshot.empty () && !snapshot && moved.size () >= 3);
    CHECK (std::any_of (moved.begin (), moved.end (), [] (gossip::tuple tuple) { return tuple.value == "2"; }));
    snapshot = std::move (moved);
    CHECK (snapshot.size () >= 3 && other_unit (node) >= 3);

    CHECK (node.get ("b") == "2" && node.get ("a") == "" && !node.get ("absent") && errno == ENOENT);
    CHECK (node.retract ("b") == 1 && node.retract ("b") == 0 && node.unpublish ("a") == 1);
    auto first = node.recv ();
    CHECK (first && first.kind () == gossip::kind::deliver && first.key () == "b" && first.value () == "2");
    CHECK (first.size () == 3 && first [0] == "DELIVER" && first [3].empty ());
    gossip::event none;
    CHECK (!none && none.kind () == gossip::kind::none && none.key ().empty () && none.size () == 0);
    CHECK (!node.send ({"NONSENSE", ""}) && node.fd () >= 0);
    while (node.get ("short"))
        std::this_thread::sleep_for (1ms);
    CHECK (node.digest () && node.stats () && node.stats ()->tuples == static_cast <std::uint64_t> (node.count ()));
}

static void network ()
{
    gossip::node hub ("hub"), leaf ("leaf");
    const int port = hub.bind ("tcp://127.0.0.1:*");
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string (port);
    CHECK (port > 0 && leaf.connect (endpoint) && leaf.publish ("key", "value"));
    CHECK (leaf.flush (30s) == 1 && hub.wait_key ("key") && hub.wait_count (1) && hub.count () == 1);
    CHECK (hub.wait_agreement (1, 30s) == 1 && hub.digest () == leaf.digest ());
    const auto mine = leaf.origin ("key"), theirs = hub.origin ("key");
    CHECK (mine && mine->own && mine->writer && mine->name == "leaf" && !mine->ttl && mine->endpoint.empty ());
    CHECK (theirs && !theirs->own && theirs->writer == mine->writer && theirs->written == mine->written);
    CHECK (theirs->written && *theirs->written <= std::chrono::system_clock::now () && theirs->name == "leaf");
    CHECK (!hub.origin ("absent") && errno == ENOENT);
    auto peers = leaf.peers ();
    CHECK (peers && peers->size () == 1 && peers->front ().endpoint == endpoint && peers->front ().outgoing);
    CHECK (peers->front ().name == "hub" && hub.peers ()->front ().name == "leaf");
    CHECK (peers->front ().kind == gossip::peer_kind::extended && peers->front ().connected && peers->front ().id);
    CHECK (peers->front ().round_trip && peers->front ().bytes_in > 0 && peers->front ().state_time < 30s);
    peers = hub.peers ();
    CHECK (peers && peers->size () == 1 && !peers->front ().outgoing && peers->front ().equal == true);
    CHECK (!hub.wait_key ("absent", 10ms) && errno == EAGAIN);
    CHECK (leaf.disconnect (endpoint) && !leaf.disconnect (endpoint) && errno == ENOENT);
    CHECK (hub.unbind (endpoint) && leaf.flush () == 0);
    CHECK (leaf.announce ("announced", "1") && leaf.announce ("soon", "2", std::chrono::seconds (1)));
    CHECK (!leaf.announce ("never", "3", std::chrono::seconds (0)) && errno == EINVAL);
    auto members = leaf.members ();
    CHECK (members && members->size () == 1 && members->front ().own && members->front ().name == "leaf");
    CHECK (leaf.retract ("announced") == 1 && leaf.retract ("soon") == 1);
    CHECK (!leaf.connect (endpoint, "no key") && errno == EACCES);
    CHECK (leaf.set_rights ("*", "a/", "announce, retract") && leaf.clear_rights ("*", "a/"));
    CHECK (!leaf.set_rights ("*", "a/*", "write") && errno == EINVAL && !leaf.clear_rights ("*", "a/"));
    gossip::node watcher ("watcher");
    CHECK (watcher.publish ("a/1", "x") && watcher.publish ("b/1", "x") && watcher.watch ("b/"));
    CHECK (watcher.recv ().key () == "a/1" && watcher.recv ().key () == "b/1");
    gossip::event synced = watcher.recv ();
    CHECK (synced.kind () == gossip::kind::synced && synced.key () == "b/");
    CHECK (!synced.before () && !synced.writer () && synced.version ().empty ());
    CHECK (watcher.set ("server/events", "3") && watcher.publish ("b/1", "y"));
    gossip::event changed = watcher.recv ();
    CHECK (changed.before () == "x" && changed.value () == "y" && changed.writer () && changed.version ().size () == 32);
    CHECK (changed.writer_name () == "watcher" && changed [6] == changed.version ());
    CHECK (watcher.retract ("b/1") == 1);
    gossip::event gone = watcher.recv ();
    CHECK (gone.kind () == gossip::kind::retract && gone.before () == "y" && gone.version () > changed.version ());
    CHECK (watcher.publish_if ("b/1", "z", "") && !watcher.recv ().before ());
    gossip::watcher part (watcher, "b/");
    CHECK (part.get () && part.fd () >= 0 && part.set_recv_timeout (0ms));
    CHECK (part.recv ().value () == "z" && part.recv ().kind () == gossip::kind::synced && !part.recv ());
    auto read = watcher.get_versioned ("b/1");
    CHECK (read && read->first == "z" && !watcher.get_versioned ("absent") && errno == ENOENT);
    CHECK (watcher.publish_if ("b/1", "next", read->second) && watcher.recv ().before () == "z");
    CHECK (!watcher.publish_if ("b/1", "late", read->second) && errno == EEXIST);
    CHECK (watcher.unwatch ("b/") && !watcher.unwatch ("b/") && errno == ENOENT);
    CHECK (leaf.set_zap_domain ("domain") && leaf.set_keys ("p", "s") && leaf.bind (endpoint) == -1);
}

static void journal ()
{
    int lines = 0;
    gossip::node node ("journal");
    CHECK (node.set_log ([&lines] (int level, std::string_view text) {
        lines++;
        CHECK (level == ZGOSSIP_LOG_ERROR && text.find ("NONSENSE") != text.npos);
        throw std::runtime_error ("lost");
    }));
    CHECK (!node.send ({"NONSENSE"}) && node.count () == 0 && lines == 1);
    CHECK (node.set ("server/timeout", "100") && !node.set ("server/timeout", "soon"));
    gossip::node moved (std::move (node));
    CHECK (!moved.send ({"NONSENSE"}) && moved.count () == 0 && lines == 2);
    CHECK (moved.set_log (nullptr) && moved.set_events (true));
    CHECK (!moved.send ({"NONSENSE"}) && moved.count () == 0 && lines == 2);
    CHECK (!moved.load ("/nonexistent") && errno == ENOENT && !moved.save ("/nonexistent/file"));
}

int main ()
{
    constructors ();
    tuples ();
    network ();
    journal ();
    std::puts ("the end");
    return 0;
}
