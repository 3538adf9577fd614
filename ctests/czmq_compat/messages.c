/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Frames, messages, strings and pictures.  */

#include "compat.h"

static zsock_t *near, *far;

static void frames (void)
{
    zframe_t *frame = zframe_new ("abc", 3);
    zframe_t *other;
    char big [200];
    SHOWN (zframe_size (frame));
    SHOWN (zframe_more (frame));
    SHOWN (zframe_streq (frame, "abc") && !zframe_streq (frame, "ab") && !zframe_streq (frame, "abcd"));
    SHOWF (zframe_strdup (frame));
    SHOWF (zframe_strhex (frame));
    SHOWN (zframe_is (frame));
    zframe_fprint (frame, "frame ", stdout);
    zframe_fprint (frame, NULL, stdout);
    SHOWN (zframe_send (&frame, near, ZFRAME_REUSE + ZFRAME_MORE));
    SHOWN (frame != NULL);
    SHOWN (zframe_send (&frame, near, ZFRAME_DONTWAIT));
    SHOWN (frame == NULL);
    SHOWN (zframe_send (&frame, near, 0));
    frame = zframe_recv (far);
    SHOWN (zframe_more (frame));
    SHOWN (zsock_rcvmore (far));
    other = zframe_recv (far);
    SHOWN (zframe_more (other));
    SHOWN (zframe_eq (frame, other));
    SHOWN (zframe_eq (frame, NULL));
    zframe_reset (other, "other", 5);
    SHOWN (zframe_eq (frame, other));
    zframe_destroy (&other);
    zframe_destroy (&other);
    other = zframe_dup (frame);
    SHOWN (zframe_eq (frame, other));
    zframe_destroy (&other);
    zframe_destroy (&frame);
    SHOWN (zframe_dup (NULL) == NULL);
    frame = zframe_new_empty ();
    SHOWN (zframe_size (frame));
    SHOWF (zframe_strdup (frame));
    zframe_fprint (frame, "empty ", stdout);
    zframe_destroy (&frame);
    memset (big, 'x', sizeof (big));
    frame = zframe_new (big, 199);
    zframe_fprint (frame, "text ", stdout);
    memset (zframe_data (frame), 1, 100);
    zframe_fprint (frame, "bytes ", stdout);
    zframe_destroy (&frame);
    frame = zframe_from ("\xc3\xa9");
    zframe_fprint (frame, "utf-8 ", stdout);
    zframe_destroy (&frame);
    SHOWN (zframe_recv_nowait (far) == NULL);
    SHOWN (zframe_recv (far) == NULL && errno == EAGAIN);
}

static void messages (void)
{
    zmsg_t *msg = zmsg_new ();
    zmsg_t *other;
    zframe_t *frame;
    char *big;
    SHOWN (zmsg_is (msg));
    SHOWN (zmsg_size (msg));
    SHOWN (zmsg_pop (msg) == NULL && zmsg_popstr (msg) == NULL && zmsg_first (msg) == NULL);
    SHOWN (zmsg_addstr (msg, "c"));
    zmsg_pushstr (msg, "b");
    zmsg_addstrf (msg, "%s-%d", "d", 4);
    zmsg_pushstrf (msg, "%s-%d", "a", 1);
    zmsg_addmem (msg, "\1\2\3", 3);
    zmsg_pushmem (msg, NULL, 0);
    zmsg_fprint (msg, stdout);
    SHOWN (zmsg_size (msg));
    SHOWN (zmsg_content_size (msg));
    frame = zmsg_last (msg);
    zframe_fprint (frame, "last ", stdout);
    SHOWN (zmsg_next (msg) == NULL);
    SHOWN (zmsg_next (msg) == zmsg_first (msg));
    frame = zmsg_next (msg);
    zframe_fprint (frame, "second ", stdout);
    zmsg_remove (msg, frame);
    zframe_destroy (&frame);
    zmsg_fprint (msg, stdout);
    SHOWN (zmsg_content_size (msg));
    other = zmsg_dup (msg);
    SHOWN (zmsg_eq (msg, other));
    zmsg_addstr (other, "more");
    SHOWN (zmsg_eq (msg, other));
    SHOWN (zmsg_eq (msg, NULL));
    SHOWN (zmsg_dup (NULL) == NULL);
    SHOWN (zmsg_addmsg (msg, &other));
    SHOWN (other == NULL);
    zmsg_fprint (msg, stdout);
    frame = zframe_from ("frame");
    SHOWN (zmsg_append (msg, &frame));
    SHOWN (frame == NULL);
    frame = zframe_from ("first");
    zmsg_prepend (msg, &frame);
    zmsg_wrap (msg, zframe_from ("id"));
    zmsg_fprint (msg, stdout);
    frame = zmsg_unwrap (msg);
    zframe_fprint (frame, "unwrapped ", stdout);
    zframe_destroy (&frame);
    SHOWF (zmsg_popstr (msg));
    frame = zmsg_encode (msg);
    zframe_fprint (frame, "encoded ", stdout);
    other = zmsg_decode (frame);
    SHOWN (zmsg_eq (msg, other));
    zframe_destroy (&frame);
    zmsg_destroy (&other);
    zmsg_destroy (&other);
    big = (char *) zmalloc (100001);
    memset (big, 'x', 100000);
    zmsg_addstr (msg, big);
    frame = zmsg_encode (msg);
    other = zmsg_decode (frame);
    SHOWN (zmsg_eq (msg, other));
    zframe_destroy (&frame);
    zmsg_destroy (&other);

    SHOWN (zmsg_sendm (&msg, near));
    SHOWN (msg == NULL);
    SHOWN (zmsg_send (&msg, near));
    msg = zmsg_new ();
    zmsg_addstr (msg, "the end");
    SHOWN (zmsg_send (&msg, near));
    msg = zmsg_recv (far);
    zmsg_fprint (msg, stdout);
    SHOWN (zmsg_signal (msg));
    zmsg_destroy (&msg);
    SHOWN (zmsg_recv_nowait (far) == NULL);
    SHOWN (zmsg_recv (far) == NULL);
    msg = zmsg_new_signal (7);
    SHOWN (zmsg_signal (msg));
    zmsg_send (&msg, near);
    SHOWN (zsock_wait (far));
    free (big);
}

static void strings (void)
{
    char *one = NULL, *two = NULL, *three = NULL;
    SHOWN (zstr_send (near, "single"));
    SHOWF (zstr_recv (far));
    SHOWN (zstr_send (near, ""));
    SHOWF (zstr_recv (far));
    SHOWN (zstr_sendf (near, "%d%%", 5));
    SHOWF (zstr_recv (far));
    SHOWN (zstr_sendm (near, "first"));
    SHOWN (zstr_sendfm (near, "%s", "second"));
    SHOWN (zstr_send (near, "third"));
    SHOWN (zstr_recvx (far, &one, &two, &three, NULL));
    SHOWF (one);
    SHOWF (two);
    SHOWF (three);
    SHOWN (zstr_sendx (near, "a", "b", "c", NULL));
    SHOWN (zstr_recvx (far, &one, &two, NULL));
    SHOWF (one);
    SHOWF (two);
    SHOWN (zstr_sendx (near, "alone", NULL));
    SHOWN (zstr_recvx (far, &one, &two, NULL));
    SHOWF (one);
    SHOWF (two);
    one = two = NULL;
    SHOWN (zstr_recvx (far, &one, NULL));
    SHOWN (zstr_recv_nowait (far) == NULL);
    SHOWN (zstr_recv (far) == NULL);
    zsock_signal (near, 3);
    SHOWN (zstr_recvx (far, &one, NULL));
    zstr_sendx (near, "x", "y", "z", NULL);
    SHOWF (zstr_recv (far));
    zsock_flush (far);
    zsock_flush (far);
    zstr_sendx (near, "dropped", "too", NULL);
    zsock_signal (near, 9);
    SHOWN (zsock_wait (far));
    SHOWN (zsock_wait (far));
    zstr_free (&one);
    zstr_free (&one);
    //  Sockets of plain libzmq are accepted, too
    zstr_send (zsock_resolve (near), "plain");
    SHOWF (zstr_recv (zsock_resolve (far)));
}

static void pictures (void)
{
    int number = 99;
    uint8_t n1 = 0;
    uint16_t n2 = 0;
    uint32_t n4 = 0;
    uint64_t n8 = 0;
    char *string = NULL, *other = NULL;
    byte *data = NULL;
    size_t size = 0;
    void *pointer = NULL;
    zframe_t *frame = zframe_from ("frame"), *got_frame = NULL;
    zmsg_t *msg = zmsg_new (), *got_msg = NULL;
    zchunk_t *chunk = zchunk_new ("chunk", 5), *got_chunk = NULL;
    zuuid_t *uuid = zuuid_new (), *got_uuid = NULL;
    zhashx_t *hash = zhashx_new (), *got_hash = NULL;
    zhashx_insert (hash, "key", (void *) "value");
    zmsg_addstr (msg, "m1");
    zmsg_addstr (msg, "m2");

    SHOWN (zsock_send (near, "i1248sbfcUhpzm", -7, 200, 60000, (uint32_t) 4000000000u, (uint64_t) 1 << 40, "text",
                       "bytes", (size_t) 5, frame, chunk, uuid, hash, near, msg));
    SHOWN (zsock_recv (far, "i1248sbfcUhpzm", &number, &n1, &n2, &n4, &n8, &string, &data, &size, &got_frame,
                       &got_chunk, &got_uuid, &got_hash, &pointer, &got_msg));
    printf ("%d %u %u %u %llu %s %.*s\n", number, n1, n2, n4, (unsigned long long) n8, string, (int) size,
            (char *) data);
    zframe_fprint (got_frame, "frame ", stdout);
    SHOWN (zchunk_streq (got_chunk, "chunk"));
    SHOWN (zuuid_eq (uuid, zuuid_data (got_uuid)));
    SHOW ((char *) zhashx_lookup (got_hash, "key"));
    SHOWN (pointer == near);
    zmsg_fprint (got_msg, stdout);
    zmsg_destroy (&got_msg);
    zstr_free (&string);
    free (data);
    zframe_destroy (&got_frame);
    zchunk_destroy (&got_chunk);
    zuuid_destroy (&got_uuid);
    zhashx_destroy (&got_hash);

    SHOWN (zsock_send (near, "sms", "pre", msg, "post"));
    got_msg = zmsg_recv (far);
    zmsg_fprint (got_msg, stdout);
    zmsg_destroy (&got_msg);
    SHOWN (zsock_send (near, "i", 5));
    SHOWN (zsock_recv (far, "isbfm", &number, &string, &data, &size, &got_frame, &got_msg));
    SHOWN (number);
    SHOWN (string == NULL && data == NULL && size == 0 && got_frame == NULL && zmsg_size (got_msg) == 0);
    zmsg_destroy (&got_msg);
    SHOWN (zsock_send (near, "sss", "one", "two", "three"));
    SHOWN (zsock_recv (far, "s", &string));
    SHOWF (string);
    SHOWN (zsock_send (near, "ss", "skipped", "kept"));
    SHOWN (zsock_recv (far, "ss", NULL, &other));
    SHOWF (other);
    SHOWN (zsock_send (near, "s", "no number"));
    SHOWN (zsock_recv (far, "i", &number));
    SHOWN (number);
    zsock_signal (near, 1);
    SHOWN (zsock_recv (far, "s", &string));
    number = 99;
    SHOWN (zsock_recv (far, "i", &number));
    SHOWN (number);
    zframe_destroy (&frame);
    zmsg_destroy (&msg);
    zchunk_destroy (&chunk);
    zuuid_destroy (&uuid);
    zhashx_destroy (&hash);
}

int main (int argc, char **argv)
{
    compat_start (argc, argv);
    near = zsock_new_pair ("@inproc://messages");
    far = zsock_new_pair (">inproc://messages");
    zsock_set_rcvtimeo (far, 20);
    frames ();
    messages ();
    strings ();
    pictures ();
    zsock_destroy (&near);
    zsock_destroy (&far);
    return 0;
}
