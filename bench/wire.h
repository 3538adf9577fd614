/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Counts what goes out over all sockets of the process: zmq_msg_send and
    its like are defined here, in front of libzmq's. Only ZGP frames count;
    a pipe's commands do not begin with their two bytes.  */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

typedef struct {
    unsigned long frames;       //  ZGP messages
    unsigned long bytes;        //  in them, without ZMTP's and TCP's own
    unsigned long tuples;       //  in them, PUBLISHes and what batches hold
} wire_t;

wire_t wire_sent (void);

#endif
