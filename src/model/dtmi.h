/* Digital twin model identifiers: "dtmi:com:example:Thermostat;1" (DTMI specification, docs/templates.md). */
#ifndef SPOKE_SRC_MODEL_DTMI_H
#define SPOKE_SRC_MODEL_DTMI_H

#include <spoke/base.h>

struct dtmi {
    spoke_str path;     /* "com:example:Thermostat" */
    spoke_str fragment; /* with its "#"; empty: none */
    uint32_t major, minor;
    bool has_version, has_minor, has_fragment;
    bool reserved; /* a label begins with an underscore: only the language itself makes such ids */
};

/* The general syntax, with fragments and reserved labels. False: not a DTMI. */
bool dtmi_parse(spoke_str text, struct dtmi *out);
/* What a model of that version of the language may define or refer to: no fragment, no reserved label, and in
 * version 2 exactly one version number. */
bool dtmi_valid_in(const struct dtmi *id, unsigned language);
/* The i-th label of the path; empty past the last. */
spoke_str dtmi_label(const struct dtmi *id, size_t i);

#endif
