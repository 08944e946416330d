/* The query language. Fuzz targets link the device library only, hence the sources. */
#include "central/rest/ql_lex.c"
#include "central/rest/ql_match.c"
#include "central/rest/ql_parse.c"
#include "central/rest/ql_where.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void give(void *ctx, const struct ql_path *path, struct ql_value *out)
{
    (void)ctx;
    *out = (struct ql_value){.type = QL_NUMBER, .number = (double)path->text.len};
}

/* Whatever comes: it is taken within its bounds, or there is a fault with a place inside the text. */
static void check(spoke_str text, enum ql_kind kind)
{
    struct ql_query *q = NULL;
    struct ql_fault fault;
    const spoke_status status = ql_parse(text, kind, &q, &fault);
    if (status == SPOKE_E_ARG)
        require(fault.position >= 1 && fault.position <= text.len + 1 && fault.message[0] != '\0');
    if (status != SPOKE_OK)
        return;
    require(q->item_count <= QL_MAX_ITEMS && q->node_count <= QL_MAX_NODES && q->source.len > 0);
    require((kind == QL_KIND_QUERY) == (q->item_count > 0));
    (void)ql_match(q, 0, give, NULL);
    ql_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char room[64];
    int64_t ms = 0;
    const spoke_str text = spoke_str_from(size > 0 ? (const char *)data : "", size);
    check(text, QL_KIND_QUERY);
    check(text, QL_KIND_FILTER);
    if (ql_duration(text, &ms))
        require(ms > 0);
    if (size <= sizeof room && spoke_json_check(text) == SPOKE_OK) {
        spoke_buf buf = spoke_buf_from(room, sizeof room);
        (void)ql_value_of(text, &buf);
    }
    return 0;
}
