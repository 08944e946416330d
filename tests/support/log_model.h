/* An owner of a log that remembers in plain lists what it was promised, and holds the log to it: over simulated flash,
 * through power cuts. Payloads follow from the seq, so that content can be checked. */
#ifndef SPOKE_TESTS_LOG_MODEL_H
#define SPOKE_TESTS_LOG_MODEL_H

#include "queue/log.h"
#include "support/flash_sim.h"

enum { LOG_MODEL_ITEMS = 6000, LOG_MODEL_SCRATCH = 256 };

enum log_model_state {
    LOG_MODEL_ASKED, /* log_append did not answer OK: it may be there, or not */
    LOG_MODEL_LIVES, /* promised */
    LOG_MODEL_DONE
};

struct log_model_item {
    uint32_t seq, where, bytes;
    uint8_t lane;
    enum log_model_state state;
    bool known;   /* since the last opening; of others an owner knows nothing any more */
    bool told;    /* done, and a mark says so */
    bool durable; /* and was synced since: must never come back */
    unsigned found;
};

struct log_model {
    struct flash_sim flash;
    struct log log;
    uint8_t scratch[LOG_MODEL_SCRATCH];
    size_t scratch_bytes;
    struct log_model_item items[LOG_MODEL_ITEMS];
    size_t count;
    uint64_t capacity, living_bytes; /* kept below, as a queue does */
    uint32_t most_payload;
    uint64_t duplicates; /* done, and found again */
    uint64_t seed;       /* told when something is wrong */
};

void log_model_init(struct log_model *m, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes,
                    uint64_t seed);
void log_model_fini(struct log_model *m);
/* Opens the log, and checks what it reports against what was promised; aborts with a sentence when it is not so.
 * Damage: records may be missing (bit flips), but nothing may be wrong. */
spoke_status log_model_open(struct log_model *m, bool damage);
/* The next record, of `bytes` payload; E_FULL when that is more than the capacity allows. */
spoke_status log_model_append(struct log_model *m, uint8_t lane, uint32_t bytes);
void log_model_done(struct log_model *m, size_t item);
/* Item with this seq; NULL: none. */
struct log_model_item *log_model_find(struct log_model *m, uint32_t seq);
spoke_status log_model_mark(struct log_model *m);
/* Reads every living record and compares. */
spoke_status log_model_read_all(struct log_model *m);
/* One step of a random life: appends, ends some, in order mostly, tells. */
spoke_status log_model_step(struct log_model *m);

#endif
