/* The query language of POST /api/query and of the filters of device groups: a text becomes a flat list of parts, whose
 * conditions are then held against rows. Pure functions; nothing recurses, and every list has a bound.
 *
 *     SELECT TOP 3 $id, $ts, flow AS f FROM dtmi:acme:pump;2 WHERE WITHIN_WINDOW(PT1H) AND f > 10 ORDER BY $ts DESC
 *     SELECT * FROM devices WHERE $template = "dtmi:acme:pump;2" AND $provisioned = true
 */
#ifndef SPOKE_SRC_CENTRAL_QL_H
#define SPOKE_SRC_CENTRAL_QL_H

#include <spoke/base.h>

enum {
    QL_QUERY_CHARACTERS = 350,
    QL_FILTER_CHARACTERS = 2048,
    QL_MAX_ITEMS = 15,
    QL_QUERY_CONDITIONS = 10,
    QL_FILTER_CONDITIONS = 100,
    QL_MAX_DEPTH = 8,      /* of parentheses */
    QL_MAX_LITERALS = 300, /* of all conditions */
    QL_MAX_NODES = 3 * QL_FILTER_CONDITIONS,
    QL_MAX_ORDERS = 3,
    QL_MAX_SEGMENTS = 4 /* of a name with dots */
};

enum ql_name {
    QL_FIELD, /* a name of the template, perhaps with dots */
    QL_ID,
    QL_TS,
    QL_DISPLAY_NAME,
    QL_TEMPLATE,
    QL_ENABLED,
    QL_PROVISIONED,
    QL_SIMULATED,
    QL_ORGANIZATIONS
};

struct ql_path {
    enum ql_name name;
    spoke_str text; /* as it was written */
    size_t at;      /* where, in bytes of the text */
    uint8_t slot;   /* of a field: which one (ql_rows.h); for the caller */
};

enum ql_type { QL_NONE, QL_BOOL, QL_NUMBER, QL_TEXT, QL_OTHER };

/* A value of a row, or of the text. */
struct ql_value {
    enum ql_type type;
    bool truth;
    double number;
    spoke_str text; /* QL_TEXT: without quotes and escapes */
    spoke_str json; /* of a row: as it was sent; empty for $names */
};

enum ql_op {
    QL_EQUAL,
    QL_NOT_EQUAL,
    QL_LESS,
    QL_LESS_EQUAL,
    QL_GREATER,
    QL_GREATER_EQUAL,
    QL_IN,
    QL_NOT_IN,
    QL_CONTAINS,
    QL_STARTS_WITH,
    QL_EXISTS,
    QL_WITHIN_WINDOW,
    QL_NOT,
    QL_AND,
    QL_OR
};

/* Conditions stand in postfix order. */
struct ql_node {
    enum ql_op op;
    struct ql_path path;
    size_t first, count; /* of the literals it is compared with */
    bool required;       /* only ANDs stand above it: no row without it */
};

enum ql_aggregate { QL_PLAIN, QL_SUM, QL_MAX, QL_MIN, QL_COUNT, QL_AVG, QL_FIRST, QL_LAST };

struct ql_item {
    enum ql_aggregate aggregate;
    struct ql_path path;
    spoke_str alias; /* empty: none */
};

struct ql_order {
    struct ql_path path;
    size_t item; /* it is the value of this item; QL_MAX_ITEMS: of the path */
    bool descending;
};

struct ql_window {
    int64_t length_ms;      /* up to now; 0: from..to */
    int64_t from_ms, to_ms; /* UTC */
};

struct ql_query {
    char *text;        /* a copy that all views point into, and behind it the texts of literals */
    size_t text_len;   /* of the query itself */
    size_t item_count; /* 0: SELECT * */
    struct ql_item items[QL_MAX_ITEMS];
    uint32_t top;     /* 0: not given */
    spoke_str source; /* "devices" or a DTMI */
    size_t node_count, literal_count;
    struct ql_node nodes[QL_MAX_NODES];
    struct ql_value literals[QL_MAX_LITERALS];
    bool windowed;
    struct ql_window window;
    int64_t bucket_ms; /* GROUP BY WINDOW; 0: none */
    bool by_device;    /* GROUP BY $id */
    size_t order_count;
    struct ql_order orders[QL_MAX_ORDERS];
};

enum ql_kind { QL_KIND_QUERY, QL_KIND_FILTER };

struct ql_fault {
    size_t position;   /* of the character, from 1 */
    char message[200]; /* a sentence that says what would be right */
};

/* *out: release with ql_free. E_ARG: see *fault. E_NO_MEMORY. */
spoke_status ql_parse(spoke_str text, enum ql_kind kind, struct ql_query **out, struct ql_fault *fault);
void ql_free(struct ql_query *query);
/* Where a path stands, for a fault of the caller's own. */
size_t ql_position(const struct ql_query *query, const struct ql_path *path);
bool ql_is_aggregate(const struct ql_query *query);

/* The segments of a name, "motor.rpm" as two. How many there are. */
size_t ql_segments(const struct ql_path *path, spoke_str out[QL_MAX_SEGMENTS]);
/* ISO 8601 of weeks, or of days, hours, minutes and seconds: "P1D", "PT10M". False: not one, zero, or beyond ten years. */
bool ql_duration(spoke_str text, int64_t *ms);
/* A JSON value as one to compare; the text of a string that has escapes goes behind `room`, where as much must be free. */
struct ql_value ql_value_of(spoke_str json, spoke_buf *room);

/* The value that a row has for the path; QL_NONE: none. */
typedef void (*ql_get_fn)(void *ctx, const struct ql_path *path, struct ql_value *out);
/* Does the row satisfy the conditions? What a row does not have satisfies nothing. */
bool ql_match(const struct ql_query *query, int64_t now_ms, ql_get_fn get, void *ctx);

/* --- ql_lex.c --- */

enum ql_token_kind {
    QL_TOKEN_END,
    QL_TOKEN_WORD,   /* a keyword or a name */
    QL_TOKEN_SYSTEM, /* $id */
    QL_TOKEN_DTMI,
    QL_TOKEN_NUMBER,
    QL_TOKEN_STRING, /* with its quotes */
    QL_TOKEN_SIGN,   /* ( ) [ ] , * = != <> < <= > >= */
    QL_TOKEN_BAD
};

struct ql_token {
    enum ql_token_kind kind;
    spoke_str text;
};

/* The token at *at, which moves behind it. */
struct ql_token ql_token_next(spoke_str text, size_t *at);
bool ql_token_is(const struct ql_token *token, const char *word); /* a keyword, in any case, or a sign */

#endif
