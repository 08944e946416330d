/* What the parts of the query language's parser share: ql_parse.c reads the clauses, ql_where.c the conditions. A parse is
 * one walk from token to token; what returns false has left the fault. */
#ifndef SPOKE_SRC_CENTRAL_QL_PARSER_H
#define SPOKE_SRC_CENTRAL_QL_PARSER_H

#include "ql.h"

struct ql_parser {
    struct ql_query *q;
    enum ql_kind kind;
    struct ql_fault *fault;
    struct ql_token token; /* the one to look at */
    size_t at;             /* behind it */
    size_t pool;           /* of q->text: where the next literal's text goes */
    size_t conditions;
};

/* The fault, with its place in bytes of the text. Always false. */
bool ql_wrong_at(struct ql_parser *p, size_t at, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* The fault that something else is wanted than the token to look at. Always false. */
bool ql_wanted(struct ql_parser *p, const char *what);
size_t ql_token_at(const struct ql_parser *p); /* of the token to look at: its place in bytes */

void ql_advance(struct ql_parser *p);
bool ql_is(const struct ql_parser *p, const char *word); /* of the token to look at, without case */
bool ql_take(struct ql_parser *p, const char *word);     /* goes on when it is the word */
bool ql_expect(struct ql_parser *p, const char *word);   /* the same; else the fault that it is wanted */
/* A name that is followed by '(' is a function. */
bool ql_opens(const struct ql_parser *p);
bool ql_is_keyword(const struct ql_parser *p);
/* A name at the token to look at, and goes on. */
bool ql_parse_path(struct ql_parser *p, struct ql_path *out);
/* The selected item that a name is the alias of; NULL: of none. */
const struct ql_item *ql_item_of_alias(const struct ql_query *q, const struct ql_path *path);

/* The conditions behind WHERE, if it is there, as nodes in postfix order. */
bool ql_parse_where(struct ql_parser *p);

#endif
