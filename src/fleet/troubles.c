#include "fleet/troubles.h"

#include <stdio.h>
#include <string.h>

void troubles_init(struct troubles *t)
{
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
}

void troubles_fini(struct troubles *t)
{
    pthread_mutex_destroy(&t->lock);
}

static struct trouble *kind_of(struct troubles *t, const char *text)
{
    char cut[sizeof t->kinds[0].text];
    snprintf(cut, sizeof cut, "%s", text);
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->kinds[i].text, cut) == 0)
            return &t->kinds[i];
    }
    if (t->count == TROUBLES_KEPT)
        return NULL;
    struct trouble *kind = &t->kinds[t->count++];
    memcpy(kind->text, cut, sizeof cut);
    return kind;
}

void troubles_note(struct troubles *t, const char *device, const char *text)
{
    pthread_mutex_lock(&t->lock);
    struct trouble *kind = kind_of(t, text);
    if (kind == NULL)
        t->others++;
    else if (kind->count++ == 0)
        snprintf(kind->device, sizeof kind->device, "%s", device);
    pthread_mutex_unlock(&t->lock);
}

struct trouble troubles_at(struct troubles *t, size_t i)
{
    struct trouble kind = {.count = 0};
    pthread_mutex_lock(&t->lock);
    if (i < t->count)
        kind = t->kinds[i];
    pthread_mutex_unlock(&t->lock);
    return kind;
}
