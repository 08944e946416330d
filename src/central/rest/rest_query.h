/* The query part of a request's target: "a=1&%24top=5". Names and values are percent-coded, '+' is a space. */
#ifndef SPOKE_SRC_CENTRAL_REST_QUERY_H
#define SPOKE_SRC_CENTRAL_REST_QUERY_H

#include <spoke/base.h>

/* The decoded value on the heap. E_NOT_FOUND: no such parameter. E_ARG: it is there twice, or its value has a
 * broken escape, a NUL or bytes that are not UTF-8. E_NO_MEMORY. */
spoke_status rest_query_get(const char *query, const char *name, char **value);
/* The query as it stands, without that parameter. On the heap; NULL: no memory. */
char *rest_query_without(const char *query, const char *name);

#endif
