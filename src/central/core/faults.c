#include "faults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum device_rule { NO_DEVICE, ANY_DEVICE, ONE_DEVICE };

/* What each fault takes. `number` and `text` name its extra member, NULL when it has none. */
static const struct fault_shape {
    const char *name;
    bool counted;
    const char *number;
    bool number_optional;
    uint32_t least, most;
    const char *text;
    enum device_rule device;
    const char *choices; /* of the text, which may be left out then: " a b c " */
} shapes[FAULT_KINDS] = {
    [FAULT_DPS_REFUSE_CONNECT] = {"dpsRefuseConnect", true, "code", false, 1, 5, NULL, NO_DEVICE, NULL},
    [FAULT_DPS_THROTTLE] = {"dpsThrottle", true, "retryAfter", true, 0, UINT32_MAX, NULL, NO_DEVICE, NULL},
    [FAULT_DPS_THROTTLE_POLL] = {"dpsThrottlePoll", true, "retryAfter", true, 0, UINT32_MAX, NULL, NO_DEVICE,
                                 NULL},
    [FAULT_DPS_POLLS] = {"dpsPolls", false, "", false, 0, 1000000, NULL, NO_DEVICE, NULL},
    [FAULT_REFUSE_CONNECT] = {"refuseConnect", true, "code", false, 1, 5, NULL, ANY_DEVICE, NULL},
    [FAULT_PUBACK_DELAY] = {"pubackDelay", false, "ms", false, 0, 3600000, NULL, ANY_DEVICE, NULL},
    [FAULT_DROP_PUBACK] = {"dropPuback", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_DROP_AFTER_PUBLISHES] = {"dropAfterPublishes", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_TWIN_THROTTLE] = {"twinThrottle", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_TWIN_SILENCE] = {"twinSilence", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_FRAGMENT] = {"fragment", false, "bytes", false, 1, UINT32_MAX, NULL, ANY_DEVICE, NULL},
    [FAULT_EXPIRE_TOKEN] = {"expireToken", false, NULL, false, 0, 0, NULL, ONE_DEVICE, NULL},
    [FAULT_ASSIGN_HUB] = {"assignHub", false, NULL, false, 0, 0, "hub", ONE_DEVICE, NULL},
    [FAULT_DPS_SILENCE] = {"dpsSilence", true, NULL, false, 0, 0, NULL, NO_DEVICE, NULL},
    [FAULT_SWALLOW] = {"swallow", false, NULL, false, 0, 0, "direction", ANY_DEVICE, " up down both "},
    [FAULT_CONNACK_SILENCE] = {"connackSilence", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_CONNACK_DELAY] = {"connackDelay", false, "ms", false, 0, 3600000, NULL, ANY_DEVICE, NULL},
    [FAULT_CLOSE_AFTER_CONNACK] = {"closeAfterConnack", true, "ms", true, 0, 3600000, NULL, ANY_DEVICE, NULL},
    [FAULT_CLOSE_ON_PUBLISH] = {"closeOnPublish", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_DUPLICATE_PUBACK] = {"duplicatePuback", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_WRONG_PUBACK_ID] = {"wrongPubackId", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_PING_SILENCE] = {"pingSilence", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_DESIRED_DUPLICATE] = {"desiredDuplicate", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_DESIRED_REORDER] = {"desiredReorder", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_DESIRED_DROP] = {"desiredDrop", true, NULL, false, 0, 0, NULL, ANY_DEVICE, NULL},
    [FAULT_BLOCK_DEVICE] = {"blockDevice", false, NULL, false, 0, 0, NULL, ONE_DEVICE, NULL},
};

void fault_spent(struct faults *f, enum fault_kind kind)
{
    free(f->of[kind].device_id);
    free(f->of[kind].text);
    memset(&f->of[kind], 0, sizeof f->of[kind]);
}

void faults_clear(struct faults *f)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        fault_spent(f, (enum fault_kind)kind);
}

/* --- reading --- */

static bool read_u32(const cJSON *item, uint32_t least, uint32_t most, uint32_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most) ||
        floor(item->valuedouble) < item->valuedouble)
        return false;
    *out = (uint32_t)item->valuedouble;
    return true;
}

static const char *read_number(const struct fault_shape *shape, const cJSON *item, struct fault *out)
{
    if (shape->number == NULL || (item == NULL && shape->number_optional))
        return NULL;
    out->has_number = true;
    return read_u32(item, shape->least, shape->most, &out->number) ? NULL : shape->number;
}

static const char *read_text(const cJSON *item, bool needed, char **out)
{
    if (item == NULL && !needed)
        return NULL;
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
        return "text";
    *out = strdup(item->valuestring);
    return *out == NULL ? "memory" : NULL;
}

/* " a b " has the word a. */
static bool is_choice(const char *choices, const char *word)
{
    char padded[16];
    const int len = snprintf(padded, sizeof padded, " %s ", word);
    return len < (int)sizeof padded && strchr(word, ' ') == NULL && strstr(choices, padded) != NULL;
}

static const char *read_extra_text(const struct fault_shape *shape, const cJSON *item, char **out)
{
    if (read_text(item, shape->choices == NULL, out) != NULL)
        return shape->text;
    return *out == NULL || shape->choices == NULL || is_choice(shape->choices, *out) ? NULL : shape->text;
}

static const cJSON *member(const cJSON *tree, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(tree, name);
}

static bool only_known_members(const struct fault_shape *shape, const cJSON *tree)
{
    for (const cJSON *at = tree->child; at != NULL; at = at->next) {
        bool known = (shape->counted && strcmp(at->string, "count") == 0) ||
                     (shape->number != NULL && strcmp(at->string, shape->number) == 0) ||
                     (shape->text != NULL && strcmp(at->string, shape->text) == 0) ||
                     (shape->device != NO_DEVICE && strcmp(at->string, "deviceId") == 0);
        if (!known)
            return false;
    }
    return true;
}

/* NULL, or the name of the member that is wrong. */
static const char *read_members(const struct fault_shape *shape, const cJSON *tree, struct fault *out)
{
    const cJSON *count = member(tree, "count");
    if (!cJSON_IsObject(tree) || !only_known_members(shape, tree))
        return "the members";
    out->count = 1;
    if (shape->counted && count != NULL && !read_u32(count, 0, UINT32_MAX, &out->count))
        return "count";
    const char *bad = read_number(shape, shape->number != NULL ? member(tree, shape->number) : NULL, out);
    if (bad == NULL && shape->device != NO_DEVICE &&
        read_text(member(tree, "deviceId"), shape->device == ONE_DEVICE, &out->device_id) != NULL)
        bad = "deviceId";
    if (bad == NULL && shape->text != NULL)
        bad = read_extra_text(shape, member(tree, shape->text), &out->text);
    return bad;
}

static const char *read_fault(const struct fault_shape *shape, const cJSON *item, struct fault *out)
{
    const char *bad;
    if (shape->number != NULL && shape->number[0] == '\0') { /* the bare number */
        bad = read_number(shape, item, out) == NULL ? NULL : "the number";
        out->count = 1;
    } else {
        bad = read_members(shape, item, out);
    }
    out->armed = bad == NULL && out->count > 0;
    return bad;
}

static int kind_of(const char *name)
{
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        if (strcmp(shapes[kind].name, name) == 0)
            return kind;
    return -1;
}

spoke_status faults_put(struct faults *f, const cJSON *tree, char *why, size_t why_cap)
{
    struct faults fresh;
    memset(&fresh, 0, sizeof fresh);
    if (!cJSON_IsObject(tree)) {
        (void)snprintf(why, why_cap, "faults are an object");
        return SPOKE_E_ARG;
    }
    for (const cJSON *at = tree->child; at != NULL; at = at->next) {
        int kind = kind_of(at->string);
        const char *bad = "the name";
        if (kind >= 0) {
            fault_spent(&fresh, (enum fault_kind)kind); /* given twice: the last one counts */
            bad = read_fault(&shapes[kind], at, &fresh.of[kind]);
        }
        if (bad != NULL) {
            (void)snprintf(why, why_cap, "fault %.*s: %s is missing, unknown or out of range",
                           text_shown(spoke_str_of(at->string), 64), at->string, bad);
            faults_clear(&fresh);
            return SPOKE_E_ARG;
        }
    }
    faults_clear(f);
    *f = fresh;
    return SPOKE_OK;
}

/* --- showing --- */

static cJSON *show_fault(const struct fault_shape *shape, const struct fault *fault)
{
    if (shape->number != NULL && shape->number[0] == '\0')
        return cJSON_CreateNumber(fault->number);
    cJSON *tree = cJSON_CreateObject();
    if (shape->counted)
        cJSON_AddNumberToObject(tree, "count", fault->count);
    if (shape->number != NULL && fault->has_number)
        cJSON_AddNumberToObject(tree, shape->number, fault->number);
    if (fault->text != NULL)
        cJSON_AddStringToObject(tree, shape->text, fault->text);
    if (fault->device_id != NULL)
        cJSON_AddStringToObject(tree, "deviceId", fault->device_id);
    return tree;
}

cJSON *faults_get(const struct faults *f)
{
    cJSON *tree = cJSON_CreateObject();
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        if (f->of[kind].armed)
            cJSON_AddItemToObject(tree, shapes[kind].name, show_fault(&shapes[kind], &f->of[kind]));
    return tree;
}

/* --- use --- */

const struct fault *fault_armed(const struct faults *f, enum fault_kind kind, const char *device_id)
{
    const struct fault *fault = &f->of[kind];
    if (!fault->armed)
        return NULL;
    if (fault->device_id != NULL && (device_id == NULL || strcmp(fault->device_id, device_id) != 0))
        return NULL;
    return fault;
}

bool fault_swallows(const struct faults *f, bool up, const char *device_id)
{
    const struct fault *fault = fault_armed(f, FAULT_SWALLOW, device_id);
    return fault != NULL && (fault->text == NULL || strcmp(fault->text, up ? "down" : "up") != 0);
}

bool fault_take(struct faults *f, enum fault_kind kind, const char *device_id, struct fault *out)
{
    if (fault_armed(f, kind, device_id) == NULL)
        return false;
    struct fault *fault = &f->of[kind];
    if (out != NULL) {
        *out = *fault;
        out->device_id = out->text = NULL; /* theirs ends here */
    }
    fault->count--;
    if (fault->count == 0)
        fault_spent(f, kind);
    return true;
}
