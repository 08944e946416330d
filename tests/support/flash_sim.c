#include "support/flash_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void insist(bool holds, const char *rule, uint32_t block, uint32_t offset, size_t len)
{
    if (holds)
        return;
    fprintf(stderr, "flash_sim: %s: block %u, offset %u, %zu bytes\n", rule, block, offset, len);
    abort();
}

/* splitmix64. */
uint32_t flash_sim_random(struct flash_sim *flash)
{
    uint64_t z = flash->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32 ^ z >> 63);
}

static size_t total_bytes(const struct flash_sim *flash)
{
    return (size_t)flash->storage.block_bytes * flash->storage.block_count;
}

static size_t place_of(const struct flash_sim *flash, uint32_t block, uint32_t offset, size_t len)
{
    const spoke_storage *s = &flash->storage;
    insist(block < s->block_count && offset <= s->block_bytes && len <= s->block_bytes - offset,
           "outside the storage", block, offset, len);
    return (size_t)block * s->block_bytes + offset;
}

static uint32_t below(struct flash_sim *flash, size_t bound)
{
    return flash_sim_random(flash) % (uint32_t)bound;
}

/* --- what the medium does --- */

static void put(struct flash_sim *flash, size_t at, uint8_t byte, bool used)
{
    flash->memory[at] = used ? flash->memory[at] & byte : byte; /* programming only takes bits away */
    flash->used[at] = used;
    flash->unsynced[at] = 1;
    if (flash->unsynced_from == flash->unsynced_until) {
        flash->unsynced_from = at;
        flash->unsynced_until = at + 1;
    }
    if (at < flash->unsynced_from)
        flash->unsynced_from = at;
    if (at >= flash->unsynced_until)
        flash->unsynced_until = at + 1;
}

static void settle(struct flash_sim *flash)
{
    const size_t from = flash->unsynced_from, len = flash->unsynced_until - from;
    memcpy(flash->durable + from, flash->memory + from, len);
    memset(flash->unsynced + from, 0, len);
    flash->unsynced_from = flash->unsynced_until = 0;
}

static void put_all(struct flash_sim *flash, size_t at, const uint8_t *bytes, size_t from, size_t until)
{
    for (size_t i = from; i < until; i++)
        put(flash, at + i, bytes != NULL ? bytes[i] : 0xFF, bytes != NULL);
}

/* bytes NULL: an erase. A byte that was begun counts as used only if something of it can be seen: its user cannot
 * know more than that, and the log says so where it lists what it assumes. */
static void put_bits(struct flash_sim *flash, size_t at, const uint8_t *bytes, size_t len)
{
    const size_t kept = bytes == NULL && below(flash, 2) == 0 ? below(flash, 200) : 0;
    for (size_t i = kept < len ? kept : 0; i < len; i++) {
        const uint8_t mask = (uint8_t)flash_sim_random(flash);
        const uint8_t byte = bytes != NULL          ? bytes[i] | mask
                             : below(flash, 3) == 0 ? mask
                                                    : flash->memory[at + i] | mask;
        put(flash, at + i, 0xFF, false);
        put(flash, at + i, byte, byte != 0xFF);
    }
}

static void put_partly(struct flash_sim *flash, size_t at, const uint8_t *bytes, size_t len)
{
    const size_t half = below(flash, len + 1);
    if (bytes == NULL && below(flash, 2) == 0)
        put_all(flash, at, bytes, half, len);
    else
        put_all(flash, at, bytes, 0, half);
}

/* A file's pages reach the disk one by one: pieces of any length, each there or not. */
static void lose_unsynced(struct flash_sim *flash)
{
    const size_t total = flash->unsynced_until;
    for (size_t at = flash->unsynced_from; at < total;) {
        const bool there = below(flash, 2) == 0;
        for (size_t piece = 1 + below(flash, 600); piece > 0 && at < total; piece--, at++) {
            if (flash->unsynced[at] == 0)
                continue;
            if (!there)
                flash->memory[at] = flash->durable[at];
            flash->used[at] = flash->memory[at] != 0xFF;
        }
    }
}

static void cut_power(struct flash_sim *flash, size_t at, const uint8_t *bytes, size_t len)
{
    flash->off = true;
    if (len > 0 && (flash->cut == FLASH_CUT_DONE || flash->cut == FLASH_CUT_CACHE))
        put_all(flash, at, bytes, 0, len);
    if (len > 0 && (flash->cut == FLASH_CUT_BYTES || flash->cut == FLASH_CUT_KILL))
        put_partly(flash, at, bytes, len);
    if (len > 0 && flash->cut == FLASH_CUT_BITS)
        put_bits(flash, at, bytes, len);
    if (flash->cut == FLASH_CUT_CACHE)
        lose_unsynced(flash);
}

/* Every operation passes here: false when it is not to be carried out any more. */
static bool begin(struct flash_sim *flash, size_t at, const uint8_t *bytes, size_t len)
{
    if (flash->off)
        return false;
    const uint64_t number = ++flash->operations;
    if (number == flash->cut_at) {
        cut_power(flash, at, bytes, len);
        return false;
    }
    return number < flash->fail_from || number >= flash->fail_until;
}

/* --- spoke_storage --- */

static spoke_status sim_read(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    struct flash_sim *flash = ctx;
    const size_t at = place_of(flash, block, offset, len);
    if (flash->off)
        return SPOKE_E_PORT;
    const uint64_t number = ++flash->reads;
    if (number >= flash->fail_reads_from && number < flash->fail_reads_until) {
        flash->failed_reads++;
        return SPOKE_E_PORT;
    }
    flash->read_bytes += len;
    memcpy(out, flash->memory + at, len);
    return SPOKE_OK;
}

static spoke_status sim_program(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    struct flash_sim *flash = ctx;
    const size_t at = place_of(flash, block, offset, len);
    const uint32_t unit = flash->storage.program_bytes;
    insist(len > 0 && len % unit == 0 && offset % unit == 0, "a program is not whole units", block, offset, len);
    for (size_t i = 0; i < len && !flash->off; i++) /* off, nothing is programmed, and its user cannot know */
        insist(flash->used[at + i] == 0, "programmed twice", block, offset, len);
    if (!begin(flash, at, bytes, len))
        return SPOKE_E_PORT;
    flash->programs++;
    flash->programmed_bytes += len;
    put_all(flash, at, bytes, 0, len);
    return SPOKE_OK;
}

static spoke_status sim_erase(void *ctx, uint32_t block)
{
    struct flash_sim *flash = ctx;
    const size_t at = place_of(flash, block, 0, flash->storage.block_bytes);
    const bool on = !flash->off;
    if (on)
        flash->erases_of[block]++; /* half an erase wears as well */
    if (!begin(flash, at, NULL, flash->storage.block_bytes))
        return SPOKE_E_PORT;
    flash->erases++;
    put_all(flash, at, NULL, 0, flash->storage.block_bytes);
    return SPOKE_OK;
}

static spoke_status sim_sync(void *ctx)
{
    struct flash_sim *flash = ctx;
    if (!begin(flash, 0, NULL, 0))
        return SPOKE_E_PORT;
    flash->syncs++;
    settle(flash);
    return SPOKE_OK;
}

/* --- its user's side --- */

static void *filled(size_t len, int byte)
{
    void *memory = malloc(len);
    if (memory == NULL)
        abort();
    return memset(memory, byte, len);
}

void flash_sim_init(struct flash_sim *flash, uint32_t block_bytes, uint32_t block_count, uint32_t program_bytes,
                    uint64_t seed)
{
    *flash = (struct flash_sim){
        .storage = {.struct_size = sizeof(spoke_storage),
                    .ctx = flash,
                    .block_bytes = block_bytes,
                    .block_count = block_count,
                    .program_bytes = program_bytes,
                    .read = sim_read,
                    .program = sim_program,
                    .erase = sim_erase,
                    .sync = sim_sync},
        .random = seed,
    };
    flash->memory = filled(total_bytes(flash), 0xFF);
    flash->durable = filled(total_bytes(flash), 0xFF);
    flash->used = filled(total_bytes(flash), 0);
    flash->unsynced = filled(total_bytes(flash), 0);
    flash->erases_of = filled(block_count * sizeof *flash->erases_of, 0);
}

void flash_sim_fini(struct flash_sim *flash)
{
    free(flash->memory);
    free(flash->durable);
    free(flash->used);
    free(flash->unsynced);
    free(flash->erases_of);
}

void flash_sim_cut(struct flash_sim *flash, uint64_t k, enum flash_cut how)
{
    flash->cut_at = k == 0 ? 0 : flash->operations + k;
    flash->cut = how;
}

void flash_sim_power_on(struct flash_sim *flash)
{
    const bool lost_power = flash->off && flash->cut != FLASH_CUT_KILL;
    flash->off = false;
    flash->cut_at = flash->fail_from = flash->fail_until = 0;
    flash->fail_reads_from = flash->fail_reads_until = 0;
    if (lost_power)
        settle(flash);
}

void flash_sim_fail(struct flash_sim *flash, uint64_t k, uint64_t count)
{
    flash->fail_from = flash->operations + k;
    flash->fail_until = flash->fail_from + count;
}

void flash_sim_fail_reads(struct flash_sim *flash, uint64_t k, uint64_t count)
{
    flash->fail_reads_from = flash->reads + k;
    flash->fail_reads_until = flash->fail_reads_from + count;
}

void flash_sim_flip(struct flash_sim *flash, uint64_t bit)
{
    const size_t at = (size_t)(bit / 8) % total_bytes(flash);
    flash->memory[at] ^= (uint8_t)(1u << bit % 8);
    flash->durable[at] = flash->memory[at];
}
