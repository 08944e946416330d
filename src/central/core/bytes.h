/* Bytes that grow on the heap: what a connection has received and not taken, and what waits to go out. All zeros is
 * an empty one. */
#ifndef SPOKE_SRC_CENTRAL_BYTES_H
#define SPOKE_SRC_CENTRAL_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *ptr;
    size_t len, cap;
};

/* Room for that many more behind len. False: no memory, and b as it was. */
bool bytes_reserve(struct bytes *b, size_t more);
bool bytes_append(struct bytes *b, const void *from, size_t len);
/* Drops the first ones. A large buffer is not kept while it is empty: there may be thousands. */
void bytes_consume(struct bytes *b, size_t count);
void bytes_free(struct bytes *b);

#endif
