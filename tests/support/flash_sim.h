/* Flash in memory behind spoke_storage: holds its user to the rules of the medium, and loses power on request. Same
 * seed and same calls, same bytes.
 *
 *     struct flash_sim flash;
 *     flash_sim_init(&flash, 4096, 8, 8, seed);
 *     flash_sim_cut(&flash, 17, FLASH_CUT_BITS);     the 17th operation from now never ends
 *     ... use flash.storage until flash.off ...
 *     flash_sim_power_on(&flash);                    what the cut left can be read again
 *
 * Aborts with a sentence when a rule is broken: a program of bytes that were programmed since the last erase, one
 * that is not whole program units, or anything outside the storage. */
#ifndef SPOKE_TESTS_FLASH_SIM_H
#define SPOKE_TESTS_FLASH_SIM_H

#include <spoke/platform.h>

/* What becomes of the program or erase under way. A sync under way: nothing more. */
enum flash_cut {
    FLASH_CUT_NOTHING, /* it did not begin */
    FLASH_CUT_DONE,    /* it ended, only nobody was told */
    FLASH_CUT_BYTES,   /* it got as far as some byte; an erase from either end of the block */
    FLASH_CUT_BITS,    /* each bit on its own; an erase leaves any bytes at all, or begins to after some header */
    FLASH_CUT_CACHE,   /* and of everything since the last sync any part is there, as with files */
    FLASH_CUT_KILL,    /* only its user ended, at some byte: all is there, but no more durable than before */
    FLASH_CUTS
};

struct flash_sim {
    spoke_storage storage; /* hand this over; ctx is the simulation, which must not move */
    uint8_t *memory;       /* block_count * block_bytes */
    uint64_t operations;   /* programs, erases and syncs that were asked for while the power was on */
    uint64_t programs, erases, syncs, reads;
    uint64_t programmed_bytes, read_bytes;
    uint32_t *erases_of; /* block_count */
    bool off;            /* power is gone: everything answers E_PORT */
    uint64_t failed_reads;

    /* private */
    uint8_t *used;     /* per byte: programmed since the erase */
    uint8_t *durable;  /* memory at the last sync */
    uint8_t *unsynced; /* per byte: changed since the last sync */
    size_t unsynced_from, unsynced_until;
    uint64_t cut_at, fail_from, fail_until, fail_reads_from, fail_reads_until;
    enum flash_cut cut;
    uint64_t random;
};

/* Erased. Heap, until fini. */
void flash_sim_init(struct flash_sim *flash, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes,
                    uint64_t seed);
void flash_sim_fini(struct flash_sim *flash);
/* Power goes in the k-th operation from now, the next one being the first; 0: never. */
void flash_sim_cut(struct flash_sim *flash, uint64_t k, enum flash_cut how);
/* Power back: what the cut left can be read, and stays. Nothing is planned any more. Fine while it is on, as the restart
 * of a program: what was not synced can still be lost. */
void flash_sim_power_on(struct flash_sim *flash);
/* The medium fails without a power cut: `count` operations from the k-th on answer E_PORT and do nothing. */
void flash_sim_fail(struct flash_sim *flash, uint64_t k, uint64_t count);
/* As well for reads, which count apart. */
void flash_sim_fail_reads(struct flash_sim *flash, uint64_t k, uint64_t count);
/* One bit turns by itself. */
void flash_sim_flip(struct flash_sim *flash, uint64_t bit);
/* From the same seed; for whoever needs dice beside it. */
uint32_t flash_sim_random(struct flash_sim *flash);

#endif
