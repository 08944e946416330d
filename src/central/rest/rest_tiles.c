/* Tiles of the kinds that IoT Central has, held to its form. */
#include <stdio.h>
#include <string.h>

#include "rest_tiles.h"

#define MAX_TILES 100
#define MAX_DEVICES 100
#define MAX_CAPABILITIES 100
#define MAX_TEXT 10000u
#define MAX_IMAGE 140000u /* a picture of 100 KB, in base64 */
#define MAX_WORD 256u     /* an id, a name of telemetry, a colour */
#define PLACE_CAP 60u

/* --- kinds of tiles --- */

enum field {
    GROUP = 1 << 0,
    DEVICES = 1 << 1,
    CAPABILITIES = 1 << 2,
    RANGE_TIME = 1 << 3,
    RANGE_COUNT = 1 << 4,
    FORMAT = 1 << 5,
    SHOW_TREND = 1 << 6,
    ZOOM = 1 << 7,
    COMMAND = 1 << 8,
    DEVICE = 1 << 9,
    DESCRIPTION = 1 << 10,
    HREF = 1 << 11,
    IMAGE = 1 << 12,
    TEXT = 1 << 13,
    TEXT_STYLE = 1 << 14, /* textSize, textSizeUnit, wordWrap of a label, which has no format */
    SOURCE_URL = 1 << 15,
    QUERY = 1 << 16
};
#define DATA (GROUP | DEVICES | CAPABILITIES)
#define RANGE (RANGE_TIME | RANGE_COUNT)
#define WHOSE (GROUP | DEVICES | DEVICE) /* only of a dashboard: a view shows the device that is looked at */

#define BOARD (1u << REST_TILES_OF_DASHBOARD)
#define VIEW (1u << REST_TILES_OF_VIEW)
#define FORM (1u << REST_TILES_OF_FORM)

static const struct kind {
    const char *name;
    unsigned fields, needed;
    unsigned where;
} KINDS[] = {
    {"lineChart", DATA | RANGE | FORMAT, DATA, BOARD | VIEW},
    {"barChart", DATA | RANGE_TIME | FORMAT, DATA, BOARD | VIEW},
    {"pieChart", DATA | RANGE_TIME | FORMAT, DATA, BOARD | VIEW},
    {"heatMapChart", DATA | RANGE_TIME | FORMAT, DATA, BOARD | VIEW},
    {"kpi", DATA | RANGE_TIME | FORMAT, DATA, BOARD | VIEW},
    {"lkv", DATA | FORMAT | SHOW_TREND, DATA, BOARD | VIEW},
    {"property", DATA | FORMAT, DATA, BOARD | VIEW | FORM},
    {"eventChart", DATA | RANGE, DATA, BOARD | VIEW},
    {"stateChart", DATA | RANGE, DATA, BOARD | VIEW},
    {"eventHistoryChart", DATA | RANGE | FORMAT, DATA, BOARD | VIEW},
    {"stateHistoryChart", DATA | RANGE | FORMAT, DATA, BOARD | VIEW},
    {"mapProperty", DATA | ZOOM, DATA, BOARD | VIEW},
    {"mapTelemetry", DATA | ZOOM, DATA, BOARD | VIEW},
    {"deviceCount", GROUP | FORMAT, GROUP, BOARD},
    {"command", GROUP | COMMAND | DEVICE, GROUP | COMMAND | DEVICE, BOARD | VIEW},
    {"markdown", DESCRIPTION | HREF | IMAGE, DESCRIPTION, BOARD | VIEW | FORM},
    {"image", IMAGE | HREF | FORMAT, IMAGE, BOARD | VIEW},
    {"label", TEXT | TEXT_STYLE, TEXT, BOARD | VIEW | FORM},
    {"externalContent", SOURCE_URL, SOURCE_URL, BOARD | VIEW},
    {"dataExplorer", QUERY | RANGE, QUERY, BOARD},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (strcmp(KINDS[i].name, name) == 0)
            return &KINDS[i];
    return NULL;
}

/* --- small checks --- */

static bool one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], text) == 0)
            return true;
    return false;
}
#define ONE_OF(text, words) one_of((text), (words), sizeof(words) / sizeof(words)[0])

static bool fail(struct rest_call *call, const char *place, const char *what)
{
    rest_fail(&call->reply, 400, "InvalidBody", "%s %s.", place, what);
    return false;
}

static bool word_good(const cJSON *item)
{
    return item == NULL || (cJSON_IsString(item) && strlen(item->valuestring) <= MAX_WORD);
}

static bool whole_in(const cJSON *item, int least, int most)
{
    return item != NULL && item->valuedouble >= least && item->valuedouble <= most &&
           item->valuedouble == (double)item->valueint;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Nothing that a browser would run: a page, or a path of this service. */
static bool link_good(const cJSON *item)
{
    const char *text = item->valuestring;
    return strlen(text) <= MAX_TEXT && strpbrk(text, "\t\r\n") == NULL &&
           (begins(text, "https://") || begins(text, "http://") || (text[0] == '/' && text[1] != '/'));
}

/* --- the parts of a configuration --- */

static bool check_devices(struct rest_call *call, const cJSON *list, const char *place)
{
    const cJSON *item = NULL;
    if (cJSON_GetArraySize(list) > MAX_DEVICES)
        return fail(call, place, "has more than 100 \"devices\"");
    cJSON_ArrayForEach(item, list)
    {
        if (!word_good(item))
            return fail(call, place, "has a device that is not a string of at most 256 bytes");
    }
    return true;
}

static bool check_capabilities(struct rest_call *call, const cJSON *list, const char *place)
{
    static const char *const FUNCTIONS[] = {"sum", "count", "max", "min", "avg"};
    const cJSON *item = NULL;
    if (cJSON_GetArraySize(list) > MAX_CAPABILITIES)
        return fail(call, place, "has more than 100 \"capabilities\"");
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *capability = NULL, *function = NULL;
        const struct rest_member members[] = {{"capability", REST_TEXT, false, &capability},
                                              {"aggregateFunction", REST_TEXT, false, &function}};
        if (!cJSON_IsObject(item))
            return fail(call, place, "has a capability that is not an object");
        if (!rest_members(call, item, place, members, 2))
            return false;
        if (capability == NULL || !word_good(capability))
            return fail(call, place,
                        "has a capability without \"capability\", the name of a telemetry or property");
        if (function != NULL && !ONE_OF(function->valuestring, FUNCTIONS))
            return fail(call, place, "has an \"aggregateFunction\" that is not sum, count, max, min or avg");
    }
    return true;
}

static bool check_time_range(struct rest_call *call, const cJSON *duration, const cJSON *resolution,
                             const char *place)
{
    static const char *const DURATIONS[] = {"PT30M", "PT1H", "PT12H", "P1D", "P1W", "P30D"};
    static const char *const RESOLUTIONS[] = {"PT1M", "PT5M", "PT10M", "PT30M", "PT1H", "PT12H", "P1D", "P1W"};
    if (duration == NULL || !ONE_OF(duration->valuestring, DURATIONS))
        return fail(call, place,
                    "has a queryRange whose \"duration\" is not PT30M, PT1H, PT12H, P1D, P1W or P30D");
    if (resolution != NULL && !ONE_OF(resolution->valuestring, RESOLUTIONS))
        return fail(
            call, place,
            "has a queryRange whose \"resolution\" is not PT1M, PT5M, PT10M, PT30M, PT1H, PT12H, P1D or P1W");
    return true;
}

static bool check_range(struct rest_call *call, const cJSON *range, unsigned fields, const char *place)
{
    const cJSON *type = NULL, *duration = NULL, *resolution = NULL, *count = NULL;
    const struct rest_member members[] = {{"type", REST_TEXT, false, &type},
                                          {"duration", REST_TEXT, false, &duration},
                                          {"resolution", REST_TEXT, false, &resolution},
                                          {"count", REST_NUMBER, false, &count}};
    if (!rest_members(call, range, place, members, 4))
        return false;
    if (type != NULL && strcmp(type->valuestring, "time") == 0 && count == NULL)
        return check_time_range(call, duration, resolution, place);
    if (type == NULL || strcmp(type->valuestring, "count") != 0 || (fields & RANGE_COUNT) == 0)
        return fail(call, place,
                    (fields & RANGE_COUNT) != 0 ? "has a queryRange that is not of type \"time\" or \"count\""
                                                : "has a queryRange that is not of type \"time\"");
    if (duration != NULL || resolution != NULL || !whole_in(count, 1, 100))
        return fail(call, place, "has a queryRange of type \"count\" without a \"count\" from 1 to 100");
    return true;
}

static bool check_format(struct rest_call *call, const cJSON *format, const char *place)
{
    const cJSON *seen[12];
    const cJSON *places = NULL, *size = NULL;
    const struct rest_member members[] = {
        {"xAxisEnabled", REST_BOOL, false, &seen[0]},  {"yAxisEnabled", REST_BOOL, false, &seen[1]},
        {"legendEnabled", REST_BOOL, false, &seen[2]}, {"abbreviateValue", REST_BOOL, false, &seen[3]},
        {"wordWrap", REST_BOOL, false, &seen[4]},      {"unit", REST_TEXT, false, &seen[5]},
        {"textSizeUnit", REST_TEXT, false, &seen[6]},  {"backgroundColor", REST_TEXT, false, &seen[7]},
        {"textColor", REST_TEXT, false, &seen[8]},     {"fitImage", REST_BOOL, false, &seen[9]},
        {"showTitle", REST_BOOL, false, &seen[10]},    {"decimalPlaces", REST_NUMBER, false, &places},
        {"textSize", REST_NUMBER, false, &size}};
    if (!rest_members(call, format, place, members, sizeof members / sizeof members[0]))
        return false;
    for (size_t i = 5; i <= 8; i++)
        if (!word_good(seen[i]))
            return fail(call, place, "has a format with a text of more than 256 bytes");
    if (places != NULL && !whole_in(places, 0, 20))
        return fail(call, place, "has \"decimalPlaces\" that are not from 0 to 20");
    if (size != NULL && !whole_in(size, 0, 500))
        return fail(call, place, "has a \"textSize\" that is not from 0 to 500");
    return true;
}

/* --- a configuration --- */

struct configuration {
    const cJSON *type, *group, *devices, *capabilities, *range, *format, *show_trend, *zoom, *command, *device;
    const cJSON *description, *href, *image, *text, *text_size, *text_unit, *word_wrap, *source_url, *query;
};

static unsigned fields_of(const struct configuration *c)
{
    const struct {
        const cJSON *item;
        unsigned field;
    } there[] = {{c->group, GROUP},
                 {c->devices, DEVICES},
                 {c->capabilities, CAPABILITIES},
                 {c->format, FORMAT},
                 {c->show_trend, SHOW_TREND},
                 {c->zoom, ZOOM},
                 {c->command, COMMAND},
                 {c->device, DEVICE},
                 {c->description, DESCRIPTION},
                 {c->href, HREF},
                 {c->image, IMAGE},
                 {c->text, TEXT},
                 {c->text_size, TEXT_STYLE},
                 {c->text_unit, TEXT_STYLE},
                 {c->word_wrap, TEXT_STYLE},
                 {c->query, QUERY},
                 {c->source_url, SOURCE_URL}};
    unsigned fields = 0;
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++)
        fields |= there[i].item != NULL ? there[i].field : 0;
    return fields;
}

static const char *field_name(unsigned fields)
{
    static const char *const NAMES[] = {"group",       "devices",   "capabilities", "queryRange", "queryRange",
                                        "format",      "showTrend", "zoomLevel",    "command",    "device",
                                        "description", "href",      "image",        "text",       "textSize",
                                        "sourceUrl",   "query"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if ((fields & (1u << i)) != 0)
            return NAMES[i];
    return "";
}

static bool check_values(struct rest_call *call, const struct kind *kind, const struct configuration *c,
                         const char *place)
{
    const cJSON *const words[] = {c->group, c->device, c->command, c->query, c->text_unit};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!word_good(words[i]))
            return fail(call, place, "has an id or a name of more than 256 bytes");
    if (!check_devices(call, c->devices, place) || !check_capabilities(call, c->capabilities, place))
        return false;
    if (c->range != NULL && !check_range(call, c->range, kind->fields, place))
        return false;
    if (c->format != NULL && !check_format(call, c->format, place))
        return false;
    if (c->image != NULL && strlen(c->image->valuestring) > MAX_IMAGE)
        return fail(call, place, "has an \"image\" of more than 140000 bytes");
    if (c->zoom != NULL && (c->zoom->valuedouble < 0 || c->zoom->valuedouble > 24))
        return fail(call, place, "has a \"zoomLevel\" that is not from 0 to 24");
    if (c->href != NULL && !link_good(c->href))
        return fail(call, place, "has an \"href\" that does not begin with https://, http:// or /");
    if (c->source_url != NULL && (!link_good(c->source_url) || !begins(c->source_url->valuestring, "https://")))
        return fail(call, place, "has a \"sourceUrl\" that does not begin with https://");
    if ((c->description != NULL && strlen(c->description->valuestring) > MAX_TEXT) ||
        (c->text != NULL && strlen(c->text->valuestring) > MAX_TEXT))
        return fail(call, place, "has a text of more than 10000 bytes");
    return true;
}

static bool check_configuration(struct rest_call *call, const cJSON *object, enum rest_tiles_of of,
                                const char *place)
{
    struct configuration c;
    char says[100];
    const struct rest_member members[] = {
        {"type", REST_TEXT, false, &c.type},
        {"group", REST_TEXT, false, &c.group},
        {"devices", REST_ARRAY, false, &c.devices},
        {"capabilities", REST_ARRAY, false, &c.capabilities},
        {"queryRange", REST_OBJECT, false, &c.range},
        {"format", REST_OBJECT, false, &c.format},
        {"showTrend", REST_BOOL, false, &c.show_trend},
        {"zoomLevel", REST_NUMBER, false, &c.zoom},
        {"command", REST_TEXT, false, &c.command},
        {"device", REST_TEXT, false, &c.device},
        {"description", REST_TEXT, false, &c.description},
        {"href", REST_TEXT, false, &c.href},
        {"image", REST_TEXT, false, &c.image},
        {"text", REST_TEXT, false, &c.text},
        {"textSize", REST_NUMBER, false, &c.text_size},
        {"textSizeUnit", REST_TEXT, false, &c.text_unit},
        {"wordWrap", REST_BOOL, false, &c.word_wrap},
        {"sourceUrl", REST_TEXT, false, &c.source_url},
        {"query", REST_TEXT, false, &c.query},
    };
    if (!rest_members(call, object, place, members, sizeof members / sizeof members[0]))
        return false;
    const struct kind *kind = c.type != NULL ? kind_of(c.type->valuestring) : NULL;
    if (kind == NULL)
        return fail(call, place, "has no \"type\" of tile that is known, such as lineChart, kpi, lkv or markdown");
    if ((kind->where & (1u << of)) == 0)
        return fail(call, place,
                    of == REST_TILES_OF_FORM ? "has a \"type\" that is not of forms: property, markdown or label"
                                             : "has a \"type\" that only dashboards have");
    const unsigned kept = of == REST_TILES_OF_DASHBOARD ? ~0u : ~(unsigned)WHOSE;
    const unsigned fields = fields_of(&c);
    const unsigned lacking = kind->needed & kept & ~fields, surplus = fields & ~(kind->fields & kept);
    if (lacking != 0)
        (void)snprintf(says, sizeof says, "lacks \"%s\", which a tile of type %s has", field_name(lacking),
                       kind->name);
    else if (surplus != 0)
        (void)snprintf(says, sizeof says, "has \"%s\", which a tile of type %s has not", field_name(surplus),
                       kind->name);
    else if (c.range != NULL && (kind->fields & RANGE) == 0)
        (void)snprintf(says, sizeof says, "has \"queryRange\", which a tile of type %s has not", kind->name);
    else
        return check_values(call, kind, &c, place);
    return fail(call, place, says);
}

/* --- tiles --- */

static bool check_tile(struct rest_call *call, const cJSON *tile, enum rest_tiles_of of, int index)
{
    const cJSON *id = NULL, *name = NULL, *x = NULL, *y = NULL, *width = NULL, *height = NULL,
                *configuration = NULL;
    const struct rest_member members[] = {{"id", REST_TEXT, false, &id},
                                          {"displayName", REST_TEXT, false, &name},
                                          {"x", REST_NUMBER, false, &x},
                                          {"y", REST_NUMBER, false, &y},
                                          {"width", REST_NUMBER, false, &width},
                                          {"height", REST_NUMBER, false, &height},
                                          {"configuration", REST_OBJECT, false, &configuration}};
    char place[PLACE_CAP];
    (void)snprintf(place, sizeof place, "tiles[%d]", index);
    if (!cJSON_IsObject(tile))
        return fail(call, place, "is not an object");
    if (!rest_members(call, tile, place, members, sizeof members / sizeof members[0]))
        return false;
    if (name == NULL || strlen(name->valuestring) > REST_TILE_NAME)
        return fail(call, place, "lacks a \"displayName\" of at most 200 bytes");
    if (!word_good(id))
        return fail(call, place, "has an \"id\" of more than 256 bytes");
    if ((x != NULL && !whole_in(x, 0, 100)) || (y != NULL && !whole_in(y, 0, 100)))
        return fail(call, place, "has an \"x\" or \"y\" that is not a whole number from 0 to 100");
    if ((width != NULL && !whole_in(width, 1, 10)) || (height != NULL && !whole_in(height, 1, 10)))
        return fail(call, place, "has a \"width\" or \"height\" that is not a whole number from 1 to 10");
    if (configuration == NULL)
        return fail(call, place, "lacks a \"configuration\"");
    (void)snprintf(place, sizeof place, "tiles[%d].configuration", index);
    return check_configuration(call, configuration, of, place);
}

bool rest_tiles_good(struct rest_call *call, const cJSON *tiles, enum rest_tiles_of of)
{
    const cJSON *tile = NULL;
    int index = 0;
    if (cJSON_GetArraySize(tiles) > MAX_TILES)
        return fail(call, "A dashboard, or a view,", "has at most 100 tiles");
    cJSON_ArrayForEach(tile, tiles)
    {
        if (!check_tile(call, tile, of, index++))
            return false;
    }
    return true;
}
