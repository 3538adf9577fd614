/*  zgossip: nodes that publish key/value tuples, every one of which comes to hold all of them

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  The interface of zgossip.h for C++17: objects destroy what they own, tuples are read in a for loop, strings are
    std::string_view.

        gossip::node node ("name");
        node.connect ("tcp://hub:5670");
        node.publish ("service/mine", "tcp://here:9000", std::chrono::seconds (10));
        node.wait_count (3, std::chrono::seconds (5));
        for (auto [key, value] : node.tuples ())
            std::cout << key << '=' << value << '\n';
        node.flush (std::chrono::seconds (5));

    Meaning  Each member function calls the function of zgossip.h with the same name, where it is documented.
    Errors   Constructors that fail throw std::system_error. Other calls throw nothing but std::bad_alloc: a call that
             fails returns false, -1 or an empty object, with errno set, and gossip::last_error () gives the reason.
             Compiled without exceptions (-fno-exceptions), a constructor that fails sets errno and leaves a node like
             one that was moved from, whose get () returns NULL.
    Threads  Any number of threads may use a node at the same time; only one may move it, destroy it or set its log
             function, while no other uses it.

    The namespace is called gossip, because zgossip is the name of a function. */

#ifndef ZGOSSIP_LIBRARY_HPP_INCLUDED
#define ZGOSSIP_LIBRARY_HPP_INCLUDED

#if __cplusplus < 201703L
#   error "zgossip.hpp is for C++17 and later; zgossip.h is for all versions"
#endif

#include "zgossip.h"

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace gossip {

//  Without exceptions the types have another name, so that files compiled both ways do not link to each other
#ifndef __cpp_exceptions
inline namespace no_exceptions {
#endif

using std::chrono::milliseconds;

//  Time-out of a call that waits for ever
inline constexpr milliseconds forever {-1};

//  Reason of the last call that failed in this thread, as text
inline std::string last_error ()
{
    return zgossip_strerror (errno);
}

namespace detail {

    //  Throws the reason for which a node or a watcher is not there
    inline void check ([[maybe_unused]] const void *made)
    {
#ifdef __cpp_exceptions
        if (!made) {
            const int code = errno;
            throw std::system_error (code, std::generic_category (), zgossip_strerror (code));
        }
#endif
    }

    template <typename T, void (*destroy) (T **)>
    struct deleter
    {
        void operator() (T *object) const noexcept { destroy (&object); }
    };

    //  Data of a view, which is not NULL even if the view is empty: C takes NULL for an error
    inline const char *data (std::string_view view) noexcept
    {
        return view.data ()? view.data (): "";
    }

    inline int count (milliseconds time) noexcept
    {
        return time.count () < 0? -1: time.count () > INT_MAX? INT_MAX: static_cast <int> (time.count ());
    }

    inline std::string_view view (const char *text, std::size_t size) noexcept
    {
        return text? std::string_view (text, size): std::string_view ();
    }
}

//  A key and its value, valid as long as the gossip::tuples that they come from
struct tuple
{
    std::string_view key;
    std::string_view value;
};

//  All tuples of a node at one moment, in the byte order of their keys
class tuples
{
public:
    class iterator
    {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = tuple;
        using difference_type = std::ptrdiff_t;
        using pointer = const tuple *;
        using reference = tuple;

        iterator () noexcept = default;
        explicit iterator (const zgossip_tuple_t *place) noexcept : place_ (place) {}
        tuple operator* () const noexcept
        {
            return {{place_->key, place_->key_size}, {place_->value, place_->value_size}};
        }
        iterator &operator++ () noexcept { ++place_; return *this; }
        iterator operator++ (int) noexcept { iterator old = *this; ++place_; return old; }
        friend bool operator== (iterator one, iterator other) noexcept { return one.place_ == other.place_; }
        friend bool operator!= (iterator one, iterator other) noexcept { return one.place_ != other.place_; }

    private:
        const zgossip_tuple_t *place_ = nullptr;
    };
    using const_iterator = iterator;

    tuples () noexcept = default;
    tuples (tuples &&other) noexcept
        : first_ (std::move (other.first_)), count_ (std::exchange (other.count_, 0)) {}
    tuples &operator= (tuples &&other) noexcept
    {
        first_ = std::move (other.first_);
        count_ = std::exchange (other.count_, 0);
        return *this;
    }

    //  False if the call that should have returned them failed
    explicit operator bool () const noexcept { return first_ != nullptr; }
    std::size_t size () const noexcept { return count_; }
    bool empty () const noexcept { return count_ == 0; }
    iterator begin () const noexcept { return iterator (first_.get ()); }
    iterator end () const noexcept { return iterator (first_? first_.get () + count_: nullptr); }

private:
    friend class node;
    tuples (zgossip_tuple_t *first, std::size_t count) noexcept : first_ (first), count_ (first? count: 0) {}

    std::unique_ptr <zgossip_tuple_t, detail::deleter <zgossip_tuple_t, zgossip_tuples_destroy>> first_;
    std::size_t count_ = 0;
};

//  Kind of a peer: the protocol that it speaks, as far as is known
enum class peer_kind {
    undetermined = ZGOSSIP_PEER_UNDETERMINED,
    plain = ZGOSSIP_PEER_PLAIN,
    extended = ZGOSSIP_PEER_EXTENDED
};

//  A peer; its members are those of zgossip_peer_t
struct peer
{
    std::string endpoint;
    std::string name;
    gossip::peer_kind kind = peer_kind::undetermined;
    bool outgoing = false;
    bool connected = false;
    std::uint64_t id = 0;
    milliseconds state_time {0};
    milliseconds silence {0};
    std::optional <milliseconds> round_trip;
    std::optional <bool> equal;
    std::uint64_t unsent = 0;
    std::uint64_t unacknowledged = 0;
    std::uint64_t awaited = 0;
    std::uint64_t refused = 0;
    std::optional <std::uint64_t> refuses;
    std::optional <std::uint64_t> hides;
    std::uint64_t frames_in = 0;
    std::uint64_t frames_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
};

//  A member of the network; its members are those of zgossip_member_t
struct member
{
    std::uint64_t id = 0;
    bool own = false;
    std::string name;
    std::string endpoints;
    std::string version;
    milliseconds since {0};
    std::uint64_t tuples = 0;
};

//  Origin of a tuple; its members are those of zgossip_origin_t
struct origin
{
    std::optional <std::uint64_t> writer;
    bool own = false;
    std::string name;
    std::string endpoint;
    std::optional <std::chrono::system_clock::time_point> written;
    std::optional <milliseconds> ttl;
};

//  Kind of a message
enum class kind {
    none = 0,
    deliver = ZGOSSIP_EVENT_DELIVER,
    retract = ZGOSSIP_EVENT_RETRACT,
    expire = ZGOSSIP_EVENT_EXPIRE,
    join = ZGOSSIP_EVENT_JOIN,
    leave = ZGOSSIP_EVENT_LEAVE,
    error = ZGOSSIP_EVENT_ERROR,
    reply = ZGOSSIP_EVENT_REPLY,
    unreachable = ZGOSSIP_EVENT_UNREACHABLE,
    synced = ZGOSSIP_EVENT_SYNCED,
    member = ZGOSSIP_EVENT_MEMBER,
    gone = ZGOSSIP_EVENT_GONE
};

//  A received message; the views that it returns are valid as long as it is
class event
{
public:
    event () noexcept = default;

    //  False if no message was received
    explicit operator bool () const noexcept { return event_ != nullptr; }
    gossip::kind kind () const noexcept
    {
        return event_? static_cast <gossip::kind> (event_->kind): gossip::kind::none;
    }
    std::string_view key () const noexcept
    {
        return event_? detail::view (event_->key, event_->key_size): std::string_view ();
    }
    std::string_view value () const noexcept
    {
        return event_? detail::view (event_->value, event_->value_size): std::string_view ();
    }
    //  While server/events is 3, what changed, as in zgossip_event_t: the value before, nothing if there was none; the id
    //  and the name of the writer, as far as they are known; the version, empty otherwise
    std::optional <std::string_view> before () const noexcept
    {
        return event_ && event_->before? std::optional (detail::view (event_->before, event_->before_size)):
            std::nullopt;
    }
    std::optional <std::uint64_t> writer () const noexcept
    {
        return event_ && event_->writer? std::optional (event_->writer): std::nullopt;
    }
    std::string_view writer_name () const noexcept
    {
        return event_ && event_->writer_name? std::string_view (event_->writer_name): std::string_view ();
    }
    std::string_view version () const noexcept
    {
        return event_ && event_->version? std::string_view (event_->version): std::string_view ();
    }
    //  Number of frames; operator[] returns one of them, or an empty view if there is none with that index
    std::size_t size () const noexcept { return event_? event_->count: 0; }
    std::string_view operator[] (std::size_t index) const noexcept
    {
        return index < size ()? detail::view (event_->frames [index], event_->sizes [index]): std::string_view ();
    }

private:
    friend class node;
    friend class watcher;
    explicit event (zgossip_event_t *received) noexcept : event_ (received) {}

    std::unique_ptr <zgossip_event_t, detail::deleter <zgossip_event_t, zgossip_event_destroy>> event_;
};

//  A node. It can be moved but not copied; every call on a node that was moved from fails with EINVAL.
class node
{
public:
    //  Function that takes log lines: one of ZGOSSIP_LOG_*, and the line. Exceptions that it throws are dropped.
    using log_function = std::function <void (int level, std::string_view text)>;

    explicit node (const std::string &name = std::string ()) : log_ (), node_ (zgossip_new (name.c_str ()))
    {
        detail::check (get ());
    }

    //  Creates a node whose sockets live in a libzmq context of the program
    node (const std::string &name, void *context) : log_ (), node_ (zgossip_new_in (name.c_str (), context))
    {
        detail::check (get ());
    }

    node (node &&) noexcept = default;
    node &operator= (node &&other) noexcept
    {
        //  The node that is replaced ends before its log function is destroyed
        node_ = std::move (other.node_);
        log_ = std::move (other.log_);
        return *this;
    }

    //  The zgossip_t, for functions of zgossip.h that have no member function here; the node still owns it
    zgossip_t *get () const noexcept { return node_.get (); }
    void *context () const noexcept { return zgossip_context (get ()); }

    //  Accepts peers at an endpoint; returns the TCP port, 0 for other transports, or -1
    int bind (const std::string &endpoint) noexcept { return zgossip_bind (get (), endpoint.c_str ()); }
    //  The endpoint that was bound last, as peers in this machine reach it
    std::optional <std::string> endpoint () const
    {
        const std::unique_ptr <char, free_memory> found (zgossip_endpoint (get ()));
        return found? std::optional <std::string> (found.get ()): std::nullopt;
    }
    bool unbind (const std::string &endpoint) noexcept { return zgossip_unbind (get (), endpoint.c_str ()) == 0; }
    bool connect (const std::string &endpoint) noexcept
    {
        return zgossip_connect (get (), endpoint.c_str (), nullptr) == 0;
    }
    bool connect (const std::string &endpoint, const std::string &server_key) noexcept
    {
        return zgossip_connect (get (), endpoint.c_str (), server_key.c_str ()) == 0;
    }
    bool disconnect (const std::string &endpoint) noexcept
    {
        return zgossip_disconnect (get (), endpoint.c_str ()) == 0;
    }
    bool set_keys (const std::string &public_key, const std::string &secret_key) noexcept
    {
        return zgossip_set_keys (get (), public_key.c_str (), secret_key.c_str ()) == 0;
    }
    //  Sets what connect gives by PLAIN, without a server's key
    bool set_plain (const std::string &username, const std::string &password) noexcept
    {
        return zgossip_set_plain (get (), username.c_str (), password.c_str ()) == 0;
    }
    bool clear_plain () noexcept { return zgossip_set_plain (get (), nullptr, nullptr) == 0; }
    bool set_zap_domain (const std::string &domain) noexcept
    {
        return zgossip_set_zap_domain (get (), domain.c_str ()) == 0;
    }
    //  Sets what a peer may do with the keys that begin with `prefix`; an empty one stands for all keys
    bool set_rights (const std::string &subject, const std::string &prefix, const std::string &rights) noexcept
    {
        return zgossip_set_rights (get (), subject.c_str (), prefix.c_str (), rights.c_str ()) == 0;
    }
    bool clear_rights (const std::string &subject, const std::string &prefix) noexcept
    {
        return zgossip_set_rights (get (), subject.c_str (), prefix.c_str (), nullptr) == 0;
    }

    //  Publishes a tuple, for ever or with a time to live, which is rounded up to milliseconds
    bool publish (std::string_view key, std::string_view value) noexcept
    {
        return publish_sized (key, value, 0);
    }
    template <typename Rep, typename Period>
    bool publish (std::string_view key, std::string_view value, std::chrono::duration <Rep, Period> ttl) noexcept
    {
        const auto time = std::chrono::ceil <milliseconds> (ttl).count ();
        if (time <= 0 || time > INT64_C (0xFFFFFFFF)) {
            errno = EINVAL;
            return false;
        }
        return publish_sized (key, value, static_cast <std::uint32_t> (time));
    }
    //  Announces a tuple: it lives as long as this node, which others miss within ten seconds, or a time that is given
    bool announce (std::string_view key, std::string_view value) noexcept
    {
        return announce_sized (key, value, 0);
    }
    template <typename Rep, typename Period>
    bool announce (std::string_view key, std::string_view value, std::chrono::duration <Rep, Period> ttl) noexcept
    {
        const auto time = std::chrono::ceil <milliseconds> (ttl).count ();
        if (time <= 0 || time > INT64_C (0xFFFFFFFF)) {
            errno = EINVAL;
            return false;
        }
        return announce_sized (key, value, static_cast <std::uint32_t> (time));
    }
    //  Removes a tuple everywhere (retract) or here only (unpublish); returns 1 if this node held it, 0 if not, or -1
    int retract (std::string_view key) noexcept
    {
        return zgossip_retract_sized (get (), detail::data (key), key.size ());
    }
    int unpublish (std::string_view key) noexcept
    {
        return zgossip_unpublish_sized (get (), detail::data (key), key.size ());
    }
    std::optional <std::string> get (std::string_view key) const
    {
        std::size_t size = 0;
        const std::unique_ptr <char, free_memory> value (
            zgossip_get_sized (get (), detail::data (key), key.size (), &size));
        if (!value)
            return std::nullopt;
        return std::string (value.get (), size);
    }
    //  Publishes a tuple if this node holds this version of its key, or no value if the version is empty
    bool publish_if (const std::string &key, const std::string &value, const std::string &version) noexcept
    {
        return zgossip_publish_if (get (), key.c_str (), value.c_str (), version.c_str ()) == 0;
    }
    //  The value of a key, and its version
    std::optional <std::pair <std::string, std::string>> get_versioned (std::string_view key) const
    {
        std::size_t size = 0;
        char version [33];
        const std::unique_ptr <char, free_memory> value (
            zgossip_get_versioned (get (), detail::data (key), key.size (), &size, version));
        if (!value)
            return std::nullopt;
        return std::pair (std::string (value.get (), size), std::string (version));
    }
    //  Who wrote the tuple of a key, and when
    std::optional <gossip::origin> origin (std::string_view key) const
    {
        const std::unique_ptr <zgossip_origin_t, detail::deleter <zgossip_origin_t, zgossip_origin_destroy>> found (
            zgossip_origin_sized (get (), detail::data (key), key.size ()));
        if (!found)
            return std::nullopt;
        gossip::origin result;
        if (found->writer)
            result.writer = found->writer;
        result.own = found->own;
        result.name = found->name;
        result.endpoint = found->endpoint;
        if (found->written_ms >= 0)
            result.written = std::chrono::system_clock::time_point (milliseconds (found->written_ms));
        if (found->ttl_ms)
            result.ttl = milliseconds (found->ttl_ms);
        return result;
    }
    std::int64_t count () const noexcept { return zgossip_count (get ()); }
    gossip::tuples tuples () const noexcept
    {
        std::size_t count = 0;
        zgossip_tuple_t *first = zgossip_tuples (get (), &count);
        return {first, count};
    }
    std::optional <std::uint64_t> digest () const noexcept
    {
        std::uint64_t digest = 0;
        if (zgossip_digest (get (), &digest) != 0)
            return std::nullopt;
        return digest;
    }
    std::optional <zgossip_stats_t> stats () const noexcept
    {
        zgossip_stats_t stats;
        if (zgossip_stats (get (), &stats, sizeof (stats)) != 0)
            return std::nullopt;
        return stats;
    }

    //  The peers that the node is connected to, or tries to connect to
    std::optional <std::vector <peer>> peers () const
    {
        std::size_t count = 0;
        const std::unique_ptr <zgossip_peer_t *, detail::deleter <zgossip_peer_t *, zgossip_peers_destroy>> found (
            zgossip_peers (get (), &count));
        if (!found)
            return std::nullopt;
        std::vector <peer> all;
        all.reserve (count);
        for (zgossip_peer_t **one = found.get (); *one; ++one)
            all.push_back (copied (**one));
        return all;
    }

    //  The members of the network, wherever they are connected; who asks is one from then on
    std::optional <std::vector <member>> members () const
    {
        std::size_t count = 0;
        const std::unique_ptr <zgossip_member_t *, detail::deleter <zgossip_member_t *, zgossip_members_destroy>> found (
            zgossip_members (get (), &count));
        if (!found)
            return std::nullopt;
        std::vector <member> all;
        all.reserve (count);
        for (zgossip_member_t **one = found.get (); *one; ++one) {
            const zgossip_member_t &from = **one;
            all.push_back ({from.id, from.own, from.name, from.endpoints, from.version,
                            milliseconds (from.since), from.tuples});
        }
        return all;
    }

    //  The wait_ functions look once by default; with gossip::forever they wait for ever
    bool wait_count (std::size_t count, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_count (get (), count, detail::count (time)) == 0;
    }
    bool wait_key (const std::string &key, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_key (get (), key.c_str (), detail::count (time)) == 0;
    }
    //  Returns the number of peers that agree, or for flush of those that have everything; -1 if time ran out
    int wait_agreement (std::size_t peers, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_agreement (get (), peers, detail::count (time));
    }
    int flush (milliseconds time = forever) const noexcept
    {
        return zgossip_flush (get (), detail::count (time));
    }
    //  Waits until the file of server/store has what the node holds
    bool sync (milliseconds time = forever) const noexcept
    {
        return zgossip_sync (get (), detail::count (time)) == 0;
    }

    bool load (const std::string &file) noexcept { return zgossip_load (get (), file.c_str ()) == 0; }
    //  Loads a file with which nothing is wrong; returns 0, the number of things that could not be done, or -1. The
    //  problems are a line each.
    int load_strict (const std::string &file, std::string *problems = nullptr)
    {
        char *text = nullptr;
        const int count = zgossip_load_strict (get (), file.c_str (), &text);
        const std::unique_ptr <char, free_memory> found (text);
        if (problems)
            *problems = text? text: "";
        return count;
    }
    bool save (const std::string &file) const noexcept { return zgossip_save (get (), file.c_str ()) == 0; }
    //  Records in a file what the node receives; an empty name ends the recording
    bool record (const std::string &file) const noexcept
    {
        return zgossip_record (get (), file.empty ()? nullptr: file.c_str ()) == 0;
    }
    bool set (const std::string &path, const std::string &value) noexcept
    {
        return zgossip_set (get (), path.c_str (), value.c_str ()) == 0;
    }
    bool set_events (bool on) noexcept { return zgossip_set_events (get (), on) == 0; }
    //  Delivers only keys that begin with a prefix that is watched, those that are held at once, then kind::synced
    bool watch (const std::string &prefix) noexcept { return zgossip_watch (get (), prefix.c_str ()) == 0; }
    bool unwatch (const std::string &prefix) noexcept { return zgossip_unwatch (get (), prefix.c_str ()) == 0; }

    //  Sets the function that takes log lines, called in the node's thread; an empty one restores the default log
    bool set_log (log_function function)
    {
        auto next = std::make_unique <log_function> (std::move (function));
        const bool some = static_cast <bool> (*next);
        if (zgossip_set_log (get (), some? write_log: nullptr, next.get ()) != 0)
            return false;
        //  The function that was set before is no longer running
        log_ = std::move (next);
        return true;
    }

    //  Sends a command as frames
    bool send (std::initializer_list <std::string_view> frames)
    {
        std::vector <const void *> places;
        std::vector <std::size_t> sizes;
        for (const std::string_view frame : frames) {
            places.push_back (detail::data (frame));
            sizes.push_back (frame.size ());
        }
        return zgossip_send_sized (get (), places.data (), sizes.data (), places.size ()) == 0;
    }

    //  Receives the next message; an empty event if none came in time
    event recv () noexcept { return event (zgossip_recv_event (get ())); }
    bool set_send_timeout (milliseconds time) noexcept
    {
        return zgossip_set_sndtimeo (get (), detail::count (time)) == 0;
    }
    bool set_recv_timeout (milliseconds time) noexcept
    {
        return zgossip_set_rcvtimeo (get (), detail::count (time)) == 0;
    }
    //  A descriptor that is readable while a message waits
    int fd () const noexcept { return zgossip_fd (get ()); }

private:
    struct free_memory
    {
        void operator() (char *memory) const noexcept { zgossip_free (memory); }
    };

    bool publish_sized (std::string_view key, std::string_view value, std::uint32_t ttl) noexcept
    {
        return zgossip_publish_sized (
            get (), detail::data (key), key.size (), detail::data (value), value.size (), ttl) == 0;
    }

    bool announce_sized (std::string_view key, std::string_view value, std::uint32_t ttl) noexcept
    {
        return zgossip_announce_sized (
            get (), detail::data (key), key.size (), detail::data (value), value.size (), ttl) == 0;
    }

    static peer copied (const zgossip_peer_t &from)
    {
        peer to;
        to.endpoint = from.endpoint;
        to.name = from.name;
        to.kind = static_cast <peer_kind> (from.kind);
        to.outgoing = from.outgoing;
        to.connected = from.connected;
        to.id = from.id;
        to.state_time = milliseconds (from.state_ms);
        to.silence = milliseconds (from.silence_ms);
        if (from.round_trip_ms >= 0)
            to.round_trip = milliseconds (from.round_trip_ms);
        if (from.equal >= 0)
            to.equal = from.equal > 0;
        to.unsent = from.unsent;
        to.unacknowledged = from.unacknowledged;
        to.awaited = from.awaited;
        to.refused = from.refused;
        if (from.refuses >= 0)
            to.refuses = static_cast <std::uint64_t> (from.refuses);
        if (from.hides >= 0)
            to.hides = static_cast <std::uint64_t> (from.hides);
        to.frames_in = from.frames_in;
        to.frames_out = from.frames_out;
        to.bytes_in = from.bytes_in;
        to.bytes_out = from.bytes_out;
        return to;
    }

    static void write_log (void *arg, int level, const char *text) noexcept
    {
        const log_function &function = *static_cast <log_function *> (arg);
#ifdef __cpp_exceptions
        try {
            function (level, text);
        }
        catch (...) {
            //  An exception must not pass through the library
        }
#else
        function (level, text);
#endif
    }

    //  The node is the last member, so that it is destroyed before its log function
    std::unique_ptr <log_function> log_;
    std::unique_ptr <zgossip_t, detail::deleter <zgossip_t, zgossip_destroy>> node_;
};

//  Events about keys that begin with a prefix, apart from those of the node. A watcher and its node may end in any order.
class watcher
{
public:
    watcher (node &owner, const std::string &prefix) : watcher_ (zgossip_watcher_new (owner.get (), prefix.c_str ()))
    {
        detail::check (get ());
    }

    zgossip_watcher_t *get () const noexcept { return watcher_.get (); }
    //  Receives the next event; an empty event if none came in time
    event recv () noexcept { return event (zgossip_watcher_recv_event (get ())); }
    bool set_recv_timeout (milliseconds time) noexcept
    {
        return zgossip_watcher_set_rcvtimeo (get (), detail::count (time)) == 0;
    }
    //  A descriptor that is readable while an event waits
    int fd () const noexcept { return zgossip_watcher_fd (get ()); }

private:
    std::unique_ptr <zgossip_watcher_t, detail::deleter <zgossip_watcher_t, zgossip_watcher_destroy>> watcher_;
};

#ifndef __cpp_exceptions
}
#endif

}

#endif
