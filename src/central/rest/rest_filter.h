/* $filter of a list: "provisioned eq true and (template eq 'dtmi:a:b;1' or indexof(displayName,'pump') ge 0)".
 * Taken apart once into a program of fixed size, which is run for each row. */
#ifndef SPOKE_SRC_CENTRAL_REST_FILTER_H
#define SPOKE_SRC_CENTRAL_REST_FILTER_H

#include <spoke/base.h>

#define FILTER_TEXT_CAP 1024u /* of the whole filter */
#define FILTER_TESTS 20u
#define FILTER_DEPTH 16u /* of parentheses and "not" */

struct filter_field {
    const char *name;
    bool truth; /* true or false; else text, or several texts */
};

enum filter_operator { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };
enum filter_kind { FILTER_COMPARE, FILTER_TRUTH, FILTER_NULL, FILTER_INDEXOF };

struct filter_test {
    enum filter_kind kind;
    enum filter_operator operation;
    unsigned field;
    const char *text; /* in the filter's own memory */
    bool truth;
    int32_t number; /* that indexof is compared with */
};

struct filter {
    struct filter_test tests[FILTER_TESTS];
    uint8_t program[FILTER_TESTS * 4]; /* postfix: a test's number, or a word of rest_filter.c */
    size_t test_count, length;
    char literals[FILTER_TEXT_CAP + FILTER_TESTS];
    size_t literal_bytes;
};

/* E_ARG and a sentence in why: not a filter. E_TOO_LARGE with a sentence: too long, too deep, too many comparisons. Do
 * not move `out`. */
spoke_status filter_parse(spoke_str text, const struct filter_field *fields, size_t count, struct filter *out,
                          char *why, size_t why_cap);

/* One value of a field: the index-th of several. False: there is none (of text, also the first). */
struct filter_value {
    spoke_str text;
    bool truth;
};
typedef bool (*filter_value_fn)(void *ctx, unsigned field, size_t index, struct filter_value *out);
/* Text compares by bytes. Of several values one has to fit; "ne" wants that none is equal. */
bool filter_matches(const struct filter *f, filter_value_fn value, void *ctx);

#endif
