/* Lists come in pages: {"value": [...], "nextLink": "..."}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/url.h"
#include "rest.h"
#include "rest_filter.h"
#include "rest_query.h"
#include "rest_routes.h"
#include "rest_seal.h"

#define DEFAULT_PAGE 25u
#define MAX_PAGE 100u
#define MAX_PASSED 1000u  /* a few ms: a filter that nothing fits holds up no device */
#define MAX_LOOKED 20000u /* the same for rows that are only counted */

/* Ignoring a filter would hand out what was not asked for. */
static bool refuse_unoffered(struct rest_call *call)
{
    static const char *const NAMES[] = {"expand",  "$expand", "unmodeled", "$select",  "$skip",  "$count",
                                        "$search", "$filter", "filter",    "$orderby", "orderby"};
    static const size_t SORTING = 4; /* at the end; those before are not offered anywhere */
    const bool sorts = (call->route->query & REST_QUERY_FILTER) != 0;
    const size_t count = sizeof NAMES / sizeof NAMES[0] - (sorts ? SORTING : 0);
    for (size_t i = 0; i < count; i++) {
        char *value = NULL;
        if (!rest_option(call, NAMES[i], &value))
            return false;
        if (value != NULL) {
            free(value);
            rest_fail(&call->reply, 400, "InvalidQuery", "%s is not offered by this service.", NAMES[i]);
            return false;
        }
    }
    return true;
}

/* One that was made up leads to another place of the list, as any text does. */
static void open_token(struct rest_call *call, struct rest_page *page)
{
    char *text = page->after != NULL ? rest_unseal(call->core, page->after) : NULL;
    if (text == NULL)
        return;
    free(page->after);
    page->after = text;
}

/* A bound caller learns no id or name of what it does not see. */
static bool seal_token(struct rest_call *call, struct rest_page *page)
{
    if (!page->more || !page->last_passed || page->last == NULL || rest_sees(call, NULL))
        return page->last != NULL;
    char *sealed = rest_seal(call->core, page->last);
    free(page->last);
    page->last = sealed;
    return sealed != NULL;
}

bool rest_page_begin(struct rest_call *call, struct rest_page *page)
{
    return rest_page_begin_most(call, page, MAX_PAGE);
}

bool rest_page_begin_most(struct rest_call *call, struct rest_page *page, size_t most)
{
    memset(page, 0, sizeof *page);
    page->limit = DEFAULT_PAGE;
    if (!refuse_unoffered(call) || !rest_option_count(call, "$top", most, &page->limit) ||
        !rest_option_count(call, "maxpagesize", most, &page->limit) ||
        !rest_option(call, "$skiptoken", &page->after))
        return false;
    open_token(call, page);
    page->items = cJSON_CreateArray();
    if (page->items == NULL) {
        free(page->after);
        rest_fail_internal(&call->reply, SPOKE_E_NO_MEMORY);
    }
    return page->items != NULL;
}

bool rest_page_add(struct rest_page *page, cJSON *item, const char *key)
{
    if (page->count == page->limit) {
        page->more = true;
        cJSON_Delete(item);
        return false;
    }
    page->count++;
    cJSON_AddItemToArray(page->items, item);
    free(page->last);
    page->last = strdup(key);
    return page->last != NULL;
}

static void free_page(struct rest_page *page)
{
    free(page->after);
    free(page->last);
    free(page->filter);
}

/* One of two spellings. *value NULL: neither. */
static bool read_either(struct rest_call *call, const char *stable, const char *preview, char **value)
{
    char *other = NULL;
    if (!rest_option(call, stable, value))
        return false;
    if (!rest_option(call, preview, &other)) {
        free(*value);
        return false;
    }
    if (*value != NULL && other != NULL) {
        rest_fail(&call->reply, 400, "InvalidQuery", "%s and %s say the same; give one of them.", stable, preview);
        free(*value);
        free(other);
        return false;
    }
    *value = *value != NULL ? *value : other;
    return true;
}

static bool read_filter(struct rest_call *call, struct rest_page *page, const struct filter_field *fields,
                        size_t count)
{
    char *text = NULL, why[120] = "";
    if (!read_either(call, "$filter", "filter", &text))
        return false;
    if (text == NULL)
        return true;
    page->filter = malloc(sizeof *page->filter);
    const spoke_status status =
        page->filter == NULL ? SPOKE_E_NO_MEMORY
                             : filter_parse(spoke_str_of(text), fields, count, page->filter, why, sizeof why);
    free(text);
    if (status == SPOKE_E_NO_MEMORY)
        rest_fail_internal(&call->reply, status);
    else if (status != SPOKE_OK)
        rest_fail(&call->reply, 400, "InvalidQuery", "The filter is not understood: %s.", why);
    return status == SPOKE_OK;
}

static bool read_order(struct rest_call *call, struct rest_page *page)
{
    static const struct {
        const char *text;
        enum store_order order;
    } ORDERS[] = {{"id", STORE_BY_ID},
                  {"id asc", STORE_BY_ID},
                  {"id desc", STORE_BY_ID_DOWN},
                  {"displayName", STORE_BY_NAME},
                  {"displayName asc", STORE_BY_NAME},
                  {"displayName desc", STORE_BY_NAME_DOWN}};
    char *text = NULL;
    bool known = false;
    if (!read_either(call, "$orderby", "orderby", &text))
        return false;
    for (size_t i = 0; text != NULL && i < sizeof ORDERS / sizeof ORDERS[0]; i++) {
        if (strcmp(ORDERS[i].text, text) == 0) {
            page->order = ORDERS[i].order;
            known = true;
        }
    }
    if (text != NULL && !known)
        rest_fail(&call->reply, 400, "InvalidQuery",
                  "$orderby is displayName or id, with asc or desc behind a space.");
    free(text);
    return call->reply.status == 0;
}

static bool by_name(const struct rest_page *page)
{
    return page->order == STORE_BY_NAME || page->order == STORE_BY_NAME_DOWN;
}

/* "id name": an id has no space. */
static bool cut_token(struct rest_call *call, struct rest_page *page)
{
    char *space = page->after != NULL ? strchr(page->after, ' ') : NULL;
    page->after_name = "";
    if (page->after == NULL || !by_name(page))
        return true;
    if (space == NULL) {
        rest_fail(&call->reply, 400, "InvalidQuery", "$skiptoken is of a list in another order.");
        return false;
    }
    *space = '\0';
    page->after_name = space + 1;
    return true;
}

bool rest_page_sort(struct rest_call *call, struct rest_page *page, const struct filter_field *fields,
                    size_t count)
{
    if (read_filter(call, page, fields, count) && read_order(call, page) && cut_token(call, page))
        return true;
    cJSON_Delete(page->items);
    free_page(page);
    return false;
}

struct store_place rest_page_place(const struct rest_page *page)
{
    return (struct store_place){.order = page->order, .name = page->after_name, .id = page->after};
}

static char *key_of(const struct rest_page *page, const char *id, const char *name)
{
    char *key = NULL;
    if (!by_name(page))
        return strdup(id);
    return asprintf(&key, "%s %s", id, name) < 0 ? NULL : key;
}

bool rest_page_add_named(struct rest_page *page, cJSON *item, const char *id, const char *name)
{
    char *key = key_of(page, id, name);
    if (key == NULL) {
        cJSON_Delete(item);
        free(page->last);
        page->last = NULL; /* rest_page_end sees that there was no memory */
        page->count++;
        return false;
    }
    const bool more = rest_page_add(page, item, key);
    free(key);
    return more;
}

bool rest_page_pass(struct rest_page *page, const char *id, const char *name)
{
    if (++page->passed < MAX_PASSED)
        return true;
    free(page->last);
    page->last = key_of(page, id, name);
    page->last_passed = page->more = true;
    return false;
}

bool rest_page_goes_on(struct rest_page *page, size_t looked)
{
    if (looked < MAX_LOOKED)
        return true;
    page->more = true;
    return false;
}

/* The path arrived decoded. */
static spoke_status append_path(const char *path, spoke_buf *out)
{
    spoke_str rest = spoke_str_of(path);
    spoke_status status = SPOKE_OK;
    for (bool more = true; more && status == SPOKE_OK;) {
        spoke_str segment, tail = {NULL, 0};
        more = spoke_str_cut(rest, '/', &segment, &tail);
        rest = tail;
        status = url_encode(segment, out);
        if (more && status == SPOKE_OK)
            status = spoke_buf_append_byte(out, '/');
    }
    return status;
}

static char *next_link(const struct core_request *request, const char *last)
{
    const char *base = request->base != NULL ? request->base : "";
    char *query = rest_query_without(request->query, "$skiptoken");
    const size_t cap = query == NULL ? 0
                                     : strlen(base) + 3 * strlen(request->path) + strlen(query) +
                                           3 * strlen(last) + sizeof "?&%24skiptoken=";
    char *link = query != NULL ? malloc(cap) : NULL;
    spoke_buf out = spoke_buf_from(link, cap);
    spoke_status status = link != NULL ? spoke_buf_append(&out, spoke_str_of(base)) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = append_path(request->path, &out);
    if (status == SPOKE_OK)
        status = spoke_buf_append_byte(&out, '?');
    if (status == SPOKE_OK)
        status = spoke_buf_append(&out, spoke_str_of(query));
    if (status == SPOKE_OK)
        status =
            spoke_buf_append(&out, query[0] != '\0' ? SPOKE_STR("&%24skiptoken=") : SPOKE_STR("%24skiptoken="));
    if (status == SPOKE_OK)
        status = url_encode(spoke_str_of(last), &out);
    if (status == SPOKE_OK)
        status = spoke_buf_append_byte(&out, '\0');
    free(query);
    if (status == SPOKE_OK)
        return link;
    free(link);
    return NULL;
}

void rest_page_end(struct rest_call *call, struct rest_page *page, spoke_status status)
{
    cJSON *body = cJSON_CreateObject();
    char *link = page->more && seal_token(call, page) ? next_link(call->request, page->last) : NULL;
    if (status == SPOKE_OK && (body == NULL || (page->count > 0 && page->last == NULL) || (page->more && !link)))
        status = SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK) {
        cJSON_AddItemToObject(body, "value", page->items);
        if (link != NULL)
            cJSON_AddStringToObject(body, "nextLink", link);
        rest_ok(&call->reply, 200, body);
    } else {
        cJSON_Delete(page->items);
        cJSON_Delete(body);
        rest_fail_internal(&call->reply, status);
    }
    free(link);
    free_page(page);
}
