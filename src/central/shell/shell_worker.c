/* A thread for each lane of reading that takes long. It gets what the core hands out, in turn, and the loop hears of what
 * is done. */
#include <pthread.h>
#include <stdlib.h>

#include "shell_private.h"

struct piece {
    struct piece *next;
    void (*run)(void *job);
    void (*done)(void *job);
    void *job;
};

struct worker {
    struct shell *shell;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct piece *waiting, *finished; /* the first of each goes first */
    bool stop;
};

static void append(struct piece **list, struct piece *piece)
{
    while (*list != NULL)
        list = &(*list)->next;
    piece->next = NULL;
    *list = piece;
}

static struct piece *take(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->waiting == NULL && !w->stop)
        (void)pthread_cond_wait(&w->wanted, &w->lock);
    struct piece *piece = w->waiting;
    if (piece != NULL)
        w->waiting = piece->next;
    (void)pthread_mutex_unlock(&w->lock);
    return piece;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (struct piece *piece; (piece = take(w)) != NULL;) {
        piece->run(piece->job);
        (void)pthread_mutex_lock(&w->lock);
        append(&w->finished, piece);
        (void)pthread_mutex_unlock(&w->lock);
        shell_wake(w->shell);
    }
    return NULL;
}

bool worker_offload(void *ctx, unsigned lane, void (*run)(void *job), void (*done)(void *job), void *job)
{
    struct worker *w = ((struct shell *)ctx)->workers[lane];
    struct piece *piece = malloc(sizeof *piece);
    if (piece == NULL)
        return false;
    *piece = (struct piece){NULL, run, done, job};
    (void)pthread_mutex_lock(&w->lock);
    append(&w->waiting, piece);
    (void)pthread_cond_signal(&w->wanted);
    (void)pthread_mutex_unlock(&w->lock);
    return true;
}

spoke_status worker_create(struct shell *shell, struct worker **out)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return SPOKE_E_NO_MEMORY;
    w->shell = shell;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->wanted, NULL);
    if (pthread_create(&w->thread, NULL, work, w) != 0) {
        (void)pthread_cond_destroy(&w->wanted);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
        return SPOKE_E_NO_MEMORY;
    }
    *out = w;
    return SPOKE_OK;
}

void worker_turn(struct worker *w)
{
    (void)pthread_mutex_lock(&w->lock);
    struct piece *piece = w->finished;
    w->finished = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    while (piece != NULL) {
        struct piece *next = piece->next;
        piece->done(piece->job);
        free(piece);
        piece = next;
    }
}

/* What waits is run too, and sees at once that nobody wants it. */
void worker_destroy(struct worker *w)
{
    if (w == NULL)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->stop = true;
    (void)pthread_cond_signal(&w->wanted);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    worker_turn(w);
    (void)pthread_cond_destroy(&w->wanted);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
