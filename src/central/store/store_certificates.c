#include "store_row.h"

#define COLUMNS "owner, entry, der, verified, code, etag"

static const struct store_member MEMBERS[] = {
    STORE_MEMBER(struct store_certificate, owner),
    STORE_MEMBER(struct store_certificate, entry),
    STORE_MEMBER_BLOB(struct store_certificate, der, der_len),
    STORE_MEMBER(struct store_certificate, verified),
    STORE_MEMBER(struct store_certificate, code),
    STORE_MEMBER(struct store_certificate, etag),
};
static const struct store_layout ROW = STORE_LAYOUT(struct store_certificate, MEMBERS);

void store_certificate_free(struct store_certificate *row)
{
    store_row_free(&ROW, row);
}

spoke_status store_certificate_get(struct store *s, enum store_owner kind, const char *owner, const char *entry,
                                   struct store_certificate *out)
{
    static const char SQL[] = "SELECT " COLUMNS " FROM certificate WHERE kind = ? AND owner = ? AND entry = ?";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_text(&q, owner);
    store_query_text(&q, entry);
    return store_row_get(&q, &ROW, out);
}

spoke_status store_certificate_put(struct store *s, enum store_owner kind, const struct store_certificate *row,
                                   const uint8_t subject[32])
{
    static const char SQL[] =
        "INSERT INTO certificate (kind, subject, " COLUMNS ")"
        " VALUES (?, ?, ?, ?, ?, ?, ?, max(?, 1)) ON CONFLICT (kind, owner, entry) DO UPDATE SET subject = excluded.subject,"
        " der = excluded.der, verified = excluded.verified, code = excluded.code, etag = etag + 1";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_int(&q, kind);
    store_query_blob(&q, subject, 32);
    store_row_bind(&q, &ROW, row, ROW.count);
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
    struct store_certificate row = {0};
    while (store_row_next(q, &ROW, &row) && each(ctx, &row)) {
    }
    store_row_free(&ROW, &row);
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
