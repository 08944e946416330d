/* Finds the Date of an HTTP response (RFC 9110, 6.6.1) as its bytes come in. Pure, bounded: whatever the peer sends,
 * it keeps one line and gives up after HTTP_DATE_MAX_BYTES.
 *
 *     struct http_date d = {0};
 *     status = http_date_feed(&d, bytes, len, &unix_s);
 */
#ifndef SPOKE_SRC_BASE_HTTP_DATE_H
#define SPOKE_SRC_BASE_HTTP_DATE_H

#include <spoke/base.h>

#define HTTP_DATE_LINE_BYTES 64u  /* a Date header has 37; what is longer is no Date header */
#define HTTP_DATE_MAX_BYTES 8192u /* of a response's head */

struct http_date { /* zeroed: at the beginning */
    char line[HTTP_DATE_LINE_BYTES];
    size_t len;  /* of the line so far; HTTP_DATE_LINE_BYTES: it is too long to matter */
    size_t seen; /* bytes of the response */
    bool begun;  /* the status line has passed */
};

/* OK: *unix_s, UTC seconds since 1970. E_AGAIN: more is needed. E_PROTOCOL: not HTTP/1, no Date in its head, one that
 * is not an IMF-fixdate of the years 1970 to 9999, or a head that is too long. */
spoke_status http_date_feed(struct http_date *d, const uint8_t *bytes, size_t len, int64_t *unix_s);
/* "Sun, 06 Nov 1994 08:49:37 GMT". E_PROTOCOL. */
spoke_status http_date_parse(spoke_str text, int64_t *unix_s);

#endif
