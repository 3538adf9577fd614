/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The self tests of the library, as a program may call them.  */

#include <zgossip/zgossip.h>
#include <unistd.h>

int main (int argc, char **argv)
{
    (void) argv;
    alarm (100);
    zgossip_msg_test (argc > 1);
    zgossip_test (argc > 1);
    return 0;
}
