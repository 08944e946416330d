/* CRC-32 as in IEEE 802.3 and zlib. Begin with 0; the answer for one piece is the beginning for the next. */
#ifndef SPOKE_SRC_BASE_CRC32_H
#define SPOKE_SRC_BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t len);

#endif
