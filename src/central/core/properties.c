#include "properties.h"

#include <stdlib.h>
#include <string.h>

#include <spoke/proto/hub.h>

#define MAX_PROPERTIES 1000u /* ours: a bag of 64 KB could hold 30,000, and each is compared with the others */
#define ESCAPED_BYTES 6u     /* what one byte may become in JSON: \u001f */

/* System properties and the names under which they are shown. */
static const struct {
    const char *wire, *shown;
} system_names[] = {
    {"$.mid", "messageId"},
    {"$.cid", "correlationId"},
    {"$.uid", "userId"},
    {"$.ct", "contentType"},
    {"$.ce", "contentEncoding"},
    {"$.ctime", "creationTimeUtc"},
    {"iothub-creation-time-utc", "creationTimeUtc"},
    {"$.sub", "component"},
    {"$.on", "outputName"},
    {"$.to", "to"},
    {"$.exp", "expiryTimeUtc"},
    {"$.ifid", "interfaceId"},
};

static const char *system_name(const char *name)
{
    if (name[0] != '$' && name[0] != 'i')
        return NULL;
    for (size_t i = 0; i < sizeof system_names / sizeof system_names[0]; i++)
        if (strcmp(system_names[i].wire, name) == 0)
            return system_names[i].shown;
    return strncmp(name, "$.", 2) == 0 ? name : NULL;
}

/* --- lists --- */

static struct property *find(const struct property_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return &list->items[i];
    return NULL;
}

void properties_put(struct property_list *list, const char *name, const char *value)
{
    struct property *p = find(list, name);
    if (p == NULL)
        p = &list->items[list->count++];
    *p = (struct property){name, value};
}

const char *properties_get(const struct property_list *list, const char *name)
{
    const struct property *p = find(list, name);
    return p != NULL ? p->value : NULL;
}

/* The texts were checked to be UTF-8, so what JSON itself uses and control characters are all there is to escape. */
static char *write_text(char *at, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    *at++ = '"';
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte >= 0x20) {
            if (byte == '"' || byte == '\\')
                *at++ = '\\';
            *at++ = *text;
        } else {
            memcpy(at, "\\u00", 4);
            at[4] = digits[byte >> 4];
            at[5] = digits[byte & 0xf];
            at += ESCAPED_BYTES;
        }
    }
    *at++ = '"';
    return at;
}

static size_t most_bytes(const struct property_list *list)
{
    size_t most = sizeof "{}";
    for (size_t i = 0; i < list->count; i++) {
        const struct property *p = &list->items[i];
        const size_t bytes = strlen(p->name) + (p->value != NULL ? strlen(p->value) : 0);
        most += ESCAPED_BYTES * bytes + sizeof "\"\":null,";
    }
    return most;
}

char *properties_json(const struct property_list *list)
{
    char *text = malloc(most_bytes(list));
    char *at = text;
    if (text == NULL)
        return NULL;
    *at++ = '{';
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            *at++ = ',';
        at = write_text(at, list->items[i].name);
        *at++ = ':';
        if (list->items[i].value != NULL)
            at = write_text(at, list->items[i].value);
        else
            at = (char *)memcpy(at, "null", 4) + 4;
    }
    *at++ = '}';
    *at = '\0';
    return text;
}

/* --- reading --- */

/* Decoded to *at, which moves behind its NUL. */
static spoke_status decode(spoke_str text, char **at, const char **out)
{
    spoke_buf buf = spoke_buf_from(*at, text.len); /* decoding makes nothing longer */
    spoke_status status = spoke_percent_decode(text, &buf);
    if (status == SPOKE_OK && !spoke_utf8_valid(spoke_buf_str(&buf)))
        status = SPOKE_E_PROTOCOL;
    if (status != SPOKE_OK)
        return status;
    *out = *at;
    (*at)[buf.len] = '\0';
    *at += buf.len + 1;
    return SPOKE_OK;
}

static spoke_status read_item(struct properties *p, const spoke_bag_item *item, char **at)
{
    const char *name = NULL, *value = NULL;
    spoke_status status = decode(item->name, at, &name);
    if (status == SPOKE_OK && item->has_value)
        status = decode(item->value, at, &value);
    if (status != SPOKE_OK)
        return status;
    const char *shown = system_name(name);
    properties_put(shown != NULL ? &p->system : &p->application, shown != NULL ? shown : name, value);
    p->bytes += (shown != NULL ? 0 : strlen(name)) + (value != NULL ? strlen(value) : 0);
    return SPOKE_OK;
}

/* As many as can be in the bag, or one too many. */
static size_t count_items(spoke_str bag)
{
    size_t count = bag.len > 0;
    for (size_t i = 0; i < bag.len && count <= MAX_PROPERTIES; i++)
        count += bag.ptr[i] == '&';
    return count;
}

spoke_status properties_read(struct properties *p, spoke_str bag)
{
    spoke_bag_item item;
    spoke_status status;
    size_t count = 0;
    if (spoke_str_starts(bag, SPOKE_STR("?"))) /* some clients write it like a query */
        bag = spoke_str_from(bag.ptr + 1, bag.len - 1);
    const size_t room = count_items(bag) + PROPERTIES_ADDED;
    memset(p, 0, sizeof *p);
    p->system.items = calloc(2 * room, sizeof *p->system.items);
    p->text = malloc(bag.len + 2); /* each '=' and '&' becomes a NUL, and so does the end */
    if (p->system.items == NULL || p->text == NULL)
        return SPOKE_E_NO_MEMORY;
    p->application.items = p->system.items + room;
    char *at = p->text;
    while ((status = spoke_bag_next(&bag, &item)) == SPOKE_OK) {
        if (item.name.len == 0)
            continue;
        status = ++count <= MAX_PROPERTIES ? read_item(p, &item, &at) : SPOKE_E_TOO_LARGE;
        if (status != SPOKE_OK)
            return status;
    }
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

void properties_free(struct properties *p)
{
    free(p->system.items);
    free(p->text);
}
