/* Where the device is at home, where it would move, and which credential it is trying out: what home.c, move.c and
 * renew.c keep in the client, and the records that they share. */
#ifndef SPOKE_SRC_CLIENT_HOME_H
#define SPOKE_SRC_CLIENT_HOME_H

#include <spoke/client.h>
#include <spoke/crypto.h>

#include "hosts.h"
#include "record.h"

#define MOVE_TRIES 3u        /* then the device stays where it is */
#define RENEW_REST_MS 60000u /* READY with the old credential before the new one is tried again */

/* A scope and the DPS that knows it. Empty texts: as configured. */
struct home {
    char id_scope[SPOKE_MAX_SCOPE_BYTES + 1];
    char provisioning_host[SPOKE_MAX_HOST_BYTES + 1]; /* or a list */
};

enum move_phase {
    MOVE_NONE,    /* next: WAITING when asked for, or found in the store at start */
    MOVE_WAITING, /* at the present home, or on the way back; next: TRYING, NONE when the tries are used up */
    MOVE_TRYING   /* on the way to the goal; next: NONE when READY there or refused; WAITING */
};

struct move {
    enum move_phase phase;
    uint8_t tries; /* begun so far, restarts included: counted in the store before each */
    uint64_t due;  /* while READY; 0: with the next connection, which has been asked for */
    struct home goal;
};

enum renew_phase {
    RENEW_NONE,    /* next: WAITING when asked for */
    RENEW_WAITING, /* the new one lies in `other`; next: TRYING with the next connection */
    RENEW_TRYING,  /* the old one lies in `other`; next: NONE, accepted or given up; RESTING */
    RENEW_RESTING /* as WAITING, no hub was reached with it; next: WAITING: the old one was READY for 60 s, or refused */
};

/* All that the program can change about how it proves itself and whom it trusts. */
struct identity {
    spoke_credential credential;
    spoke_key keys[2]; /* primary, secondary */
    uint8_t key_count, key_used;
    const char *trust_pem, *trust_file;
};

struct renewal {
    enum renew_phase phase;
    bool of_trust;              /* else of the credential */
    bool staged;                /* the transport holds both, too */
    uint8_t refusals, failures; /* of the one in use, in this round; failures: of the new one, of any kind */
    uint8_t rounds;             /* begun */
    struct identity other;
};

/* --- their records --- */
#define RECORD_BYTES 1280u

/* Made for this registration under this configured scope: a firmware with another one is not bound by it. */
bool record_binds(const spoke_client *c, spoke_str object);
void record_bind(const spoke_client *c, spoke_writer *w);
/* The scope and the hosts. False: they cannot be. */
bool record_home(const spoke_client *c, spoke_str object, struct home *out);
void record_put_home(spoke_writer *w, const struct home *home);

/* A scope and hosts that a registration can be made with. hosts empty: as configured. */
bool home_possible(const spoke_client *c, const struct home *home);
/* Of a record: the hub and the device, if they can be. */
void assignment_take(spoke_client *c, spoke_str record);
/* Writes the new home with the present assignment, in one record. */
spoke_status home_keep(const spoke_client *c, const struct home *home);

#endif
