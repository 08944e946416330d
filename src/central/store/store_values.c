#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "store_query.h"

#define MAX_NOTED 16384u /* more are written before the commit */

/* A value that waits. */
struct noted {
    struct list_node in_noted;
    const char *device_id, *component, *name;
    char *json;
    size_t json_cap;
    int64_t at_ms;
};

static spoke_status write_value(struct store *s, const char *sql, const char *device_id, const char *component,
                                const char *name, const char *json, int64_t at_ms)
{
    struct store_query q;
    store_query_open(&q, s, sql);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    store_query_text(&q, json);
    store_query_int(&q, at_ms);
    return store_query_run(&q);
}

static spoke_status put_value(struct store *s, const char *device_id, const char *component, const char *name,
                              const char *json, int64_t at_ms, bool *made)
{
    static const char UPDATE[] = "UPDATE telemetry_value SET json = ?4, at_ms = ?5"
                                 " WHERE device_id = ?1 AND component = ?2 AND name = ?3 AND at_ms <= ?5";
    static const char INSERT[] = /* ignored when there is a newer one */
        "INSERT OR IGNORE INTO telemetry_value (device_id, component, name, json, at_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5)";
    spoke_status status = write_value(s, UPDATE, device_id, component, name, json, at_ms);
    if (status != SPOKE_OK || sqlite3_changes(s->db) > 0)
        return status;
    status = write_value(s, INSERT, device_id, component, name, json, at_ms);
    *made = *made || sqlite3_changes(s->db) > 0;
    return status;
}

spoke_status store_value_put(struct store *s, const char *device_id, const char *component, const char *name,
                             const char *json, int64_t at_ms)
{
    bool made = false;
    return put_value(s, device_id, component, name, json, at_ms, &made);
}

spoke_status store_value_trim(struct store *s, const char *device_id)
{
    static const char SQL[] =
        "DELETE FROM telemetry_value WHERE device_id = ?1 AND (component, name) IN (SELECT component, name"
        " FROM telemetry_value WHERE device_id = ?1 ORDER BY at_ms DESC LIMIT -1 OFFSET ?2)";
    struct store_query q;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_int(&q, STORE_VALUES_KEPT);
    return store_query_run(&q);
}

spoke_status store_value_get(struct store *s, const char *device_id, const char *component, const char *name,
                             char **json, int64_t *at_ms)
{
    static const char SQL[] = "SELECT json, at_ms FROM telemetry_value"
                              " WHERE device_id = ? AND component = ? AND name = ?";
    struct store_query q;
    *json = NULL;
    const spoke_status status = store_values_flush(s);
    if (status != SPOKE_OK)
        return status;
    store_query_open(&q, s, SQL);
    store_query_text(&q, device_id);
    store_query_text(&q, component != NULL ? component : "");
    store_query_text(&q, name);
    const bool found = store_query_row(&q);
    if (found) {
        store_query_take_text(&q, json);
        *at_ms = store_query_take_int(&q);
    }
    return store_query_close_found(&q, found);
}

/* --- values that wait for the commit --- */

static int compare(const void *a, const void *b)
{
    const struct noted *x = a, *y = b;
    int order = strcmp(x->device_id, y->device_id);
    if (order == 0)
        order = strcmp(x->name, y->name);
    return order != 0 ? order : strcmp(x->component, y->component);
}

static void forget(struct store *s, struct noted *n)
{
    (void)tdelete(n, &s->noted_by_name, compare);
    list_leave(&n->in_noted);
    free(n->json);
    free(n);
}

/* One block for the record and its key. */
static struct noted *new_noted(struct store *s, const struct noted *key)
{
    const size_t device = strlen(key->device_id) + 1, component = strlen(key->component) + 1,
                 name = strlen(key->name) + 1;
    struct noted *n = malloc(sizeof *n + device + component + name);
    if (n == NULL)
        return NULL;
    char *text = (char *)(n + 1);
    *n = (struct noted){.device_id = memcpy(text, key->device_id, device),
                        .component = memcpy(text + device, key->component, component),
                        .name = memcpy(text + device + component, key->name, name),
                        .at_ms = INT64_MIN};
    if (tsearch(n, &s->noted_by_name, compare) == NULL) {
        free(n);
        return NULL;
    }
    list_join(&s->noted, &n->in_noted, n);
    return n;
}

static bool set_json(struct noted *n, spoke_str json)
{
    if (json.len >= n->json_cap) {
        char *text = realloc(n->json, json.len + 1);
        if (text == NULL)
            return false;
        n->json = text;
        n->json_cap = json.len + 1;
    }
    if (json.len > 0)
        memcpy(n->json, json.ptr, json.len);
    n->json[json.len] = '\0';
    return true;
}

spoke_status store_value_note(struct store *s, const char *device_id, const char *component, const char *name,
                              spoke_str json, int64_t at_ms)
{
    const struct noted key = {
        .device_id = device_id, .component = component != NULL ? component : "", .name = name};
    struct noted *const *found = tfind(&key, &s->noted_by_name, compare);
    struct noted *n = found != NULL ? *found : new_noted(s, &key);
    if (n == NULL)
        return SPOKE_E_NO_MEMORY;
    if (at_ms >= n->at_ms) {
        if (!set_json(n, json)) {
            forget(s, n);
            return SPOKE_E_NO_MEMORY;
        }
        n->at_ms = at_ms;
    }
    return s->begun && s->noted.count < MAX_NOTED ? SPOKE_OK : store_values_flush(s);
}

/* The values of a device mostly stand together, so that it is trimmed once. */
spoke_status store_values_flush(struct store *s)
{
    spoke_status status = store_spoilt(s) ? SPOKE_E_PORT : SPOKE_OK;
    bool made = false;
    while (s->noted.first != NULL) {
        struct noted *n = s->noted.first->owner;
        const struct list_node *next = s->noted.first->next;
        const bool last = next == NULL || strcmp(((struct noted *)next->owner)->device_id, n->device_id) != 0;
        if (status == SPOKE_OK)
            status = put_value(s, n->device_id, n->component, n->name, n->json, n->at_ms, &made);
        if (status == SPOKE_OK && last && made)
            status = store_value_trim(s, n->device_id);
        made = made && !last;
        forget(s, n);
    }
    s->spoilt = s->spoilt || (status != SPOKE_OK && s->begun);
    return status;
}
