#include "hosts.h"

#include <string.h>

static bool sound(spoke_str host)
{
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.ptr[i] <= ' ' || host.ptr[i] == 0x7F)
            return false;
    return host.len > 0 && host.len <= SPOKE_MAX_HOST_BYTES;
}

#if SPOKE_WITH_HOSTS

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the text up to the next comma off the list, without the blanks around it. */
static spoke_str take(const char **list)
{
    const char *begin = *list, *end = begin + strcspn(begin, ",");
    *list = *end == ',' ? end + 1 : NULL;
    while (begin < end && blank(*begin))
        begin++;
    while (end > begin && blank(end[-1]))
        end--;
    return spoke_str_from(begin, (size_t)(end - begin));
}

size_t hosts_count(const char *list)
{
    size_t count = 0;
    while (list != NULL) {
        if (count == SPOKE_MAX_HOSTS || !sound(take(&list)))
            return 0;
        count++;
    }
    return count;
}

bool hosts_get(const char *list, size_t index, char *out, size_t cap)
{
    const size_t count = hosts_count(list);
    if (count == 0)
        return false;
    spoke_str host = take(&list);
    for (size_t i = 0; i < index % count; i++)
        host = take(&list);
    if (host.len >= cap)
        return false;
    memcpy(out, host.ptr, host.len);
    out[host.len] = '\0';
    return true;
}

bool hosts_failed(struct host_ring *ring, size_t count)
{
    if (count < 2)
        return false;
    ring->at = (uint8_t)((ring->at + 1u) % count);
    ring->failed++;
    if (ring->failed < count)
        return true;
    ring->failed = 0;
    return false;
}

#else

size_t hosts_count(const char *list)
{
    return sound(spoke_str_of(list)) ? 1 : 0;
}

bool hosts_get(const char *list, size_t index, char *out, size_t cap)
{
    const spoke_str host = spoke_str_of(list);
    (void)index;
    if (host.len == 0 || host.len >= cap)
        return false;
    memcpy(out, host.ptr, host.len + 1);
    return true;
}

bool hosts_failed(struct host_ring *ring, size_t count)
{
    (void)ring, (void)count;
    return false;
}

#endif
