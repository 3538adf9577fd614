/*  This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Configuration from one place: the writer takes "name = value" (or "name =", which removes it) line by line, and
    each reader prints what has changed, whenever it was started.

        c++ -std=c++17 config.cc -o config $(pkg-config --cflags --libs libzgossip)

        ./config write tcp://127.0.0.1:5670
        ./config read tcp://127.0.0.1:5670              (in a second terminal, and a third)

    config.py does the same in Python, on the same network.  */

#include <zgossip/zgossip.h>
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

//  What the library makes ends with its scope
struct Destroy {
    void operator() (zgossip_t *node) const { zgossip_destroy (&node); }
    void operator() (zgossip_event_t *event) const { zgossip_event_destroy (&event); }
};
using Node = std::unique_ptr<zgossip_t, Destroy>;
using Event = std::unique_ptr<zgossip_event_t, Destroy>;

static void check (int rc)
{
    if (rc == -1)
        throw std::runtime_error (zgossip_strerror (errno));
}

static const std::string prefix = "config/";

static std::string trim (const std::string &text)
{
    const char *blanks = " \t\r";
    size_t first = text.find_first_not_of (blanks);
    return first == std::string::npos ? "" : text.substr (first, text.find_last_not_of (blanks) - first + 1);
}

static void write (zgossip_t *node)
{
    for (std::string line; std::getline (std::cin, line);) {
        size_t equals = line.find ('=');
        std::string key = prefix + trim (line.substr (0, equals));
        std::string value = equals == std::string::npos ? "" : trim (line.substr (equals + 1));
        if (key == prefix)
            continue;
        check (value.empty () ? zgossip_retract (node, key.c_str ())
                              : zgossip_publish (node, key.c_str (), value.c_str ()));
    }
    zgossip_flush (node, 5000);         //  Let the last lines arrive
}

static void read (zgossip_t *node)
{
    std::map<std::string, std::string> settings;
    while (Event event { zgossip_recv_event (node) }) {
        if (!event->key || prefix.compare (0, prefix.size (), event->key, 0, prefix.size ()))
            continue;
        std::string name = event->key + prefix.size ();
        std::string before = settings.count (name) ? settings [name] : "unset";
        if (event->kind == ZGOSSIP_EVENT_DELIVER)
            settings [name] = event->value;
        else
            settings.erase (name);
        std::string after = settings.count (name) ? settings [name] : "unset";
        if (after != before)
            std::cout << name << ": " << before << " -> " << after << std::endl;
    }
}

int main (int argc, char *argv [])
{
    std::string role = argc == 3 ? argv [1] : "";
    if (role != "write" && role != "read") {
        std::cerr << "config write|read ENDPOINT\n";
        return 2;
    }
    try {
        Node node { zgossip_new (role.c_str ()) };
        check (node ? zgossip_set_events (node.get (), true) : -1);
        if (role == "write") {
            check (zgossip_bind (node.get (), argv [2]));
            write (node.get ());
        }
        else {
            check (zgossip_connect (node.get (), argv [2], nullptr));
            read (node.get ());
        }
    }
    catch (const std::exception &error) {
        std::cerr << error.what () << std::endl;
        return 1;
    }
    return 0;
}
