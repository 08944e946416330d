/* What `spoke fleet` is asked to do. */
#ifndef SPOKE_SRC_FLEET_OPTIONS_H
#define SPOKE_SRC_FLEET_OPTIONS_H

#include <spoke/crypto.h>
#include <spoke/proto/hub.h>

#include "tools/tool.h"

#define OPTIONS_PROPERTIES 8u

struct fleet_options {
    struct tool_model loaded; /* after options_parse: its options alone */
    struct tool_arguments arguments;
    const char *interface;
    /* where to */
    const char *dps, *hub; /* one of the two */
    const char *id_scope, *target_is, *trust_file;
    uint32_t port; /* 0: the library's */
    /* as whom */
    bool has_group_key;
    spoke_key group_key; /* wiped by options_free */
    bool key_in_arguments;
    const char *keys_file; /* lines "id,key" */
    const char *prefix;
    uint32_t first; /* number of the first device */
    /* how many and how much */
    uint32_t devices, threads, duration_s;
    uint32_t at_once;  /* devices that may be on their way */
    double rate;       /* messages a second of each device; 0: rate_total */
    double rate_total; /* of all together; 0: rate */
    double ramp;       /* devices that begin in a second */
    uint32_t seed;
    const char *provisioning_payload;
    struct spoke_property_pair properties[OPTIONS_PROPERTIES];
    size_t property_count;
    /* what is told */
    const char *json, *csv;
    bool quiet;
    bool together; /* nothing is sent until all are READY */
};

/* Reads options, then environment variables for what they leave open (getenv's text is not copied). -1: go on. Else the
 * exit code: help was asked for, or something is wrong and was said. */
int options_parse(int argc, char **argv, struct fleet_options *o);
void options_free(struct fleet_options *o);
/* The name to connect to first. */
const char *options_target(const struct fleet_options *o);
/* Messages a second of one device. */
double options_device_rate(const struct fleet_options *o);

#endif
