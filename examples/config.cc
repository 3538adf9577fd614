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
#include <optional>
#include <string>
#include <system_error>
#include <vector>

//  A node that ends with its scope
class Node {
public:
    explicit Node (const std::string &name) : self (zgossip_new (name.c_str ()))
    {
        if (!self)
            throw std::system_error (errno, std::generic_category (), "zgossip_new");
    }
    ~Node () { zgossip_destroy (&self); }
    Node (const Node &) = delete;
    Node &operator= (const Node &) = delete;

    void send (const std::vector<std::string> &command)
    {
        std::vector<const char *> frames;
        for (const std::string &frame : command)
            frames.push_back (frame.c_str ());
        if (zgossip_send (self, frames.data (), frames.size ()) < 0)
            throw std::system_error (errno, std::generic_category (), command.front ());
    }

    std::optional<std::vector<std::string>> receive ()
    {
        size_t count = 0;
        char **frames = zgossip_recv (self, &count);
        if (!frames)
            return std::nullopt;
        std::vector<std::string> message (frames, frames + count);
        zgossip_frames_destroy (&frames);
        return message;
    }

private:
    zgossip_t *self;
};

static const std::string prefix = "config/";

static std::string trim (const std::string &text)
{
    const char *blanks = " \t\r";
    size_t first = text.find_first_not_of (blanks);
    return first == std::string::npos ? "" : text.substr (first, text.find_last_not_of (blanks) - first + 1);
}

static void write (Node &node)
{
    for (std::string line; std::getline (std::cin, line);) {
        size_t equals = line.find ('=');
        std::string name = trim (line.substr (0, equals));
        std::string value = equals == std::string::npos ? "" : trim (line.substr (equals + 1));
        if (name.empty ())
            continue;
        if (value.empty ())
            node.send ({ "RETRACT", prefix + name });
        else
            node.send ({ "PUBLISH", prefix + name, value });
    }
}

static void read (Node &node)
{
    std::map<std::string, std::string> settings;
    while (auto message = node.receive ()) {
        if (message->size () < 2 || (*message) [1].compare (0, prefix.size (), prefix))
            continue;
        std::string name = (*message) [1].substr (prefix.size ());
        std::string before = settings.count (name) ? settings [name] : "unset";
        if (message->front () == "DELIVER") {
            settings [name] = (*message) [2];
            std::cout << name << ": " << before << " -> " << settings [name] << std::endl;
        }
        else
        if (settings.erase (name))
            std::cout << name << ": " << before << " -> unset" << std::endl;
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
        Node node (role);
        node.send ({ "SET", "server/events", "1" });
        node.send ({ role == "write" ? "BIND" : "CONNECT", argv [2] });
        role == "write" ? write (node) : read (node);
    }
    catch (const std::exception &error) {
        std::cerr << error.what () << std::endl;
        return 1;
    }
    return 0;
}
