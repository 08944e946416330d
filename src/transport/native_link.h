/* The native transport's inside: what its files share.
 *
 *   native.c         a connection: opening, moving bytes, sleeping, closing, events
 *   native_setup.c   memory, init, fini
 *   native_stream.c  the bytes below the session: TLS or, under test, plain
 *   native_error.c   failures in words (pure) */
#ifndef SPOKE_SRC_TRANSPORT_NATIVE_LINK_H
#define SPOKE_SRC_TRANSPORT_NATIVE_LINK_H

#include <spoke/transport.h>

#include "transport/native_stream.h"

enum native_phase {
    NATIVE_CLOSED,    /* -> REACHING by open */
    NATIVE_REACHING,  /* names and TCP -> SECURING, GREETING (plain), ENDING */
    NATIVE_SECURING,  /* TLS handshake -> GREETING, ENDING */
    NATIVE_GREETING,  /* CONNECT is out -> OPEN, ENDING */
    NATIVE_OPEN,      /* -> LEAVING, ENDING */
    NATIVE_LEAVING,   /* DISCONNECT is queued -> LINGERING, ENDING */
    NATIVE_LINGERING, /* the server's turn to close -> ENDING */
    NATIVE_ENDING     /* the link is closed; what came in is handed out, then the CLOSED event -> CLOSED */
};

/* Whom TLS trusts, and who we are. */
struct native_identity {
    struct tls_context *context;            /* for the next open */
    struct tls_context *former;             /* NULL: none kept */
    struct tls_context *used;               /* the one that `stream.tls` was made for, or last opened with */
    spoke_tls_options tls, former_tls;      /* what they were made of */
    const struct spoke_trust *shared_trust; /* where those name none; NULL: the system's bundle */
};

struct spoke_transport {
    const spoke_platform *platform;
    uint32_t test_only;
    struct native_identity *identity; /* NULL: plain. Read through native_identity */
    spoke_mqtt *session;
    struct native_stream stream;

    enum native_phase phase;
    uint64_t now; /* of the last step: exact enough for a call that comes once for each message */
    const char *host;
    uint64_t phase_limit; /* when patience with connecting, or with lingering, ends */
    spoke_error why;      /* ENDING: what the CLOSED event will say */
    bool discard;         /* ENDING: aborted, what came in does not matter */
    bool events_due;      /* the session may hold events */
    bool fresh;           /* opened, and not stepped yet */
    bool drained;         /* the last read found nothing */
    bool full;            /* the session takes nothing more until its events, or acks, are dealt with */
    bool stuck;           /* the link does not take what waits to go out */
};

/* NULL: plain, which a build without TLS knows at compile time. */
static inline struct native_identity *native_identity(const spoke_transport *t)
{
    return SPOKE_WITH_TLS ? t->identity : NULL;
}

/* --- native_setup.c --- */
size_t native_size(const spoke_transport_options *options);
spoke_status native_init(void *memory, size_t size, const spoke_transport_options *options, spoke_transport **out,
                         spoke_error *error);
void native_fini(spoke_transport *t);
spoke_status native_credentials(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error);

#endif
