/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Functions of each half of a program for the other.  */

#ifndef SHARED_H
#define SHARED_H

#ifdef __cplusplus
extern "C" {
#endif

void *other_context (void);
int other_interrupted (void);
void other_log (void);
zsock_t *other_socket (const char *endpoint);

#ifdef __cplusplus
}
#endif

#endif
