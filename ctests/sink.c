/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A ROUTER that receives, counts and does nothing else: what receiving
    alone costs. Prints its endpoint, and for each line on stdin how many
    messages have come.  */

#include <assert.h>
#include <zmq.h>
#include "lines.h"

int main (void)
{
    //  This process ends even if the test is killed
    alarm (240);
    lines_start ();
    void *context = zmq_ctx_new ();
    void *router = zmq_socket (context, ZMQ_ROUTER);
    int rc = zmq_bind (router, "tcp://127.0.0.1:*");
    assert (rc == 0);
    char endpoint [256];
    size_t size = sizeof endpoint;
    rc = zmq_getsockopt (router, ZMQ_LAST_ENDPOINT, endpoint, &size);
    assert (rc == 0);
    fprintf (lines_out, "%s\n", endpoint);
    fflush (lines_out);

    lines_t input = { 0 };
    long count = 0;
    while (!input.ended) {
        zmq_pollitem_t items [2] = { { NULL, 0, ZMQ_POLLIN, 0 }, { router, 0, ZMQ_POLLIN, 0 } };
        if (zmq_poll (items, 2, -1) < 0)
            break;
        for (int turn = 0; turn < 1000; turn++) {
            char bytes [1024];
            if (zmq_recv (router, bytes, sizeof bytes, ZMQ_DONTWAIT) < 0)
                break;
            int more = 0;
            size = sizeof more;
            zmq_getsockopt (router, ZMQ_RCVMORE, &more, &size);
            count += !more;
        }
        if (items [0].revents) {
            lines_fill (&input);
            while (lines_next (&input))
                fprintf (lines_out, "%ld\n", count);
            fflush (lines_out);
        }
    }
    zmq_close (router);
    zmq_ctx_term (context);
    fclose (lines_out);
    free (input.text);
    return 0;
}
