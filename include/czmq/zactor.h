/*  zactor: a function that runs in a thread of its own, with a pipe to its creator.

    This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0. If a copy of the MPL was not
    distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#ifndef ZGOSSIP_CZMQ_ZACTOR_H_INCLUDED
#define ZGOSSIP_CZMQ_ZACTOR_H_INCLUDED

#ifdef __cplusplus
extern "C" {
#endif

typedef void (zactor_fn) (zsock_t *pipe, void *args);
typedef void (zactor_destructor_fn) (zactor_t *self);

//  State that both threads share; the last to leave frees it.
typedef struct zgc_thread_t {
    pthread_t id;
    zactor_fn *task;
    void *args;
    zsock_t *pipe;              //  The end of the pipe that the thread has
    int users;
    int ended;                  //  The task has returned; its signal is in the pipe if there was room
} zgc_thread_t;

static inline void
zgc_thread_leave (zgc_thread_t *self)
{
    if (__atomic_sub_fetch (&self->users, 1, __ATOMIC_ACQ_REL) == 0)
        free (self);
}

static inline void *
zgc_thread_run (void *args)
{
    zgc_thread_t *self = (zgc_thread_t *) args;
    self->task (self->pipe, self->args);
    __atomic_store_n (&self->ended, 1, __ATOMIC_RELEASE);
    //  This does not wait, because the owner may be gone and the pipe full.
    zsock_set_sndtimeo (self->pipe, 0);
    zsock_signal (self->pipe, 0);
    zsock_destroy (&self->pipe);
    zgc_thread_leave (self);
    return NULL;
}

//  Makes an actor; returns when its task has signalled that it runs.
static inline zactor_t *
zactor_new (zactor_fn task, void *args)
{
    zactor_t *self = (zactor_t *) zmalloc (sizeof (zactor_t));
    zgc_thread_t *thread = (zgc_thread_t *) zmalloc (sizeof (zgc_thread_t));
    assert (task);
    thread->task = task;
    thread->args = args;
    thread->users = 2;
    self->pipe = zsys_create_pipe (&thread->pipe);
    if (!self->pipe) {
        free (thread);
        free (self);
        return NULL;
    }
    self->tag = ZGC_ACTOR_TAG;
    self->type = self->pipe->type;
    self->handle = self->pipe->handle;
    self->thread = thread;
    if (pthread_create (&thread->id, NULL, zgc_thread_run, thread)) {
        zsock_destroy (&thread->pipe);
        zsock_destroy (&self->pipe);
        free (thread);
        free (self);
        return NULL;
    }
    zsock_wait (self->pipe);
    return self;
}

//  Waits for the signal that the task sends at its end; not for ever, because the program may have read it already.
static inline bool
zgc_thread_wait (zactor_t *self)
{
    int msecs = 100;
    int status = -1;
    zmq_setsockopt (self->handle, ZMQ_RCVTIMEO, &msecs, sizeof (msecs));
    while (status < 0) {
        bool ended = __atomic_load_n (&self->thread->ended, __ATOMIC_ACQUIRE) != 0;
        status = zsock_wait (self->pipe);
        if (status < 0 && (ended || (errno != EAGAIN && errno != EINTR)))
            break;
    }
    return __atomic_load_n (&self->thread->ended, __ATOMIC_ACQUIRE) != 0;
}

static inline void
zactor_destroy (zactor_t **self_p)
{
    zactor_t *self;
    bool ended;
    assert (self_p);
    self = *self_p;
    if (!self)
        return;
    assert (zactor_is (self));
    if (self->destructor) {
        self->destructor (self);
        ended = __atomic_load_n (&self->thread->ended, __ATOMIC_ACQUIRE) != 0;
    }
    else {
        //  If the command is not received, the thread has ended or reads no more.
        zsock_set_sndtimeo (self, 0);
        if (zstr_send (self, "$TERM") == 0)
            ended = zgc_thread_wait (self);
        else
            ended = __atomic_load_n (&self->thread->ended, __ATOMIC_ACQUIRE) != 0;
    }
    //  The thread is joined if it ends at once, so that its memory is freed.
    if (ended)
        pthread_join (self->thread->id, NULL);
    else
        pthread_detach (self->thread->id);
    zgc_thread_leave (self->thread);
    zsock_destroy (&self->pipe);
    self->tag = ZGC_DEAD_TAG;
    free (self);
    *self_p = NULL;
}

static inline void
zactor_set_destructor (zactor_t *self, zactor_destructor_fn destructor)
{
    assert (self && zactor_is (self));
    self->destructor = destructor;
}

static inline int
zactor_send (zactor_t *self, zmsg_t **msg_p)
{
    assert (self && zactor_is (self) && msg_p);
    return zmsg_send (msg_p, self->pipe);
}

static inline zmsg_t *
zactor_recv (zactor_t *self)
{
    assert (self && zactor_is (self));
    return zmsg_recv (self->pipe);
}

static inline zsock_t *
zactor_sock (zactor_t *self)
{
    assert (self && zactor_is (self));
    return self->pipe;
}

#ifdef __cplusplus
}
#endif

#endif
