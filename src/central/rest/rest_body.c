/* Bodies: their members, the values in them, and errors that name the place. */
#include <spoke/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/core_internal.h"
#include "central/core/json_tree.h"
#include "rest.h"

/* --- names --- */

#define MOST_NAMES 10000u /* of an object, which are sorted: a few ms */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the names. NULL: none is there twice. */
static const char *first_double(const char **names, size_t count)
{
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return names[i];
    return NULL;
}

/* `names` has room for MOST_NAMES. */
static bool object_names_once(struct rest_call *call, const cJSON *object, const char **names)
{
    const cJSON *item = NULL;
    size_t count = 0;
    cJSON_ArrayForEach(item, object)
    {
        if (count == MOST_NAMES) {
            rest_fail(&call->reply, 413, "PayloadTooLarge", "An object of a body has at most %u members.",
                      MOST_NAMES);
            return false;
        }
        names[count++] = item->string;
    }
    const char *twice = first_double(names, count);
    if (twice != NULL)
        rest_fail(&call->reply, 400, "InvalidBody", "\"%.100s\" is there twice in an object of the body.", twice);
    return twice == NULL;
}

bool rest_names_once(struct rest_call *call, cJSON *body)
{
    struct json_tree_walk walk;
    const char **names = malloc(MOST_NAMES * sizeof *names);
    bool good = names != NULL;
    if (!good)
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    json_tree_begin(&walk, body);
    for (cJSON *item = body; good && item != NULL; item = json_tree_next(&walk))
        good = !cJSON_IsObject(item) || object_names_once(call, item, names);
    free(names);
    return good;
}

/* --- members --- */

static bool has_type(const cJSON *item, enum rest_type type)
{
    switch (type) {
    case REST_ANY:
        return true;
    case REST_TEXT:
        return cJSON_IsString(item);
    case REST_BOOL:
        return cJSON_IsBool(item);
    case REST_OBJECT:
        return cJSON_IsObject(item);
    case REST_ARRAY:
        return cJSON_IsArray(item);
    case REST_NUMBER:
        return cJSON_IsNumber(item);
    }
    return false;
}

static const char *type_text(enum rest_type type)
{
    static const char *const TEXTS[] = {
        [REST_ANY] = "a value",      [REST_TEXT] = "a string",  [REST_BOOL] = "true or false",
        [REST_OBJECT] = "an object", [REST_ARRAY] = "an array", [REST_NUMBER] = "a number"};
    return TEXTS[type];
}

static const struct rest_member *find_member(const char *name, const struct rest_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

bool rest_in_list(const cJSON *list, const char *text)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0) return true;
    return false;
}

bool rest_refuse_body(struct rest_call *call, const char *sentence)
{
    rest_fail(&call->reply, 400, "InvalidBody", "%s", sentence);
    return false;
}

bool rest_members(struct rest_call *call, const cJSON *object, const char *place,
                  const struct rest_member *members, size_t count)
{
    struct rest_reply *reply = &call->reply;
    const cJSON *item = NULL;
    for (size_t i = 0; i < count; i++)
        *members[i].out = NULL;
    cJSON_ArrayForEach(item, object)
    {
        const struct rest_member *member = find_member(item->string, members, count);
        if (member == NULL) {
            rest_fail(reply, 400, "InvalidBody", "\"%.100s\" is not a member of %s.", item->string, place);
            return false;
        }
        if (!has_type(item, member->type) && !(member->nullable && cJSON_IsNull(item))) {
            rest_fail(reply, 400, "InvalidBody", "\"%s\" of %s has to be %s.", member->name, place,
                      type_text(member->type));
            return false;
        }
        *member->out = item;
    }
    return true;
}

bool rest_take_text(char **slot, const cJSON *item, bool merge)
{
    if (item == NULL && merge)
        return true;
    if (cJSON_IsString(item))
        return text_set(slot, spoke_str_of(item->valuestring));
    free(*slot);
    *slot = NULL;
    return true;
}

/* The body carries the quotes of an HTTP entity tag, as the cloud's does. */
void rest_etag_text(int64_t etag, char out[REST_ETAG_CAP])
{
    (void)snprintf(out, REST_ETAG_CAP, "\"%llx\"", (unsigned long long)etag);
}

void rest_add_etag(cJSON *object, int64_t etag)
{
    char text[REST_ETAG_CAP];
    rest_etag_text(etag, text);
    cJSON_AddStringToObject(object, "etag", text);
}

/* RFC 9110 section 13.1: "*" is anything that is there, else a list of tags. Ours have no commas. */
static bool has_tag(const char *header, const char *present)
{
    spoke_str rest = spoke_str_of(header);
    while (present != NULL && rest.len > 0) {
        spoke_str tag, tail = {NULL, 0};
        (void)spoke_str_cut(rest, ',', &tag, &tail);
        rest = tail;
        while (tag.len > 0 && (tag.ptr[0] == ' ' || tag.ptr[0] == '\t'))
            tag = spoke_str_from(tag.ptr + 1, tag.len - 1);
        while (tag.len > 0 && (tag.ptr[tag.len - 1] == ' ' || tag.ptr[tag.len - 1] == '\t'))
            tag.len--;
        if (spoke_str_equal(tag, SPOKE_STR("*")) || spoke_str_equal(tag, spoke_str_of(present)))
            return true;
    }
    return false;
}

bool rest_etag_matches(struct rest_call *call, const cJSON *wanted, int64_t present)
{
    const struct core_request *request = call->request;
    char text[REST_ETAG_CAP];
    rest_etag_text(present, text);
    const char *tag = present != 0 ? text : NULL;
    const bool same = (wanted == NULL || (tag != NULL && strcmp(wanted->valuestring, tag) == 0)) &&
                      (request->if_match == NULL || has_tag(request->if_match, tag));
    if (!same)
        rest_fail(&call->reply, 412, "PreconditionFailed",
                  tag != NULL ? "It was changed since that etag was read; read it again."
                              : "There is nothing yet that could have an etag.");
    else if (has_tag(request->if_none_match, tag))
        rest_fail(&call->reply, 412, "PreconditionFailed",
                  "It is there already, and If-None-Match asks that it is not.");
    return call->reply.status == 0;
}

cJSON *rest_raw(const char *json)
{
    return json != NULL ? cJSON_CreateRaw(json) : cJSON_CreateNull();
}

size_t rest_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0u) != 0x80u;
    return count;
}

/* How many bytes of valid, non-NUL UTF-8 stand at the front: 1 to 4, or 0. */
static size_t character_len(spoke_str text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++)
        if (spoke_utf8_valid(spoke_str_from(text.ptr, len)))
            return len;
    return 0;
}

cJSON *rest_text(const void *bytes, size_t len)
{
    static const char REPLACEMENT[] = "\xEF\xBF\xBD";
    spoke_str rest = spoke_str_from(bytes, len);
    char *text = malloc(len * 3 + 1); /* one byte may become three; bodies are at most 256 KB */
    size_t used = 0;
    if (text == NULL)
        return NULL;
    while (rest.len > 0) {
        const size_t step = character_len(rest);
        const size_t count = step > 0 ? step : 3;
        memcpy(text + used, step > 0 ? rest.ptr : REPLACEMENT, count);
        used += count;
        rest = spoke_str_from(rest.ptr + (step > 0 ? step : 1), rest.len - (step > 0 ? step : 1));
    }
    text[used] = '\0';
    cJSON *item = cJSON_CreateString(text);
    free(text);
    return item;
}

static spoke_status make_key(struct core *c, char **slot)
{
    char text[96];
    spoke_status status = core_make_key(c, text) ? SPOKE_OK : SPOKE_E_PORT;
    if (status == SPOKE_OK && !text_set(slot, spoke_str_of(text)))
        status = SPOKE_E_NO_MEMORY;
    spoke_wipe(text, sizeof text);
    return status;
}

bool rest_key(struct rest_call *call, const cJSON *key, const char *place, char **slot)
{
    spoke_key decoded;
    if (key == NULL && *slot != NULL)
        return true;
    if (key == NULL || cJSON_IsNull(key)) {
        const spoke_status status = make_key(call->core, slot);
        if (status != SPOKE_OK)
            rest_fail_internal(&call->reply, status);
        return status == SPOKE_OK;
    }
    const spoke_str text = spoke_str_of(key->valuestring);
    const spoke_status status = spoke_key_from_base64(text, &decoded);
    spoke_key_wipe(&decoded);
    if (status != SPOKE_OK)
        rest_fail(&call->reply, 400, "InvalidBody", "%s is not the base64 of 16 to 64 bytes.", place);
    else if (!text_set(slot, text))
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    return call->reply.status == 0;
}
