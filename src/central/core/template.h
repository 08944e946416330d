/* Device templates as rules: a text is judged, becomes a table, and values are held against it. The only file of the
 * service that calls src/model. */
#ifndef SPOKE_SRC_CENTRAL_TEMPLATE_H
#define SPOKE_SRC_CENTRAL_TEMPLATE_H

#include <cJSON.h>
#include <spoke/base.h>
#include <spoke/model.h>

#define TEMPLATE_WHY_CAP 256u

/* --- judging a text --- */

/* What is wrong with a text. Release with template_report_free. */
struct template_report {
    char *text;    /* for people: a line for each of the first rules that are broken */
    cJSON *issues; /* for programs: [{"pointer","line","column","rule","message"}] */
};
void template_report_free(struct template_report *report);
/* Holds DTDL or template JSON against the language, in IoT Central's profile. E_MODEL: see *report; E_TOO_LARGE;
 * E_NO_MEMORY. On OK the report is empty. */
spoke_status template_judge(spoke_str text, struct template_report *report);

/* --- the table --- */

struct template_table;

/* The table of that interface in a template that was judged well. E_MODEL: the text has no such interface.
 * E_TOO_LARGE: more than a thousand values or fields in one place, or beyond what a table counts. */
spoke_status template_compile(spoke_str json, const char *model_id, struct template_table **out);
void template_free(struct template_table *t);
size_t template_bytes(const struct template_table *t); /* heap that it holds */

/* --- values --- */

enum template_fit {
    TEMPLATE_FITS,
    TEMPLATE_UNMODELED,  /* the template has no such name */
    TEMPLATE_WRONG_TYPE, /* it has, and the value is another one than it allows */
    TEMPLATE_READ_ONLY   /* a property that the service may not set */
};
/* "unmodeled", "wrong type": how REST shows it. */
const char *template_fit_text(enum template_fit fit);

/* component empty: the default one. json: the value as it was written. `why` gets a sentence unless it fits. */
enum template_fit template_telemetry(const struct template_table *t, spoke_str component, spoke_str name,
                                     spoke_str json, char why[TEMPLATE_WHY_CAP]);
/* A reported value; of a writable property also as an acknowledgement {"value", "ac", "av", "ad"}. */
enum template_fit template_reported(const struct template_table *t, spoke_str component, spoke_str name,
                                    spoke_str json, char why[TEMPLATE_WHY_CAP]);
/* A value that the service wants to set; null, which takes it back, fits every writable property and every
 * name that the template lacks. */
enum template_fit template_desired(const struct template_table *t, spoke_str component, spoke_str name,
                                   spoke_str json, char why[TEMPLATE_WHY_CAP]);
/* The request of a command; empty: none. */
enum template_fit template_request(const struct template_table *t, spoke_str component, spoke_str name,
                                   spoke_str json, char why[TEMPLATE_WHY_CAP]);
/* IoT Central's "queue if offline": the command travels as a cloud-to-device message and has no answer. */
bool template_is_durable(const struct template_table *t, spoke_str component, spoke_str name);
/* What the device answered to a command that it carried out. */
enum template_fit template_response(const struct template_table *t, spoke_str component, spoke_str name,
                                    spoke_str json, char why[TEMPLATE_WHY_CAP]);
/* A property that is kept by the service alone: template_desired holds its values against its schema. */
bool template_is_cloud(const struct template_table *t, spoke_str component, spoke_str name);
/* Has the template telemetry, or a property that devices report, of this name? */
bool template_is_telemetry(const struct template_table *t, spoke_str component, spoke_str name);
bool template_is_property(const struct template_table *t, spoke_str component, spoke_str name);
bool template_is_command(const struct template_table *t, spoke_str component, spoke_str name);
bool template_has_component(const struct template_table *t, spoke_str component);
/* The i-th component's name; NULL past the last. */
const char *template_component(const struct template_table *t, size_t i);

#endif
