/*  This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Walks through every command and reply of a gossip node and prints what
    comes back. What it prints depends on nothing but the library: no port,
    no time, no order that two threads decide. Run with CZMQ's zgossip and
    with ours, the output must be the same.

    Takes a directory for its files and ipc sockets.  */

#include <czmq.h>
#include <sys/stat.h>

static const char *directory;
static FILE *out;

static void title (const char *text)
{
    fprintf (out, "-- %s\n", text);
    fflush (out);
}

static zactor_t *node_new (const char *prefix)
{
    zactor_t *node = zactor_new (zgossip, (void *) prefix);
    assert (node);
    //  A reply that does not come in time is printed as missing
    zsock_set_rcvtimeo (zactor_sock (node), 10000);
    return node;
}

/*  Prints a piece, or its length if it is long.  */
static void piece (const char *text)
{
    size_t length = strlen (text);
    if (length > 100) {
        fprintf (out, " [%zu:%c%c%c]", length, text [0], text [1], text [length - 1]);
        return;
    }
    putc (' ', out);
    for (const unsigned char *byte = (const unsigned char *) text; *byte; byte++)
        if (*byte >= ' ' && *byte < 0x7f)
            putc (*byte, out);
        else
            fprintf (out, "\\x%02x", *byte);
    fprintf (out, "|");
}

/*  Prints the next message of a node.  */
static void say (const char *name, zactor_t *node)
{
    fprintf (out, "%s:", name);
    zmsg_t *msg = zactor_recv (node);
    if (!msg)
        fprintf (out, " (nothing)");
    else {
        char *text;
        while ((text = zmsg_popstr (msg)) != NULL) {
            piece (text);
            zstr_free (&text);
        }
        zmsg_destroy (&msg);
    }
    putc ('\n', out);
    fflush (out);
}

static void say_status (const char *name, zactor_t *node)
{
    zstr_sendx (node, "STATUS", NULL);
    say (name, node);
}

/*  Returns the port that a reply tells, and prints its sign only: the port differs from run to run.  */
static int port_of (zactor_t *node)
{
    char *command = NULL, *number = NULL;
    zstr_sendx (node, "PORT", NULL);
    zstr_recvx (node, &command, &number, NULL);
    int port = number ? atoi (number) : -99;
    fprintf (out, "%s %s\n", command ? command : "(nothing)",
            port > 0 ? "bound" : port == 0 ? "0" : "-1");
    fflush (out);
    zstr_free (&command);
    zstr_free (&number);
    return port;
}

static char *in_directory (const char *format, const char *name)
{
    char *path = zsys_sprintf (format, directory, name);
    assert (path);
    return path;
}

/*  Prints a configuration file without comments and blank lines, and without
    the empty values that CZMQ gives to sections.  */
static void show (const char *path)
{
    char line [256];
    FILE *file = fopen (path, "r");
    if (!file)
        fprintf (out, "no file\n");
    while (file && fgets (line, sizeof line, file)) {
        line [strcspn (line, "\r\n")] = 0;
        size_t skip = strspn (line, " ");
        size_t length = strlen (line);
        if (length > 5 && streq (line + length - 5, " = \"\""))
            line [length - 5] = 0;
        if (line [skip] && line [skip] != '#')
            fprintf (out, "| %s\n", line);
    }
    if (file)
        fclose (file);
}

static void write_file (const char *path, const char *text)
{
    FILE *file = fopen (path, "w");
    assert (file);
    fputs (text, file);
    fclose (file);
}

//  Two nodes exchange tuples over one endpoint
static void exchange (const char *name, const char *bind_to)
{
    title (name);
    zactor_t *hub = node_new ("hub");
    zactor_t *leaf = node_new ("leaf");
    zstr_sendx (hub, "BIND", bind_to, NULL);
    int port = port_of (hub);
    char endpoint [256];
    if (port > 0)
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
    else
        snprintf (endpoint, sizeof endpoint, "%s", bind_to);

    zstr_sendx (hub, "PUBLISH", "hub-1", "before the leaf came", NULL);
    say ("hub", hub);
    zstr_sendx (leaf, "CONNECT", endpoint, NULL);
    say ("leaf", leaf);
    zstr_sendx (leaf, "PUBLISH", "leaf-1", "to the hub", NULL);
    say ("leaf", leaf);
    say ("hub", hub);
    zstr_sendx (hub, "PUBLISH", "hub-2", "to the leaf", NULL);
    say ("hub", hub);
    say ("leaf", leaf);
    //  Connecting to an endpoint again changes nothing
    zstr_sendx (leaf, "CONNECT", endpoint, NULL);
    say_status ("leaf", leaf);
    say_status ("hub", hub);
    zactor_destroy (&leaf);
    zactor_destroy (&hub);
}

static void one_node (void)
{
    title ("a node by itself");
    zactor_t *node = node_new (NULL);
    port_of (node);
    say_status ("node", node);

    zstr_sendx (node, "BIND", "tcp://127.0.0.1:*", NULL);
    port_of (node);
    zstr_sendx (node, "BIND", "tcp://127.0.0.1:*", NULL);
    port_of (node);
    zstr_sendx (node, "BIND", "nonsense://here", NULL);
    port_of (node);
    zstr_sendx (node, "BIND", "tcp://127.0.0.1:*", NULL);
    port_of (node);

    title ("its own tuples come back");
    zstr_sendx (node, "PUBLISH", "key", "value", NULL);
    say ("node", node);
    zstr_sendx (node, "PUBLISH", "key", "value", NULL);
    zstr_sendx (node, "PUBLISH", "key", "another", NULL);
    say ("node", node);
    zstr_sendx (node, "PUBLISH", "empty", "", NULL);
    say ("node", node);
    zstr_sendx (node, "PUBLISH", "with spaces", "a \"quoted\"\nline\t%d %s", NULL);
    say ("node", node);
    zstr_sendx (node, "PUBLISH", "latin-\xe9", "utf-8 \xc3\xa9, neither \xff\xfe", NULL);
    say ("node", node);
    char key [256], *value = zmalloc (100001);
    memset (key, 'k', 255);
    key [255] = 0;
    memset (value, 'v', 100000);
    zstr_sendx (node, "PUBLISH", key, value, NULL);
    say ("node", node);
    free (value);
    say_status ("node", node);

    title ("many at once, then STATUS after all of them");
    for (int i = 0; i < 20; i++) {
        char many [16];
        snprintf (many, sizeof many, "many-%02d", i);
        zstr_sendx (node, "PUBLISH", many, "x", NULL);
    }
    zstr_sendx (node, "STATUS", NULL);
    for (int i = 0; i < 21; i++)
        say ("node", node);

    title ("a message sent as zmsg");
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, "PUBLISH");
    zmsg_addstr (msg, "by zmsg");
    zmsg_addstr (msg, "value");
    zactor_send (node, &msg);
    say ("node", node);

    title ("words it does not know get no answer");
    zstr_sendx (node, "NONSENSE", "with", "arguments", NULL);
    zstr_sendx (node, "publish", "key", "lower case", NULL);
    zstr_sendx (node, "", NULL);
    say_status ("node", node);

    title ("VERBOSE changes nothing that is received");
    zstr_sendx (node, "VERBOSE", NULL);
    zstr_sendx (node, "PUBLISH", "loud", "1", NULL);
    say ("node", node);
    say_status ("node", node);
    zactor_destroy (&node);
}

static void configuration (void)
{
    title ("configuration: SET, SAVE");
    char *saved = in_directory ("%s/%s", "saved.cfg");
    char *again = in_directory ("%s/%s", "again.cfg");
    char *written = in_directory ("%s/%s", "written.cfg");
    char *missing = in_directory ("%s/%s", "missing.cfg");
    char *nowhere = in_directory ("%s/%s", "no/such/directory.cfg");

    zactor_t *node = node_new ("configured");
    zstr_sendx (node, "SET", "server/timeout", "2500", NULL);
    zstr_sendx (node, "SET", "server/background", "0", NULL);
    zstr_sendx (node, "SET", "some/other/path", "with spaces", NULL);
    zstr_sendx (node, "SET", "some/other", "a value and children", NULL);
    zstr_sendx (node, "SET", "server/timeout", "3500", NULL);
    zstr_sendx (node, "SAVE", saved, NULL);
    say_status ("node", node);
    show (saved);

    title ("configuration: LOAD replaces, SAVE writes back");
    write_file (written,
                "#   A comment\n"
                "server\n"
                "    timeout = 4000     #   Another\n"
                "    verbose = 0\n"
                "zgossip\n"
                "    echo = \"I am here\"\n"
                "    bind\n"
                "        endpoint = tcp://127.0.0.1:*\n"
                "custom = 'single quotes'\n");
    zstr_sendx (node, "LOAD", written, NULL);
    zstr_sendx (node, "SAVE", again, NULL);
    say_status ("node", node);
    show (again);

    title ("configuration: what was saved can be loaded");
    zstr_sendx (node, "CONFIGURE", saved, NULL);
    zstr_sendx (node, "SAVE", again, NULL);
    say_status ("node", node);
    show (again);

    title ("configuration: missing files and directories");
    zstr_sendx (node, "LOAD", missing, NULL);
    zstr_sendx (node, "SAVE", nowhere, NULL);
    say_status ("node", node);
    zactor_destroy (&node);

    zstr_free (&saved);
    zstr_free (&again);
    zstr_free (&written);
    zstr_free (&missing);
    zstr_free (&nowhere);
}

/*  The size of a message up to its last field. What follows it CZMQ passes over: our nodes put the stamp of a
 *  tuple there.  */
static size_t size_of_fields (zframe_t *frame)
{
    const unsigned char *data = zframe_data (frame);
    size_t size = zframe_size (frame);
    if (size < 5 || data [2] != 2)
        return size;
    size_t value = 5 + (size_t) data [4];
    if (value + 4 > size)
        return size;
    size_t end = value + 4 + 4 + ((size_t) data [value] << 24 | (size_t) data [value + 1] << 16
                                  | (size_t) data [value + 2] << 8 | (size_t) data [value + 3]);
    return end < size? end: size;
}

/*  Prints the message that a plain client gets, byte for byte.  */
static void say_bytes (zsock_t *client)
{
    zframe_t *frame = zframe_recv (client);
    fprintf (out, "client:");
    if (!frame)
        fprintf (out, " (nothing)");
    for (size_t i = 0; frame && i < size_of_fields (frame); i++)
        fprintf (out, " %02x", zframe_data (frame) [i]);
    putc ('\n', out);
    fflush (out);
    zframe_destroy (&frame);
}

static void wire (void)
{
    title ("the wire, as an old client sees it");
    zactor_t *node = node_new ("server");
    char *endpoint = in_directory ("ipc://%s/%s", "wire");
    zstr_sendx (node, "BIND", endpoint, NULL);
    zstr_sendx (node, "PUBLISH", "key", "value", NULL);
    say ("server", node);

    zsock_t *client = zsock_new_dealer (endpoint);
    assert (client);
    zsock_set_rcvtimeo (client, 10000);
    //  HELLO is answered with all tuples
    zsock_send (client, "b", "\xaa\xa0\1\1", (size_t) 4);
    say_bytes (client);
    //  PING is answered with PONG
    zsock_send (client, "b", "\xaa\xa0\3\1", (size_t) 4);
    say_bytes (client);
    //  A tuple of the program goes to the client
    zstr_sendx (node, "PUBLISH", "more", "", NULL);
    say ("server", node);
    say_bytes (client);
    zsock_send (client, "b", "\xaa\xa0\3\1", (size_t) 4);
    say_bytes (client);
    //  A tuple of the client goes to the program; CZMQ echoes it to the client, this library does not
    zsock_send (client, "b", "\xaa\xa0\2\1\3abc\0\0\0\2de\0\0\0\0", (size_t) 18);
    say ("server", node);
    say_status ("server", node);
    zsock_destroy (&client);
    zactor_destroy (&node);
    zstr_free (&endpoint);
}

static void keys_and_zap (void)
{
    title ("keys and domain are taken without an answer");
    zactor_t *node = node_new ("secure");
    zstr_sendx (node, "SET PUBLICKEY", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", NULL);
    zstr_sendx (node, "SET SECRETKEY", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", NULL);
    zstr_sendx (node, "ZAP DOMAIN", "TEST", NULL);
    say_status ("node", node);
    zactor_destroy (&node);
}

static void terminated (void)
{
    title ("a program may send $TERM itself");
    zactor_t *node = node_new ("ended");
    zstr_sendx (node, "$TERM", NULL);
    zactor_destroy (&node);
    fprintf (out, "%s\n", node ? "still there" : "destroyed");
}

int main (int argc, char **argv)
{
    if (argc < 2) {
        fputs ("walk DIRECTORY\n", stderr);
        return 2;
    }
    alarm (120);
    directory = argv [1];
    zsys_init ();
    zsys_set_logident ("walk");
    //  CZMQ's zgossip logs to stdout. What is logged may differ and is not
    //  compared, so the transcript takes stdout and the log goes to stderr.
    out = fdopen (dup (1), "w");
    assert (out);
    dup2 (2, 1);

    one_node ();
    exchange ("two nodes over tcp", "tcp://127.0.0.1:*");
    exchange ("two nodes over inproc", "inproc://walk");
    char *ipc = in_directory ("ipc://%s/%s", "exchange");
    exchange ("two nodes over ipc", ipc);
    zstr_free (&ipc);
    configuration ();
    wire ();
    keys_and_zap ();
    terminated ();
    title ("the end");
    fclose (out);
    return 0;
}
