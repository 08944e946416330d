/* The write-ahead log goes back into the file in a thread of its own: copying and synchronising tens of megabytes holds
 * nobody up. What was appended meanwhile, which is little, is finished by the writer, and the log begins anew.
 *
 * A log that is not finished, because somebody reads an old state of it, grows until LOG_MOST_PAGES; then the writer
 * waits, as SQLite by itself would have it. */
#include <pthread.h>
#include <stdlib.h>

#include "store_query.h"

enum {
    LOG_PAGES = 8192,     /* of 4 KB: worth beginning */
    LOG_REST_PAGES = 512, /* left over: little enough for the writer */
    LOG_MOST_PAGES = 65536,
    ROUNDS = 4 /* of which each leaves what came during it */
};

struct checkpoint {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    sqlite3 *db;
    bool begin, running, done, stop; /* under the lock */
};

static int pass(sqlite3 *db, int *left)
{
    int pages = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    *left = pages - copied;
    return code;
}

static void pass_until_little_is_left(sqlite3 *db)
{
    int left = LOG_MOST_PAGES;
    for (int i = 0; i < ROUNDS && left > LOG_REST_PAGES; i++)
        if (pass(db, &left) != SQLITE_OK)
            return;
}

static void *work(void *arg)
{
    struct checkpoint *c = arg;
    (void)pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (!c->begin) {
            (void)pthread_cond_wait(&c->wanted, &c->lock);
            continue;
        }
        c->begin = false;
        (void)pthread_mutex_unlock(&c->lock);
        pass_until_little_is_left(c->db);
        (void)pthread_mutex_lock(&c->lock);
        c->running = false;
        c->done = true;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int hear_pages(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct store *)ctx)->log_pages = pages;
    return SQLITE_OK;
}

void store_checkpoint_begin(struct store *s)
{
    s->log_from = LOG_PAGES;
    (void)sqlite3_wal_hook(s->db, hear_pages, s); /* in place of SQLite's own, which does it inside the commit */
}

static struct checkpoint *start_thread(const struct store *s, bool durable)
{
    const char *path = sqlite3_db_filename(s->db, "main");
    struct checkpoint *c = path != NULL && path[0] != '\0' ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return NULL;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->wanted, NULL);
    if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        sqlite3_exec(c->db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) ==
            SQLITE_OK &&
        pthread_create(&c->thread, NULL, work, c) == 0)
        return c;
    sqlite3_close(c->db);
    (void)pthread_cond_destroy(&c->wanted);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

/* The rest, by the writer itself: nothing is appended meanwhile. */
static void finish(struct store *s)
{
    int left = 0;
    (void)pass(s->db, &left);
    s->log_from = left > 0 ? s->log_pages + LOG_PAGES : LOG_PAGES;
}

void store_checkpoint(struct store *s)
{
    bool done = false;
    if (s->log_pages < s->log_from && s->checkpoint == NULL)
        return;
    if (s->checkpoint == NULL)
        s->checkpoint = start_thread(s, s->durable);
    struct checkpoint *c = s->checkpoint;
    if (c == NULL || s->log_pages >= s->log_from + LOG_MOST_PAGES) {
        finish(s);
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    done = c->done;
    c->done = false;
    if (!done && !c->running && s->log_pages >= s->log_from) {
        c->begin = c->running = true;
        (void)pthread_cond_signal(&c->wanted);
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (done)
        finish(s);
}

void store_checkpoint_end(struct store *s)
{
    struct checkpoint *c = s->checkpoint;
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    (void)pthread_cond_signal(&c->wanted);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    sqlite3_close(c->db);
    (void)pthread_cond_destroy(&c->wanted);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
    s->checkpoint = NULL;
}
