/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The second file of the program typed_cpp.  */

#include <zgossip/zgossip.hpp>

std::size_t other_unit (const gossip::node &node);

std::size_t other_unit (const gossip::node &node)
{
    return node.tuples ().size ();
}
