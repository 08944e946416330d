/* What a number or a text is likely to mean: from its semantic type and unit in the template, else from its name. */
#ifndef SPOKE_SRC_SYNTH_SENSE_H
#define SPOKE_SRC_SYNTH_SENSE_H

#include <stdbool.h>

/* Each may be NULL: not known. */
struct sense_hint {
    const char *semantic_type; /* "Temperature" */
    const char *unit;          /* "degreeCelsius" */
    const char *name;          /* of the capability or the field */
};

/* How a number behaves, in the unit of the template. */
struct sense_number {
    double low, high; /* where it usually is */
    unsigned decimals;
    bool grows; /* a counter: never falls but to begin anew */
};

/* Always gives one: 0 to 100 where nothing is known. */
struct sense_number sense_number_of(const struct sense_hint *hint);

enum sense_text {
    SENSE_WORD, /* nothing is known */
    SENSE_STATUS,
    SENSE_NAME,
    SENSE_MAKER,
    SENSE_MODEL,
    SENSE_SERIAL,
    SENSE_VERSION,
    SENSE_MAC,
    SENSE_ADDRESS,
    SENSE_LINK
};
enum sense_text sense_text_of(const struct sense_hint *hint);

/* Seconds in one of a property that says how often telemetry is sent; 0: it is none ("interval" or "period" in its
 * name tells). */
double sense_interval_unit_s(const struct sense_hint *hint);
/* A property that says what another value shall become: "targetTemperature", "setpoint". */
bool sense_is_target(const char *name);
/* Whether `text` holds `part`; case does not matter. */
bool sense_holds(const char *text, const char *part);

#endif
