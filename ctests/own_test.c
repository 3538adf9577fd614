/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Runs zgossip_test of libczmq itself, and prints which library the node
    under test and the test come from.  */

#define _GNU_SOURCE
#include <czmq.h>
#include <dlfcn.h>

static const char *origin (void *symbol)
{
    Dl_info info;
    if (!symbol || !dladdr (symbol, &info))
        return "nowhere";
    const char *slash = strrchr (info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

typedef void (test_fn) (bool verbose);

int main (int argc, char **argv)
{
    (void) argv;
    alarm (100);
    void *czmq = dlopen ("libczmq.so.4", RTLD_NOW | RTLD_NOLOAD);
    assert (czmq);
    //  A search in a handle begins at that library, whatever was preloaded
    void *test = dlsym (czmq, "zgossip_test");
    assert (test);
    fprintf (stderr, "test: %s\n", origin (test));
    fprintf (stderr, "node: %s\n", origin (dlsym (RTLD_DEFAULT, "zgossip")));
    //  This use of zgossip, as in any program, makes the linker take the library
    zactor_t *actor = zactor_new (zgossip, "one");
    zactor_destroy (&actor);
    test_fn *run = (test_fn *) test;
    run (argc > 1);
    return 0;
}
