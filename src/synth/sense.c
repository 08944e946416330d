#include "synth/sense.h"

#include <string.h>
#include <strings.h>

/* --- numbers --- */

/* One kind of figure, in its base unit. The semantic type decides; without one the first row whose word is in the
 * name; a word with '=' in front has to be the whole name. */
static const struct figure {
    const char *semantic_type;
    const char *word;
    struct sense_number number;
} figures[] = {
    {"Temperature", "temp", {15, 30, 2, false}}, /* degrees Celsius */
    {"RelativeHumidity", "humid", {30, 70, 1, false}},
    {"Humidity", NULL, {5, 15, 2, false}},         /* grams per cubic metre */
    {"Pressure", "pressure", {95, 105, 2, false}}, /* kilopascal */
    {NULL, "battery", {20, 100, 0, false}},
    {"Voltage", "volt", {11.5, 12.6, 2, false}},
    {"Current", "current", {0.1, 5, 3, false}}, /* ampere */
    {"Power", "power", {10, 500, 1, false}},    /* watt */
    {"Energy", "energy", {0, 1e6, 1, true}},    /* joule */
    {"ElectricCharge", "charge", {0, 100, 1, false}},
    {NULL, "=lat", {47.3, 47.7, 5, false}},
    {"Latitude", "latitude", {47.3, 47.7, 5, false}},
    {NULL, "=lon", {8.3, 8.8, 5, false}},
    {NULL, "=lng", {8.3, 8.8, 5, false}},
    {"Longitude", "longitude", {8.3, 8.8, 5, false}},
    {NULL, "=alt", {400, 450, 1, false}},
    {NULL, "altitude", {400, 450, 1, false}},
    {"AngularVelocity", "rpm", {900, 1500, 0, false}},
    {"Velocity", "speed", {0, 30, 1, false}}, /* metres per second */
    {NULL, "velocity", {0, 30, 1, false}},
    {"Acceleration", "accel", {-2, 2, 3, false}},
    {NULL, "=x", {-1, 1, 3, false}},
    {NULL, "=y", {-1, 1, 3, false}},
    {NULL, "=z", {-1, 1, 3, false}},
    {"Angle", "angle", {0, 359, 1, false}},
    {NULL, "heading", {0, 359, 1, false}},
    {"Illuminance", "illum", {100, 1000, 0, false}},
    {"Luminance", "bright", {10, 100, 0, false}},
    {"SoundPressure", "noise", {30, 80, 1, false}}, /* decibel */
    {NULL, "sound", {30, 80, 1, false}},
    {NULL, "rssi", {-90, -40, 0, false}},
    {NULL, "signal", {-90, -40, 0, false}},
    {"Concentration", "co2", {400, 1200, 0, false}},
    {"Frequency", "frequency", {49.9, 50.1, 2, false}},
    {"VolumeFlowRate", "flow", {1, 20, 2, false}},
    {"Distance", "distance", {0.1, 10, 2, false}}, /* metre */
    {"Length", "height", {0.1, 10, 2, false}},
    {"Mass", "weight", {1, 100, 2, false}}, /* kilogram */
    {"Volume", "volume", {1, 100, 1, false}},
    {"Force", "force", {0, 100, 1, false}},
    {"Torque", "torque", {0, 50, 1, false}},
    {"DataSize", "memory", {1e5, 5e8, 0, false}}, /* byte */
    {NULL, "storage", {1e5, 5e8, 0, false}},
    {"DataRate", NULL, {1, 1000, 1, false}},
    {"TimeSpan", "uptime", {0, 1e9, 0, true}}, /* second */
    {NULL, "elapsed", {0, 1e9, 0, true}},
    {NULL, "interval", {5, 60, 0, false}},
    {NULL, "period", {5, 60, 0, false}},
    {NULL, "count", {0, 1e6, 0, true}},
    {NULL, "total", {0, 1e6, 0, true}},
    {NULL, "=ph", {6.5, 7.5, 2, false}},
    {NULL, "vibration", {0, 10, 2, false}},
    {NULL, "level", {10, 90, 1, false}},
    {NULL, "load", {1, 90, 1, false}},
    {NULL, "usage", {1, 90, 1, false}},
};

/* From the base unit of the table above. */
static const struct unit {
    const char *name;
    double factor, offset;
} units[] = {
    {"degreeFahrenheit", 1.8, 32},
    {"kelvin", 1, 273.15},
    {"pascal", 1000, 0},
    {"bar", 0.01, 0},
    {"millibar", 10, 0},
    {"poundPerSquareInch", 0.145038, 0},
    {"inchesOfMercury", 0.2953, 0},
    {"millimetresOfMercury", 7.50062, 0},
    {"unity", 0.01, 0},
    {"millivolt", 1000, 0},
    {"kilovolt", 0.001, 0},
    {"milliampere", 1000, 0},
    {"microampere", 1e6, 0},
    {"kilowatt", 0.001, 0},
    {"megawatt", 1e-6, 0},
    {"horsepower", 0.001341, 0},
    {"kilojoule", 0.001, 0},
    {"megajoule", 1e-6, 0},
    {"kilowattHour", 2.778e-7, 0},
    {"kilometrePerHour", 3.6, 0},
    {"milePerHour", 2.23694, 0},
    {"knot", 1.94384, 0},
    {"centimetrePerSecond", 100, 0},
    {"gForce", 0.101972, 0},
    {"radian", 0.0174533, 0},
    {"kilohertz", 0.001, 0},
    {"megahertz", 1e-6, 0},
    {"centimetre", 100, 0},
    {"millimetre", 1000, 0},
    {"kilometre", 0.001, 0},
    {"foot", 3.28084, 0},
    {"inch", 39.3701, 0},
    {"mile", 0.000621371, 0},
    {"gram", 1000, 0},
    {"tonne", 0.001, 0},
    {"pound", 2.20462, 0},
    {"kibibyte", 1.0 / 1024, 0},
    {"mebibyte", 1.0 / 1048576, 0},
    {"kilobyte", 0.001, 0},
    {"megabyte", 1e-6, 0},
    {"millisecond", 1000, 0},
    {"minute", 1.0 / 60, 0},
    {"hour", 1.0 / 3600, 0},
    {"day", 1.0 / 86400, 0},
};

bool sense_holds(const char *text, const char *part)
{
    const size_t len = strlen(part);
    for (; text != NULL && *text != '\0'; text++) {
        if (strncasecmp(text, part, len) == 0)
            return true;
    }
    return false;
}

static bool word_fits(const char *word, const char *name)
{
    if (word == NULL || name == NULL)
        return false;
    return word[0] == '=' ? strcasecmp(word + 1, name) == 0 : sense_holds(name, word);
}

static const struct figure *figure_of(const struct sense_hint *hint)
{
    const size_t count = sizeof figures / sizeof figures[0];
    for (size_t i = 0; hint->semantic_type != NULL && i < count; i++) {
        if (figures[i].semantic_type != NULL && strcmp(figures[i].semantic_type, hint->semantic_type) == 0)
            return &figures[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (word_fits(figures[i].word, hint->name))
            return &figures[i];
    }
    return NULL;
}

static const struct unit *unit_of(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

/* Enough of them to show a hundredth of what it moves over. */
static unsigned decimals_for(double span)
{
    unsigned decimals = 1;
    for (; span < 100 && decimals < 6; span *= 10)
        decimals++;
    return decimals;
}

struct sense_number sense_number_of(const struct sense_hint *hint)
{
    static const struct sense_number unknown = {0, 100, 2, false};
    const struct figure *figure = figure_of(hint);
    const struct unit *unit = unit_of(hint->unit);
    struct sense_number number = figure != NULL ? figure->number : unknown;
    if (unit == NULL)
        return number;
    number.low = number.low * unit->factor + unit->offset;
    number.high = number.high * unit->factor + unit->offset;
    number.decimals = decimals_for(number.high - number.low);
    return number;
}

/* --- text --- */

enum sense_text sense_text_of(const struct sense_hint *hint)
{
    static const struct {
        const char *word;
        enum sense_text text;
    } words[] = {
        {"serial", SENSE_SERIAL},     {"manufacturer", SENSE_MAKER}, {"vendor", SENSE_MAKER},
        {"version", SENSE_VERSION},   {"firmware", SENSE_VERSION},   {"model", SENSE_MODEL},
        {"=mac", SENSE_MAC},          {"macaddress", SENSE_MAC},     {"=ip", SENSE_ADDRESS},
        {"ipaddress", SENSE_ADDRESS}, {"url", SENSE_LINK},           {"uri", SENSE_LINK},
        {"state", SENSE_STATUS},      {"status", SENSE_STATUS},      {"mode", SENSE_STATUS},
        {"name", SENSE_NAME},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (word_fits(words[i].word, hint->name))
            return words[i].text;
    }
    return SENSE_WORD;
}

/* --- what writable properties mean --- */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcasecmp(text + len - tail, end) == 0;
}

double sense_interval_unit_s(const struct sense_hint *hint)
{
    const char *name = hint->name;
    if (name == NULL || (!sense_holds(name, "interval") && !sense_holds(name, "period")))
        return 0;
    const struct unit *unit = unit_of(hint->unit);
    if (unit != NULL && unit->offset == 0 && unit->factor > 0)
        return 1 / unit->factor;
    if (ends_with(name, "ms") || sense_holds(name, "milli"))
        return 0.001;
    if (sense_holds(name, "minute"))
        return 60;
    return sense_holds(name, "hour") ? 3600 : 1;
}

bool sense_is_target(const char *name)
{
    return sense_holds(name, "target") || sense_holds(name, "setpoint") || sense_holds(name, "desired");
}
