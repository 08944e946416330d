/* Query language: rows become results. A run takes rows one by one, keeps what the answer needs and no more, and prints
 * it. Pure, and for one thread at a time.
 *
 *     struct ql_run *run = ql_run_create(query, now_ms, 10000);
 *     while (... a row ... && ql_run_add(run, 1, get, &row) == SPOKE_OK && !ql_run_full(run)) ...
 *     status = ql_run_end(run, &json);
 *     ql_run_free(run);
 */
#ifndef SPOKE_SRC_CENTRAL_QL_RUN_H
#define SPOKE_SRC_CENTRAL_QL_RUN_H

#include "ql.h"

#define QL_MAX_RESULT_BYTES ((size_t)32 * 1024 * 1024)

struct ql_run;

/* The query must outlive it. most: rows of the answer, or less when TOP says so; of an aggregate, its groups. NULL: no
 * memory. */
struct ql_run *ql_run_create(const struct ql_query *query, int64_t now_ms, size_t most);
void ql_run_free(struct ql_run *run);
/* Holds the row against the conditions and takes what is wanted of it. $ts has to come as a number of milliseconds.
 * number: rows that nothing else tells apart are in this order.
 * E_TOO_LARGE: the answer has more than QL_MAX_RESULT_BYTES, or more groups than `most`. E_NO_MEMORY. */
spoke_status ql_run_add(struct ql_run *run, uint64_t number, ql_get_fn get, void *ctx);
/* No later row with a higher number changes the answer. */
bool ql_run_full(const struct ql_run *run);
/* {"results":[..]} on the heap, NUL-terminated. Once. */
spoke_status ql_run_end(struct ql_run *run, char **json);

#endif
