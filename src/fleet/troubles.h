/* What went wrong, each kind once with how often it happened: 10,000 devices mostly have the same trouble. Any
 * thread. */
#ifndef SPOKE_SRC_FLEET_TROUBLES_H
#define SPOKE_SRC_FLEET_TROUBLES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define TROUBLES_KEPT 16u

struct trouble {
    char text[200], device[132]; /* of the first one */
    uint64_t count;
};

struct troubles {
    pthread_mutex_t lock;
    struct trouble kinds[TROUBLES_KEPT];
    size_t count;
    uint64_t others; /* of kinds for which there was no room */
};

void troubles_init(struct troubles *t);
void troubles_fini(struct troubles *t);
void troubles_note(struct troubles *t, const char *device, const char *text);
/* Copies the i-th kind; count 0: there is none. */
struct trouble troubles_at(struct troubles *t, size_t i);

#endif
