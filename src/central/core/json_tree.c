#include "json_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/iso8601.h"
#include "base/json_scan.h"

#define MAX_MERGED 1000u /* members that a merge looks at: each is looked for in a list */

struct reader {
    spoke_str text;
    size_t at;
    cJSON *open[JSON_TREE_DEPTH];
    size_t depth;
    char *key; /* of the member whose value comes next */
    cJSON *root;
    spoke_status status;
};

static bool fail(struct reader *r, spoke_status status)
{
    r->status = status;
    return false;
}

static char peek(struct reader *r)
{
    return json_scan_token(r->text, &r->at);
}

/* The string that stands here, unescaped, on the heap. */
static char *take_text(struct reader *r)
{
    const size_t start = r->at;
    if (!json_scan_string(r->text, &r->at)) {
        (void)fail(r, SPOKE_E_JSON);
        return NULL;
    }
    const size_t len = r->at - start;
    char *text = malloc(len);
    spoke_buf out = spoke_buf_from(text, len - 1);
    if (text == NULL || spoke_json_text(spoke_str_from(r->text.ptr + start, len), &out) != SPOKE_OK ||
        memchr(text, '\0', out.len) != NULL) { /* cJSON would cut the text there */
        (void)fail(r, text == NULL ? SPOKE_E_NO_MEMORY : SPOKE_E_JSON);
        free(text);
        return NULL;
    }
    text[out.len] = '\0';
    return text;
}

static cJSON *take_string(struct reader *r)
{
    char *text = take_text(r);
    cJSON *item = text != NULL ? cJSON_CreateString(text) : NULL;
    free(text);
    return item;
}

static cJSON *take_number(struct reader *r)
{
    char memory[64], *text = memory;
    const size_t start = r->at;
    if (!json_scan_number(r->text, &r->at)) {
        (void)fail(r, SPOKE_E_JSON);
        return NULL;
    }
    const size_t len = r->at - start;
    if (len >= sizeof memory)
        text = malloc(len + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, r->text.ptr + start, len);
    text[len] = '\0';
    cJSON *item = cJSON_CreateRaw(text);
    if (text != memory)
        free(text);
    return item;
}

static cJSON *take_word(struct reader *r, spoke_str word, cJSON *(*make)(void))
{
    if (!spoke_str_starts(spoke_str_from(r->text.ptr + r->at, r->text.len - r->at), word)) {
        (void)fail(r, SPOKE_E_JSON);
        return NULL;
    }
    r->at += word.len;
    return make();
}

static cJSON *take_scalar(struct reader *r, char first)
{
    if (first == '"')
        return take_string(r);
    if (first == 't')
        return take_word(r, SPOKE_STR("true"), cJSON_CreateTrue);
    if (first == 'f')
        return take_word(r, SPOKE_STR("false"), cJSON_CreateFalse);
    if (first == 'n')
        return take_word(r, SPOKE_STR("null"), cJSON_CreateNull);
    return take_number(r);
}

/* Hangs the value where it belongs; r->root owns it from here on. */
static bool place(struct reader *r, cJSON *item)
{
    cJSON *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;
    bool placed = true;
    if (parent == NULL)
        r->root = item;
    else if (cJSON_IsArray(parent))
        placed = cJSON_AddItemToArray(parent, item);
    else
        placed = cJSON_AddItemToObject(parent, r->key, item);
    free(r->key);
    r->key = NULL;
    if (!placed)
        cJSON_Delete(item);
    return placed || fail(r, SPOKE_E_NO_MEMORY);
}

/* One value, or the bracket that opens one. */
static bool take_value(struct reader *r)
{
    const char first = peek(r);
    const bool bracket = first == '{' || first == '[';
    cJSON *item;
    if (bracket && r->depth == JSON_TREE_DEPTH)
        return fail(r, SPOKE_E_TOO_LARGE);
    if (bracket) {
        r->at++;
        item = first == '{' ? cJSON_CreateObject() : cJSON_CreateArray();
    } else {
        item = take_scalar(r, first);
    }
    if (item == NULL)
        return fail(r, r->status != SPOKE_OK ? r->status : SPOKE_E_NO_MEMORY);
    if (!place(r, item))
        return false;
    if (bracket)
        r->open[r->depth++] = item;
    return true;
}

static bool take_key(struct reader *r)
{
    if (peek(r) != '"')
        return fail(r, SPOKE_E_JSON);
    r->key = take_text(r);
    if (r->key == NULL || peek(r) != ':')
        return fail(r, r->status != SPOKE_OK ? r->status : SPOKE_E_JSON);
    r->at++;
    return true;
}

/* From behind a value or an opening bracket to the next value, closing brackets on the way. */
static bool advance(struct reader *r)
{
    while (r->depth > 0) {
        const cJSON *top = r->open[r->depth - 1];
        const char close = cJSON_IsArray(top) ? ']' : '}';
        const char ch = peek(r);
        if (ch == close) {
            r->at++;
            r->depth--;
            continue;
        }
        if (top->child != NULL) {
            if (ch != ',')
                return fail(r, SPOKE_E_JSON);
            r->at++;
        }
        return close == ']' || take_key(r);
    }
    return peek(r) == '\0' && r->at == r->text.len ? true : fail(r, SPOKE_E_JSON);
}

spoke_status json_tree_read(spoke_str text, cJSON **out, size_t *at)
{
    struct reader r = {.text = text};
    bool more = true;
    while (more && take_value(&r))
        more = advance(&r) && r.depth > 0;
    free(r.key);
    if (at != NULL)
        *at = r.at;
    if (r.status != SPOKE_OK) {
        cJSON_Delete(r.root);
        r.root = NULL;
    }
    *out = r.root;
    return r.status;
}

/* --- merging --- */

struct merging {
    cJSON *target;
    const cJSON *next; /* member of the patch */
};

static spoke_status put_copy(cJSON *target, const char *name, const cJSON *item)
{
    cJSON *copy = cJSON_Duplicate(item, true);
    cJSON_DeleteItemFromObjectCaseSensitive(target, name);
    if (copy != NULL && cJSON_AddItemToObject(target, name, copy))
        return SPOKE_OK;
    cJSON_Delete(copy);
    return SPOKE_E_NO_MEMORY;
}

/* The object that a nested patch goes into; what is there and is no object makes room for one. */
static cJSON *object_at(cJSON *target, const char *name)
{
    cJSON *present = cJSON_GetObjectItemCaseSensitive(target, name);
    if (cJSON_IsObject(present))
        return present;
    cJSON_DeleteItemFromObjectCaseSensitive(target, name);
    return cJSON_AddObjectToObject(target, name);
}

spoke_status json_tree_merge(cJSON *target, const cJSON *patch)
{
    struct merging levels[JSON_TREE_DEPTH + 1] = {{target, patch->child}};
    size_t depth = 1, count = 0;
    while (depth > 0) {
        struct merging *level = &levels[depth - 1];
        const cJSON *item = level->next;
        if (item == NULL) {
            depth--;
            continue;
        }
        level->next = item->next;
        if (++count > MAX_MERGED || depth > JSON_TREE_DEPTH)
            return SPOKE_E_TOO_LARGE;
        if (cJSON_IsNull(item)) {
            cJSON_DeleteItemFromObjectCaseSensitive(level->target, item->string);
        } else if (cJSON_IsObject(item)) {
            levels[depth] = (struct merging){object_at(level->target, item->string), item->child};
            if (levels[depth++].target == NULL)
                return SPOKE_E_NO_MEMORY;
        } else {
            const spoke_status status = put_copy(level->target, item->string, item);
            if (status != SPOKE_OK)
                return status;
        }
    }
    return SPOKE_OK;
}

/* --- walking --- */

void json_tree_begin(struct json_tree_walk *walk, cJSON *root)
{
    walk->levels[0] = (struct json_tree_level){root, root->child, NULL};
    walk->depth = 1;
    walk->too_deep = false;
}

static void descend(struct json_tree_walk *walk, cJSON *item)
{
    if (item->child == NULL)
        return;
    walk->too_deep = walk->depth > JSON_TREE_DEPTH;
    if (!walk->too_deep)
        walk->levels[walk->depth++] = (struct json_tree_level){item, item->child, walk->key};
}

cJSON *json_tree_next(struct json_tree_walk *walk)
{
    while (walk->depth > 0 && !walk->too_deep) {
        struct json_tree_level *level = &walk->levels[walk->depth - 1];
        cJSON *item = level->next;
        if (item != NULL) {
            level->next = item->next;
            walk->parent = level->parent;
            walk->key = item->string != NULL ? item->string : level->key;
            descend(walk, item);
            return item;
        }
        walk->depth--;
    }
    return NULL;
}

spoke_status json_tree_replace(struct json_tree_walk *walk, cJSON *item, cJSON *instead)
{
    const bool replaced = cJSON_IsArray(walk->parent)
                              ? cJSON_ReplaceItemViaPointer(walk->parent, item, instead)
                              : cJSON_ReplaceItemInObjectCaseSensitive(walk->parent, item->string, instead);
    if (!replaced) {
        cJSON_Delete(instead);
        return SPOKE_E_NO_MEMORY;
    }
    walk->key = instead->string != NULL ? instead->string : walk->key;
    descend(walk, instead);
    return SPOKE_OK;
}

/* --- members --- */

void json_add_time(cJSON *object, const char *name, int64_t unix_ms)
{
    char text[40];
    spoke_buf buf = spoke_buf_from(text, sizeof text - 1);
    if (iso8601_format(unix_ms, 3, &buf) != SPOKE_OK)
        return;
    text[buf.len] = '\0';
    cJSON_AddStringToObject(object, name, text);
}
