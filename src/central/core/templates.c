/* The device templates in use: their tables, kept while they are needed, and which device has which. */
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"
#include "simulator.h"

#define MAX_KEPT 1024u
#define MAX_KEPT_BYTES (64u * 1024u * 1024u)

/* One template that was asked for, most recent first. */
struct kept_template {
    struct kept_template *next;
    char *id;
    struct template_table *table; /* NULL: there is no such template */
    size_t bytes;
};

/* --- the tables --- */

static void forget_entry(struct core *c, struct kept_template **at)
{
    struct kept_template *entry = *at;
    *at = entry->next;
    c->kept_count--;
    c->kept_bytes -= entry->bytes;
    template_free(entry->table);
    free(entry->id);
    free(entry);
}

void templates_free(struct core *c)
{
    while (c->kept != NULL)
        forget_entry(c, &c->kept);
}

static struct kept_template **find_entry(struct core *c, const char *id)
{
    struct kept_template **at = &c->kept;
    while (*at != NULL && strcmp((*at)->id, id) != 0)
        at = &(*at)->next;
    return at;
}

/* The one at the front was asked for now and stays. */
static void make_room(struct core *c)
{
    while (c->kept_count > 1 && (c->kept_count > MAX_KEPT || c->kept_bytes > MAX_KEPT_BYTES)) {
        struct kept_template **at = &c->kept;
        while ((*at)->next != NULL)
            at = &(*at)->next;
        forget_entry(c, at);
    }
}

static spoke_status load_table(struct core *c, const char *id, struct template_table **out)
{
    struct store_template row;
    *out = NULL;
    spoke_status status = store_template_get(c->store, id, &row);
    if (status == SPOKE_E_NOT_FOUND)
        return SPOKE_OK;
    if (status == SPOKE_OK)
        status = template_compile(spoke_str_of(row.json), row.model_id, out);
    if (status != SPOKE_OK)
        core_log(c, SPOKE_LOG_ERROR, "template", "%s: its stored text cannot be used, so nothing is checked: %s",
                 id, spoke_status_text(status));
    store_template_free(&row);
    return status == SPOKE_E_MODEL ? SPOKE_OK : status; /* a text that does not compile will not do so next time */
}

static struct kept_template *add_entry(struct core *c, const char *id)
{
    struct kept_template *entry = calloc(1, sizeof *entry);
    if (entry == NULL || !text_set(&entry->id, spoke_str_of(id)) || load_table(c, id, &entry->table) != SPOKE_OK) {
        if (entry != NULL)
            free(entry->id);
        free(entry);
        return NULL;
    }
    entry->bytes = entry->table != NULL ? template_bytes(entry->table) : 0;
    entry->next = c->kept;
    c->kept = entry;
    c->kept_count++;
    c->kept_bytes += entry->bytes;
    make_room(c);
    return entry;
}

const struct template_table *core_template(struct core *c, const char *id)
{
    if (id == NULL)
        return NULL;
    struct kept_template **at = find_entry(c, id), *entry = *at;
    if (entry == NULL)
        entry = add_entry(c, id);
    else if (at != &c->kept) {
        *at = entry->next;
        entry->next = c->kept;
        c->kept = entry;
    }
    return entry != NULL ? entry->table : NULL;
}

void core_template_changed(struct core *c, const char *id)
{
    struct kept_template **at = find_entry(c, id);
    if (*at != NULL)
        forget_entry(c, at);
    c->template_round++;
    simulator_look(c);
}

/* --- which device has which --- */

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Does the device have the template of the model that it announced before? Then an operator did not choose it. */
static spoke_status has_own(struct core *c, const struct store_device *row, bool *out)
{
    char *own = NULL;
    *out = false;
    if (row->model_id == NULL || row->template_id == NULL)
        return SPOKE_OK;
    const spoke_status status = store_template_of_model(c->store, row->model_id, &own);
    *out = same(own, row->template_id);
    free(own);
    return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
}

/* The device may have another one: its connection looks again. */
static void template_changed(struct core *c, const char *device_id)
{
    struct conn *k = hub_conn(c, device_id);
    if (k != NULL)
        k->template_round = 0;
}

spoke_status device_announced(struct core *c, struct store_device *row, const char *model_id)
{
    const bool changed = !same(row->model_id, model_id);
    char *found = NULL;
    bool own = false;
    spoke_status status = has_own(c, row, &own);
    if (status == SPOKE_OK && (row->template_id == NULL || (changed && own))) {
        status = store_template_of_model(c->store, model_id, &found);
        if (status != SPOKE_OK && status != SPOKE_E_NOT_FOUND)
            return status;
        status = SPOKE_OK;
        free(row->template_id);
        row->template_id = found; /* NULL: unassigned until the template of the new model comes */
        template_changed(c, row->id);
        if (found != NULL)
            core_log(c, SPOKE_LOG_INFO, "template", "%s: has the template %s", row->id, found);
    }
    if (status != SPOKE_OK)
        return status;
    return text_set(&row->model_id, spoke_str_of(model_id)) ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

const struct template_table *conn_template(struct conn *k)
{
    struct store_device row;
    if (k->template_round != k->core->template_round) {
        if (store_device_get(k->core->store, k->id, &row) != SPOKE_OK)
            return NULL;
        free(k->template_id);
        k->template_id = row.template_id;
        row.template_id = NULL;
        store_device_free(&row);
        k->template_round = k->core->template_round;
    }
    return core_template(k->core, k->template_id);
}
