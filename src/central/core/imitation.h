/* A device that is played from its template: what it measures, reports, acknowledges and answers. No connection, no time
 * of its own; JSON in and out. Beside template.c the only file of the service that calls src/model. */
#ifndef SPOKE_SRC_CENTRAL_IMITATION_H
#define SPOKE_SRC_CENTRAL_IMITATION_H

#include <cJSON.h>
#include <spoke/base.h>

struct imitation;

/* Of that interface in a template that was judged well; the same seed plays the same values. E_MODEL: the text has no
 * such interface. */
spoke_status imitation_make(spoke_str json, const char *model_id, uint64_t seed, struct imitation **out);
void imitation_free(struct imitation *im); /* NULL is fine */

/* One message for each component that has telemetry, *component "" for the default one; `at` starts at 0 and is moved on.
 * The body is valid until the next call. False: that were all. */
bool imitation_message(struct imitation *im, int64_t unix_ms, size_t *at, const char **component, spoke_str *body);
/* What it reports when it has connected: read-only properties, and the first values of writable ones that the twin knows
 * nothing of. A patch, or NULL. */
cJSON *imitation_report(struct imitation *im, int64_t unix_ms, const cJSON *desired, const cJSON *reported);
/* Its acknowledgement of desired properties: a patch, or NULL when nothing of it concerns the device. */
cJSON *imitation_acknowledge(struct imitation *im, const cJSON *desired, double version);
/* How often telemetry is sent: as a writable property asked for, else `usual`. */
uint64_t imitation_interval_ms(const struct imitation *im, uint64_t usual);
/* Its answer to a command, "name" or "component*name": the status; *body, perhaps empty, is valid until the next call. */
int imitation_answer(struct imitation *im, int64_t unix_ms, spoke_str method, spoke_str *body);

#endif
