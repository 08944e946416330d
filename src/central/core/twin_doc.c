#include "twin_doc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define LEVELS SPOKE_MAX_TWIN_DEPTH
#define INTEGER_LEAST (-4503599627370496.0) /* -2^52 */
#define INTEGER_MOST 4503599627370495.0     /* 2^52 - 1 */
#define INTEGER_64 9223372036854775808.0    /* beyond, a number can only have been written as a double */

cJSON *twin_doc_open(const char *json)
{
    cJSON *tree = json != NULL ? cJSON_Parse(json) : NULL;
    return tree != NULL ? tree : cJSON_CreateObject();
}

/* --- walking without recursion --- */

struct walk {
    const cJSON *above[LEVELS];
    size_t depth;
    const cJSON *at; /* NULL: the end */
};

static void walk_from(struct walk *w, const cJSON *root)
{
    w->depth = 0;
    w->at = root->child;
}

/* Steps in document order. Deeper than LEVELS is not entered (twin_doc_check refuses such documents). */
static void walk_next(struct walk *w)
{
    if (w->at->child != NULL && w->depth < LEVELS) {
        w->above[w->depth++] = w->at;
        w->at = w->at->child;
        return;
    }
    w->at = w->at->next;
    while (w->at == NULL && w->depth > 0)
        w->at = w->above[--w->depth]->next;
}

/* --- limits --- */

/* Bytes of a text without C0 and C1 control characters; *controls says whether there were any. */
static size_t printable_bytes(const char *text, bool *controls)
{
    size_t count = 0;
    *controls = false;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++)
        if (*at < 0x20) {
            *controls = true;
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) { /* U+0080..U+009F */
            *controls = true;
            at++;
        } else {
            count++;
        }
    return count;
}

static const char *key_fault(const char *key)
{
    bool controls;
    (void)printable_bytes(key, &controls);
    if (controls)
        return "its name has control characters";
    if (strlen(key) > SPOKE_MAX_TWIN_KEY_BYTES)
        return "its name is longer than 1 KB";
    return strpbrk(key, ".$ ") != NULL || key[0] == '\0' ? "its name is empty or has one of '.', '$', space"
                                                         : NULL;
}

static const char *value_fault(const cJSON *item)
{
    if (cJSON_IsString(item) && strlen(item->valuestring) > SPOKE_MAX_TWIN_VALUE_BYTES)
        return "its text is longer than 4 KB";
    if (!cJSON_IsNumber(item))
        return NULL;
    double value = item->valuedouble;
    if (!isfinite(value))
        return "a number beyond what a double holds";
    bool integer = fabs(value) < INTEGER_64 && !(floor(value) < value);
    return integer && (value < INTEGER_LEAST || value > INTEGER_MOST) ? "an integer beyond 52 bits" : NULL;
}

static spoke_status refuse(char *why, size_t why_cap, const char *name, const char *fault)
{
    int shown = text_shown(spoke_str_of(name), 64);
    (void)snprintf(why, why_cap, "property '%.*s': %s", shown, name, fault);
    return SPOKE_E_ARG;
}

spoke_status twin_doc_check(const cJSON *patch, char *why, size_t why_cap)
{
    struct walk w;
    if (!cJSON_IsObject(patch)) {
        (void)snprintf(why, why_cap, "properties are a JSON object");
        return SPOKE_E_ARG;
    }
    for (walk_from(&w, patch); w.at != NULL; walk_next(&w)) {
        const char *name = w.at->string != NULL ? w.at->string : "(array element)";
        const char *fault = w.at->string != NULL ? key_fault(w.at->string) : NULL;
        if (fault == NULL)
            fault = value_fault(w.at);
        if (fault == NULL && w.depth == LEVELS - 1 && w.at->child != NULL)
            fault = "deeper than 10 levels";
        if (fault != NULL)
            return refuse(why, why_cap, name, fault);
    }
    return SPOKE_OK;
}

size_t twin_doc_size(const cJSON *section)
{
    struct walk w;
    size_t size = 0;
    bool controls;
    for (walk_from(&w, section); w.at != NULL; walk_next(&w)) {
        if (w.at->string != NULL)
            size += strlen(w.at->string);
        if (cJSON_IsString(w.at))
            size += printable_bytes(w.at->valuestring, &controls);
        else if (cJSON_IsNumber(w.at))
            size += 8;
        else if (cJSON_IsBool(w.at))
            size += 4;
    }
    return size;
}

size_t twin_doc_count(const cJSON *section)
{
    struct walk w;
    size_t count = 0;
    for (walk_from(&w, section); w.at != NULL; walk_next(&w))
        count++;
    return count;
}

/* --- merging --- */

/* Takes `value`. NULL: there was no memory for it. */
static cJSON *put(cJSON *object, const char *name, cJSON *value)
{
    if (value == NULL)
        return NULL;
    bool done = cJSON_GetObjectItemCaseSensitive(object, name) != NULL
                    ? cJSON_ReplaceItemInObjectCaseSensitive(object, name, value)
                    : cJSON_AddItemToObject(object, name, value);
    if (done)
        return value;
    cJSON_Delete(value);
    return NULL;
}

struct level {
    cJSON *target;
    const cJSON *at;
};

/* One member. *inner: the object to go on in, when the member is one. */
static spoke_status merge_member(cJSON *target, const cJSON *item, cJSON **inner)
{
    *inner = NULL;
    if (cJSON_IsNull(item)) {
        cJSON_DeleteItemFromObjectCaseSensitive(target, item->string);
        return SPOKE_OK;
    }
    if (!cJSON_IsObject(item)) /* as deep as LEVELS at most, so cJSON may recurse */
        return put(target, item->string, cJSON_Duplicate(item, true)) != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    *inner = cJSON_GetObjectItemCaseSensitive(target, item->string);
    if (!cJSON_IsObject(*inner))
        *inner = put(target, item->string, cJSON_CreateObject());
    return *inner != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

spoke_status twin_doc_merge(cJSON *section, const cJSON *patch)
{
    struct level levels[LEVELS + 1] = {{section, patch->child}};
    size_t depth = 0;
    for (;;) {
        struct level *level = &levels[depth];
        const cJSON *item = level->at;
        cJSON *inner;
        if (item == NULL && depth == 0)
            return SPOKE_OK;
        if (item == NULL) {
            depth--;
            continue;
        }
        level->at = item->next;
        spoke_status status = merge_member(level->target, item, &inner);
        if (status != SPOKE_OK)
            return status;
        if (inner != NULL && depth < LEVELS)
            levels[++depth] = (struct level){inner, item->child};
    }
}

/* --- metadata --- */

static bool is_component(const cJSON *value)
{
    const cJSON *marker = cJSON_GetObjectItemCaseSensitive(value, "__t");
    return cJSON_IsObject(value) && cJSON_IsString(marker) && strcmp(marker->valuestring, "c") == 0;
}

static bool stamp(cJSON *entry, int64_t version, const char *now)
{
    return put(entry, "$lastUpdated", cJSON_CreateString(now)) != NULL &&
           put(entry, "$lastUpdatedVersion", cJSON_CreateNumber((double)version)) != NULL;
}

/* The entry of `name`, new unless it is to be kept and there. */
static cJSON *entry_of(cJSON *meta, const char *name, bool keep)
{
    cJSON *entry = keep ? cJSON_GetObjectItemCaseSensitive(meta, name) : NULL;
    return cJSON_IsObject(entry) ? entry : put(meta, name, cJSON_CreateObject());
}

static bool stamp_component(cJSON *entry, const cJSON *patch, int64_t version, const char *now)
{
    for (const cJSON *at = patch->child; at != NULL; at = at->next) {
        if (strcmp(at->string, "__t") == 0)
            continue;
        if (cJSON_IsNull(at)) {
            cJSON_DeleteItemFromObjectCaseSensitive(entry, at->string);
            continue;
        }
        cJSON *inner = entry_of(entry, at->string, false);
        if (inner == NULL || !stamp(inner, version, now))
            return false;
    }
    return true;
}

spoke_status twin_doc_stamp(cJSON *meta, const cJSON *section, const cJSON *patch, int64_t version,
                            const char *now)
{
    for (const cJSON *at = patch->child; at != NULL; at = at->next) {
        if (cJSON_IsNull(at)) {
            cJSON_DeleteItemFromObjectCaseSensitive(meta, at->string);
            continue;
        }
        bool component = cJSON_IsObject(at) && is_component(cJSON_GetObjectItemCaseSensitive(section, at->string));
        cJSON *entry = entry_of(meta, at->string, component);
        if (entry == NULL || !stamp(entry, version, now) ||
            (component && !stamp_component(entry, at, version, now)))
            return SPOKE_E_NO_MEMORY;
    }
    return SPOKE_OK;
}
