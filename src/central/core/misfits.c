/* What does not fit a device's template: it is kept all the same, as the cloud does, but shown and counted. */
#include <stdlib.h>
#include <string.h>

#include "core_internal.h"

#define MAX_LOOKED_AT 1000u /* members of one message, as many as count as values */

/* --- members of an object --- */

/* A member's name without escapes; `heap` is what to free afterwards. False: no memory, or broken. */
static bool plain_name(spoke_str raw_key, spoke_str *name, char **heap)
{
    *heap = NULL;
    *name = raw_key;
    if (raw_key.len == 0 || memchr(raw_key.ptr, '\\', raw_key.len) == NULL)
        return true;
    *heap = malloc(raw_key.len);
    spoke_buf buf = spoke_buf_from(*heap, raw_key.len);
    /* spoke_json_text wants the quotes, which stand around the raw key */
    const spoke_str quoted = spoke_str_from(raw_key.ptr - 1, raw_key.len + 2);
    if (*heap == NULL || spoke_json_text(quoted, &buf) != SPOKE_OK)
        return false;
    *name = spoke_buf_str(&buf);
    return true;
}

struct look {
    const struct template_table *t;
    spoke_str component;
    misfit_fn each;
    void *ctx;
    bool desired;
    int element;
    size_t left;
};

/* False: enough. */
typedef bool (*member_fn)(struct look *l, spoke_str name, spoke_str value);

static bool each_member(struct look *l, spoke_str object, member_fn look_at)
{
    spoke_json_cursor at;
    spoke_str key, value, name;
    char *heap = NULL;
    bool more = spoke_json_enter(object, &at) == SPOKE_OK;
    while (more && l->left > 0 && spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        l->left--;
        more = !plain_name(key, &name, &heap) || look_at(l, name, value);
        free(heap);
    }
    return more;
}

static bool tell(struct look *l, spoke_str name, enum template_fit fit, const char *why)
{
    const struct misfit misfit = {l->component, name, l->element, fit, why};
    return fit == TEMPLATE_FITS || l->each(l->ctx, &misfit);
}

/* --- telemetry --- */

static bool look_at_telemetry(struct look *l, spoke_str name, spoke_str value)
{
    char why[TEMPLATE_WHY_CAP];
    if (telemetry_name_reserved(name))
        return true;
    return tell(l, name, template_telemetry(l->t, l->component, name, value, why), why);
}

/* Several readings in one message: an array of objects. */
static void look_at_readings(struct look *l, spoke_str array)
{
    spoke_json_cursor at;
    spoke_str key, value;
    bool more = spoke_json_enter(array, &at) == SPOKE_OK;
    while (more && l->left > 0 && spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        l->element++;
        l->left--;
        more = spoke_json_type(value) == '{'
                   ? each_member(l, value, look_at_telemetry)
                   : tell(l, spoke_str_from("", 0), TEMPLATE_WRONG_TYPE, "a reading is not a JSON object");
    }
    if (l->element < 0)
        (void)tell(l, spoke_str_from("", 0), TEMPLATE_WRONG_TYPE,
                   "the message has no readings: its array is empty");
}

void misfits_of_message(const struct template_table *t, spoke_str component, spoke_str body, misfit_fn each,
                        void *ctx)
{
    struct look l = {t, component, each, ctx, false, -1, MAX_LOOKED_AT};
    const char type = spoke_json_type(body);
    if ((type != '{' && type != '[') || spoke_json_check(body) != SPOKE_OK)
        (void)tell(&l, spoke_str_from("", 0), TEMPLATE_WRONG_TYPE, "the message is not a JSON object");
    else if (type == '{')
        (void)each_member(&l, body, look_at_telemetry);
    else
        look_at_readings(&l, body);
}

/* --- properties --- */

static bool look_at_property(struct look *l, spoke_str name, spoke_str value)
{
    char why[TEMPLATE_WHY_CAP];
    const bool mark = l->component.len > 0 && spoke_str_equal(name, SPOKE_STR("__t"));
    const bool removed = !l->desired && spoke_json_type(value) == 'n';
    if (mark || removed)
        return true;
    enum template_fit fit = l->desired ? template_desired(l->t, l->component, name, value, why)
                                       : template_reported(l->t, l->component, name, value, why);
    return tell(l, name, fit, why);
}

static bool look_at_root(struct look *l, spoke_str name, spoke_str value)
{
    const char type = spoke_json_type(value);
    if (!template_has_component(l->t, name))
        return look_at_property(l, name, value);
    if (type == 'n')
        return true;
    l->component = name;
    const bool more =
        type == '{' ? each_member(l, value, look_at_property)
                    : tell(l, name, TEMPLATE_WRONG_TYPE, "a component has to be an object of its properties");
    l->component = spoke_str_from("", 0);
    return more;
}

void misfits_of_patch(const struct template_table *t, spoke_str component, spoke_str object, bool desired,
                      misfit_fn each, void *ctx)
{
    struct look l = {t, component, each, ctx, desired, -1, SIZE_MAX};
    (void)each_member(&l, object, component.len > 0 ? look_at_property : look_at_root);
}

/* --- counting --- */

struct tally {
    int64_t unmodeled, wrong_type;
    char why[TEMPLATE_WHY_CAP]; /* of the first */
};

static bool count(void *ctx, const struct misfit *misfit)
{
    struct tally *tally = ctx;
    if (tally->unmodeled + tally->wrong_type == 0)
        memcpy(tally->why, misfit->why, strnlen(misfit->why, sizeof tally->why - 1) + 1);
    if (misfit->fit == TEMPLATE_UNMODELED)
        tally->unmodeled++;
    else
        tally->wrong_type++;
    return true;
}

static spoke_status note(struct conn *k, struct tally *tally)
{
    const struct store_misfits more = {tally->unmodeled, tally->wrong_type, core_unix_ms(k->core), tally->why};
    const int64_t number = tally->unmodeled + tally->wrong_type;
    if (number == 0)
        return SPOKE_OK;
    conn_log(k, SPOKE_LOG_INFO, "template", "%s%s", tally->why, number > 1 ? "; and other values do not fit" : "");
    const spoke_status status = core_dirty(k->core);
    return status == SPOKE_OK ? store_misfits_add(k->core->store, k->id, &more) : status;
}

spoke_status misfits_note_message(struct conn *k, spoke_str component, spoke_str body)
{
    struct tally tally = {0, 0, ""};
    const struct template_table *t = conn_template(k);
    if (t == NULL)
        return SPOKE_OK;
    misfits_of_message(t, component, body, count, &tally);
    return note(k, &tally);
}

spoke_status misfits_note_unread(struct conn *k, const char *why)
{
    struct tally tally = {0, 1, ""};
    memcpy(tally.why, why, strnlen(why, sizeof tally.why - 1));
    return conn_template(k) != NULL ? note(k, &tally) : SPOKE_OK;
}

spoke_status misfits_note_report(struct conn *k, spoke_str patch)
{
    struct tally tally = {0, 0, ""};
    const struct template_table *t = conn_template(k);
    if (t == NULL)
        return SPOKE_OK;
    misfits_of_patch(t, spoke_str_from("", 0), patch, false, count, &tally);
    return note(k, &tally);
}
