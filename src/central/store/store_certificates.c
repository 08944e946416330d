#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define COLUMNS "owner, entry, der, verified, code, etag"

void store_certificate_free(struct store_certificate *row)
{
    free(row->owner);
    free(row->entry);
    free(row->der);
    free(row->code);
    memset(row, 0, sizeof *row);
}

static void take(struct store_query *q, struct store_certificate *row)
{
    memset(row, 0, sizeof *row);
    store_query_take_text(q, &row->owner);
    store_query_take_text(q, &row->entry);
    store_query_take_blob(q, &row->der, &row->der_len);
    row->verified = store_query_take_int(q) != 0;
    store_query_take_text(q, &row->code);
    row->etag = store_query_take_int(q);
}

spoke_status store_certificate_get(struct store *s, enum store_owner kind, const char *owner, const char *entry,
                                   struct store_certificate *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM certificate WHERE kind = ? AND owner = ? AND entry = ?";
    struct store_query q;
    memset(out, 0, sizeof *out);
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_text(&q, owner);
    store_query_text(&q, entry);
    const bool found = store_query_row(&q);
    if (found)
        take(&q, out);
    const spoke_status status = store_query_close_found(&q, found);
    if (status != SPOKE_OK)
        store_certificate_free(out);
    return status;
}

spoke_status store_certificate_put(struct store *s, enum store_owner kind, const struct store_certificate *row,
                                   const uint8_t subject[32])
{
    static const char SQL[] =
        "INSERT INTO certificate (kind, owner, entry, subject, der, verified, code, etag)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (kind, owner, entry) DO UPDATE SET subject = excluded.subject,"
        " der = excluded.der, verified = excluded.verified, code = excluded.code, etag = etag + 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_text(&q, row->owner);
    store_query_text(&q, row->entry);
    store_query_blob(&q, subject, 32);
    store_query_blob(&q, row->der, row->der_len);
    store_query_int(&q, row->verified);
    store_query_text(&q, row->code);
    return store_query_run(&q);
}

spoke_status store_certificate_delete(struct store *s, enum store_owner kind, const char *owner, const char *entry)
{
    static const char SQL[] =
        "DELETE FROM certificate WHERE kind = ?1 AND owner = ?2 AND (entry = ?3 OR ?3 IS NULL)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_text(&q, owner);
    store_query_text(&q, entry);
    return store_query_run_found(&q);
}

static spoke_status each_row(struct store_query *q, bool (*each)(void *ctx, const struct store_certificate *row),
                             void *ctx)
{
    for (bool more = true; more && store_query_row(q);) {
        struct store_certificate row;
        take(q, &row);
        more = q->status == SPOKE_OK && each(ctx, &row);
        store_certificate_free(&row);
    }
    return store_query_close(q);
}

spoke_status store_certificate_each(struct store *s, enum store_owner kind, const char *owner,
                                    bool (*each)(void *ctx, const struct store_certificate *row), void *ctx)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM certificate WHERE kind = ? AND owner = ? ORDER BY entry";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_text(&q, owner);
    return each_row(&q, each, ctx);
}

spoke_status store_authority_each(struct store *s, const uint8_t subject[32],
                                  bool (*each)(void *ctx, const struct store_certificate *row), void *ctx)
{
    static const char SQL[] =
        "SELECT " COLUMNS " FROM certificate WHERE kind = ? AND subject = ? ORDER BY owner, entry";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, STORE_OF_GROUP);
    store_query_blob(&q, subject, 32);
    return each_row(&q, each, ctx);
}
