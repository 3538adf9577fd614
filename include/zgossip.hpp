/*  zgossip - decentralised configuration: nodes that publish key/value tuples and all come to hold all of them

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

/*  The C++17 face of zgossip.h: what is created is also destroyed, tuples are walked with a for loop, strings are
    std::string_view.

        gossip::node node ("name");
        node.connect ("tcp://hub:5670");
        node.publish ("service/mine", "tcp://here:9000", std::chrono::seconds (10));
        node.wait_count (3, std::chrono::seconds (5));
        for (auto [key, value] : node.tuples ())
            std::cout << key << '=' << value << '\n';
        node.flush (std::chrono::seconds (5));

    Constructors that fail throw std::system_error. Nothing else throws, except for want of memory: a call that fails
    returns false, -1 or nothing, with errno set, and gossip::last_error () says why. What each call means, and when it
    fails, zgossip.h says. A node may be used by any number of threads at once; moving it, destroying it, and setting
    its log function are for one. (The namespace is not called zgossip, for that is the name of a function.) */

#ifndef ZGOSSIP_LIBRARY_HPP_INCLUDED
#define ZGOSSIP_LIBRARY_HPP_INCLUDED

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

using std::chrono::milliseconds;

//  As long as it takes
inline constexpr milliseconds forever {-1};

//  Why this thread's last call that failed did so
inline std::string last_error ()
{
    return zgossip_strerror (errno);
}

namespace detail {

    [[noreturn]] inline void fail ()
    {
        const int code = errno;
        throw std::system_error (code, std::generic_category (), zgossip_strerror (code));
    }

    template <typename T, void (*destroy) (T **)>
    struct deleter
    {
        void operator() (T *object) const noexcept { destroy (&object); }
    };

    //  An empty view may point nowhere, which C would take for an error
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

//  A key and its value; they belong to the gossip::tuples that they are in
struct tuple
{
    std::string_view key;
    std::string_view value;
};

//  All tuples of a node at one moment, in the order of their keys
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

    //  False if they could not be had
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

//  What a message says
enum class kind {
    none = 0,
    deliver = ZGOSSIP_EVENT_DELIVER,
    retract = ZGOSSIP_EVENT_RETRACT,
    expire = ZGOSSIP_EVENT_EXPIRE,
    join = ZGOSSIP_EVENT_JOIN,
    leave = ZGOSSIP_EVENT_LEAVE,
    error = ZGOSSIP_EVENT_ERROR,
    reply = ZGOSSIP_EVENT_REPLY,
    unreachable = ZGOSSIP_EVENT_UNREACHABLE
};

//  A message that was received; what it returns belongs to it
class event
{
public:
    event () noexcept = default;

    //  False if none came
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
    //  How many frames there are, and each of them; empty where there is none
    std::size_t size () const noexcept { return event_? event_->count: 0; }
    std::string_view operator[] (std::size_t index) const noexcept
    {
        return index < size ()? detail::view (event_->frames [index], event_->sizes [index]): std::string_view ();
    }

private:
    friend class node;
    explicit event (zgossip_event_t *event) noexcept : event_ (event) {}

    std::unique_ptr <zgossip_event_t, detail::deleter <zgossip_event_t, zgossip_event_destroy>> event_;
};

//  A node. It can be moved, not copied; a node that was moved from is none: its calls fail with EINVAL.
class node
{
public:
    //  What takes log lines: one of ZGOSSIP_LOG_*, and the line. What it throws is lost.
    using log_function = std::function <void (int level, std::string_view text)>;

    explicit node (const std::string &name = std::string ()) : node_ (zgossip_new (name.c_str ()))
    {
        if (!node_)
            detail::fail ();
    }

    //  In a libzmq context of the program's own
    node (const std::string &name, void *context) : node_ (zgossip_new_in (name.c_str (), context))
    {
        if (!node_)
            detail::fail ();
    }

    node (node &&) noexcept = default;
    node &operator= (node &&other) noexcept
    {
        //  The old node ends before its log function does
        node_ = std::move (other.node_);
        log_ = std::move (other.log_);
        return *this;
    }

    //  For what is not here; the node stays its owner
    zgossip_t *get () const noexcept { return node_.get (); }
    void *context () const noexcept { return zgossip_context (get ()); }

    //  Returns the TCP port, 0 for other transports, or -1
    int bind (const std::string &endpoint) noexcept { return zgossip_bind (get (), endpoint.c_str ()); }
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
    bool set_zap_domain (const std::string &domain) noexcept
    {
        return zgossip_set_zap_domain (get (), domain.c_str ()) == 0;
    }

    //  For ever, or for so long unless published again; a time of less than a millisecond is one
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
    //  1 if it was held, 0 if not, -1 if the call failed
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

    //  Without a time they look once; gossip::forever waits as long as it takes
    bool wait_count (std::size_t count, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_count (get (), count, detail::count (time)) == 0;
    }
    bool wait_key (const std::string &key, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_key (get (), key.c_str (), detail::count (time)) == 0;
    }
    //  How many peers agree, or have everything; -1 if that was not so in time
    int wait_agreement (std::size_t peers, milliseconds time = {}) const noexcept
    {
        return zgossip_wait_agreement (get (), peers, detail::count (time));
    }
    int flush (milliseconds time = forever) const noexcept
    {
        return zgossip_flush (get (), detail::count (time));
    }

    bool load (const std::string &file) noexcept { return zgossip_load (get (), file.c_str ()) == 0; }
    bool save (const std::string &file) const noexcept { return zgossip_save (get (), file.c_str ()) == 0; }
    //  An empty name ends the record.
    bool record (const std::string &file) const noexcept
    {
        return zgossip_record (get (), file.empty () ? NULL : file.c_str ()) == 0;
    }
    bool set (const std::string &path, const std::string &value) noexcept
    {
        return zgossip_set (get (), path.c_str (), value.c_str ()) == 0;
    }
    bool set_events (bool on) noexcept { return zgossip_set_events (get (), on) == 0; }

    //  Log lines go to this function, in the node's thread, from now on; an empty one: to stderr again
    bool set_log (log_function function)
    {
        auto next = std::make_unique <log_function> (std::move (function));
        const bool some = static_cast <bool> (*next);
        if (zgossip_set_log (get (), some? journal: nullptr, next.get ()) != 0)
            return false;
        //  The one before is not running any more
        log_ = std::move (next);
        return true;
    }

    //  Commands as frames, for what there is no call for
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

    //  The next message; none if there was none in time
    event recv () noexcept { return event (zgossip_recv_event (get ())); }
    bool set_send_timeout (milliseconds time) noexcept
    {
        return zgossip_set_sndtimeo (get (), detail::count (time)) == 0;
    }
    bool set_recv_timeout (milliseconds time) noexcept
    {
        return zgossip_set_rcvtimeo (get (), detail::count (time)) == 0;
    }
    //  Readable while a message waits
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

    static void journal (void *arg, int level, const char *text) noexcept
    {
        try {
            (*static_cast <log_function *> (arg)) (level, text);
        }
        catch (...) {
            //  An exception cannot go on through the library
        }
    }

    //  The node is destroyed first, being the last member
    std::unique_ptr <log_function> log_;
    std::unique_ptr <zgossip_t, detail::deleter <zgossip_t, zgossip_destroy>> node_;
};

}

#endif
