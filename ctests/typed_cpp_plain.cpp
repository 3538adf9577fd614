/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    zgossip.hpp in a program that is compiled without exceptions.  */

#include <zgossip/zgossip.hpp>
#include "check.h"

int main ()
{
    gossip::node none ("name", nullptr);
    CHECK (errno == EINVAL && !none.get ());
    CHECK (gossip::last_error ().find ("context is NULL") != std::string::npos);
    CHECK (none.count () == -1 && errno == EINVAL);

    gossip::node node ("name");
    int lines = 0;
    CHECK (node.get () && node.set_log ([&lines] (int, std::string_view) { lines++; }));
    CHECK (node.publish ("key", "value", std::chrono::minutes (1)) && node.get ("key") == "value");
    CHECK (!node.connect ("nowhere"));
    for (auto [key, value] : node.tuples ())
        CHECK (key == "key" && value == "value");
    CHECK (node.recv ().key () == "key");
    node = gossip::node ("other");
    CHECK (node.count () == 0);
    puts ("the end");
    return 0;
}
