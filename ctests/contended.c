//  Threads that publish on one node, so often that one sometimes waits for the lock that another has.

#include <zgossip/zgossip.h>

#include <pthread.h>
#include <stdio.h>

static zgossip_t *node;

static void *publish (void *unused)
{
    char key [32];
    int i;
    for (i = 0; i < 20000; i++) {
        snprintf (key, sizeof (key), "key-%d", i % 50);
        if (zgossip_publish (node, key, i % 2? "one": "two") != 0)
            return &node;
    }
    return unused;
}

int main (void)
{
    pthread_t threads [4];
    int i;
    node = zgossip_new ("contended");
    for (i = 0; i < 4; i++)
        if (pthread_create (&threads [i], NULL, publish, NULL) != 0)
            return 1;
    for (i = 0; i < 4; i++) {
        void *failed;
        if (pthread_join (threads [i], &failed) != 0 || failed)
            return 1;
    }
    zgossip_destroy (&node);
    return 0;
}
