/* Dashboards: tiles of any device, or of a group's. */
#include <string.h>

#include "rest_tiles.h"

#define MAX_DASHBOARDS 100u

static bool check(struct rest_call *call, cJSON *document, const cJSON *before)
{
    const cJSON *name = NULL, *tiles = NULL, *personal = NULL, *favorite = NULL;
    const struct rest_member members[] = {{"displayName", REST_TEXT, false, &name},
                                          {"tiles", REST_ARRAY, false, &tiles},
                                          {"personal", REST_BOOL, false, &personal},
                                          {"favorite", REST_BOOL, false, &favorite}};
    (void)before;
    if (!rest_members(call, document, "a dashboard", members, 4))
        return false;
    if (name == NULL || name->valuestring[0] == '\0' || strlen(name->valuestring) > REST_TILE_NAME)
        return rest_refuse_body(call, "\"displayName\" of a dashboard has to have 1 to 200 bytes.");
    if (cJSON_IsTrue(personal))
        return rest_refuse_body(
            call, "\"personal\" of a dashboard cannot be true: this service has no dashboards of one person.");
    if (!rest_tiles_good(call, tiles, REST_TILES_OF_DASHBOARD))
        return false;
    if (personal == NULL)
        cJSON_AddFalseToObject(document, "personal");
    if (favorite == NULL)
        cJSON_AddFalseToObject(document, "favorite");
    if (tiles == NULL)
        (void)cJSON_AddArrayToObject(document, "tiles");
    return true;
}

static bool id_good(const char *id)
{
    return rest_id_good(id, ":;", 128);
}

static const struct rest_entity DASHBOARD = {
    .kind = "dashboard",
    .name = "Dashboard",
    .id_good = id_good,
    .id_rule = "A dashboard's id has 1 to 128 letters, digits, ':' or ';', such as \"dtmi:acme:overview;1\".",
    .most = MAX_DASHBOARDS,
    .organized = true,
    .check = check};

void rest_dashboards_list(struct rest_call *call)
{
    rest_entity_list(call, &DASHBOARD);
}

void rest_dashboard_get(struct rest_call *call)
{
    rest_entity_get(call, &DASHBOARD);
}

void rest_dashboard_put(struct rest_call *call)
{
    rest_entity_put(call, &DASHBOARD);
}

void rest_dashboard_patch(struct rest_call *call)
{
    rest_entity_patch(call, &DASHBOARD);
}

void rest_dashboard_delete(struct rest_call *call)
{
    rest_entity_delete(call, &DASHBOARD);
}
