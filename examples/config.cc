/*  This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Configuration from one place: the writer takes "name = value" (or "name =", which removes it) line by line, and
    each reader prints what has changed, whenever it was started.

        c++ -std=c++17 config.cc -o config $(pkg-config --cflags --libs libzgossip)

        ./config write tcp://127.0.0.1:5670
        ./config read tcp://127.0.0.1:5670              (in a second terminal, and a third)

    config.py does the same in Python, on the same network.  */

#include <zgossip/zgossip.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

static const std::string prefix = "config/";

static void check (bool succeeded)
{
    if (!succeeded)
        throw std::runtime_error (gossip::last_error ());
}

static std::string trim (const std::string &text)
{
    const char *blanks = " \t\r";
    size_t first = text.find_first_not_of (blanks);
    return first == std::string::npos ? "" : text.substr (first, text.find_last_not_of (blanks) - first + 1);
}

static void write (gossip::node &node)
{
    for (std::string line; std::getline (std::cin, line);) {
        size_t equals = line.find ('=');
        std::string name = trim (line.substr (0, equals));
        std::string value = equals == std::string::npos ? "" : trim (line.substr (equals + 1));
        if (name.empty ())
            continue;
        check (value.empty () ? node.retract (prefix + name) >= 0 : node.publish (prefix + name, value));
    }
    node.flush (std::chrono::seconds (5));      //  Let the last lines arrive
}

static void read (gossip::node &node)
{
    std::map<std::string, std::string> settings;
    while (auto event = node.recv ()) {
        if (event.key ().substr (0, prefix.size ()) != prefix)
            continue;
        std::string name (event.key ().substr (prefix.size ()));
        std::string before = settings.count (name) ? settings [name] : "unset";
        if (event.kind () == gossip::kind::deliver)
            settings [name] = event.value ();
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
        gossip::node node (role);
        check (node.set_events (true));         //  Tell us what is removed, too
        if (role == "write") {
            check (node.bind (argv [2]) >= 0);
            write (node);
        }
        else {
            check (node.connect (argv [2]));
            read (node);
        }
    }
    catch (const std::exception &error) {
        std::cerr << error.what () << std::endl;
        return 1;
    }
    return 0;
}
