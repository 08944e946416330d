#include "fleet/identities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spoke/proto/sas.h>

static spoke_str trim(spoke_str s)
{
    while (s.len > 0 && strchr(" \t\r", s.ptr[0]) != NULL)
        s = spoke_str_from(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr(" \t\r", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

static bool is_key(spoke_str text)
{
    spoke_key key;
    const bool is = text.len < IDENTITY_KEY_BYTES && spoke_key_from_base64(text, &key) == SPOKE_OK;
    spoke_key_wipe(&key);
    return is;
}

static bool split(spoke_str line, spoke_str *id, spoke_str *key)
{
    const bool two = spoke_str_cut(line, ',', id, key);
    *id = trim(*id);
    *key = trim(*key);
    return two && id->len > 0 && id->len <= SPOKE_MAX_ID_BYTES && is_key(*key);
}

static size_t count_lines(spoke_str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static bool read_lines(struct identities *all, const char *path, char *why, size_t cap)
{
    spoke_str rest = all->file.text, line, id, key;
    bool more = true;
    for (size_t number = 1; more; number++) {
        more = spoke_str_cut(rest, '\n', &line, &rest);
        line = trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || (number == 1 && spoke_str_equal(line, SPOKE_STR("id,key"))))
            continue;
        if (!split(line, &id, &key)) {
            snprintf(why, cap, "%s:%zu: expected a device id, a comma and the base64 key of the device", path,
                     number);
            return false;
        }
        all->lines[all->count++] = line;
    }
    if (all->count == 0)
        snprintf(why, cap, "%s: there is no device in it", path);
    return all->count > 0;
}

bool identities_read(struct identities *all, const char *path, char *why, size_t cap)
{
    all->count = 0;
    all->lines = NULL;
    if (!file_read(path, &all->file)) {
        snprintf(why, cap, "%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    all->lines = calloc(count_lines(all->file.text), sizeof *all->lines);
    if (all->lines == NULL) {
        snprintf(why, cap, "there is not enough memory");
        return false;
    }
    return read_lines(all, path, why, cap);
}

void identities_free(struct identities *all)
{
    file_free(&all->file);
    free(all->lines);
    all->lines = NULL;
}

static void copy(char *out, spoke_str text)
{
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

bool identities_get(const struct identities *all, uint32_t i, struct identity *out)
{
    spoke_str id, key;
    if (all->group == NULL) {
        const bool whole = i < all->count && split(all->lines[i], &id, &key);
        if (whole) {
            copy(out->id, id);
            copy(out->key, key);
        }
        return whole;
    }
    spoke_buf text = spoke_buf_from(out->key, sizeof out->key - 1);
    spoke_key group = *all->group;
    snprintf(out->id, sizeof out->id, "%s%u", all->prefix, (unsigned)(all->first + i));
    const bool derived = spoke_sas_derive(spoke_str_of(out->id), spoke_key_hmac, &group, &text) == SPOKE_OK;
    out->key[text.len] = '\0';
    spoke_key_wipe(&group);
    return derived;
}
