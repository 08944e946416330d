/* Records of a platform, in memory, that survive a restart of the client and can fail at any operation. One set for
 * each test program; records_reset before each test. */
#ifndef SPOKE_TESTS_RECORDS_H
#define SPOKE_TESTS_RECORDS_H

#include <stdio.h>
#include <string.h>

#include <spoke/platform.h>

enum { RECORDS = 16, RECORDS_BYTES = 8192, RECORDS_NEVER = -1 };

static struct {
    struct {
        char key[32];
        char value[RECORDS_BYTES];
        size_t len;
    } all[RECORDS];
    int stores;      /* so far */
    int fail_at;     /* that store and all later ones fail: the power is gone; RECORDS_NEVER */
    bool fails_done; /* the failing one is written all the same: the power went behind it */
    bool loads_fail;
} records;

static inline void records_reset(void)
{
    memset(&records, 0, sizeof records);
    records.fail_at = RECORDS_NEVER;
}

static inline int record_at(const char *key)
{
    int room = -1;
    for (int i = 0; i < RECORDS; i++) {
        if (strcmp(records.all[i].key, key) == 0)
            return i;
        if (room < 0 && records.all[i].key[0] == '\0')
            room = i;
    }
    return room;
}

static inline void record_put(const char *key, spoke_str value)
{
    const int at = record_at(key);
    snprintf(records.all[at].key, sizeof records.all[at].key, "%s", value.len > 0 ? key : "");
    if (value.len > 0)
        memcpy(records.all[at].value, value.ptr, value.len);
    records.all[at].value[value.len] = '\0';
    records.all[at].len = value.len;
}

static inline const char *record(const char *key)
{
    return records.all[record_at(key)].value;
}

static inline spoke_status records_load(void *ctx, const char *key, spoke_buf *out)
{
    const int at = record_at(key);
    (void)ctx;
    if (records.loads_fail)
        return SPOKE_E_PORT;
    if (at < 0 || records.all[at].key[0] == '\0')
        return SPOKE_E_NOT_FOUND;
    return spoke_buf_append(out, spoke_str_from(records.all[at].value, records.all[at].len));
}

static inline spoke_status records_store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    const bool dead = records.fail_at != RECORDS_NEVER && records.stores >= records.fail_at;
    const bool written = !dead || (records.fails_done && records.stores == records.fail_at);
    records.stores++;
    if (written)
        record_put(key, value);
    return dead ? SPOKE_E_PORT : SPOKE_OK;
}

#endif
