/* DTDL texts and what becomes of them, for tests. Texts are written with ' for ", so that C can hold them. */
#ifndef SPOKE_TESTS_DTDL_FIXTURE_H
#define SPOKE_TESTS_DTDL_FIXTURE_H

#include "base/heap_arena.h"
#include "model/dtdl.h"

/* An interface "dtmi:x:a;1" in a version of the language, with more members. */
#define INTERFACE(version, more) \
    "{'@context':'dtmi:dtdl:context;" #version "','@id':'dtmi:x:a;1','@type':'Interface'" more "}"
/* The same with one of contents, and its members. */
#define CONTENT(version, type, more) INTERFACE(version, ",'contents':[{'@type':'" type "','name':'n'" more "}]")
#define TELEMETRY(version, schema) CONTENT(version, "Telemetry", ",'schema':" schema)

struct dtdl_fixture {
    struct heap_arena heap;
    struct dtdl_model *model;
    spoke_status status; /* of dtdl_finish, or of what failed before */
    char *texts[8];      /* with their quotes */
    size_t text_count;
};

/* A growing arena. options may be NULL. */
void fixture_begin(struct dtdl_fixture *f, const struct dtdl_options *options);
/* Adds a text, as "model.json". */
void fixture_add(struct dtdl_fixture *f, const char *text);
void fixture_finish(struct dtdl_fixture *f);
void fixture_end(struct dtdl_fixture *f);
/* All in one: begins, adds, finishes. */
void fixture_load(struct dtdl_fixture *f, const struct dtdl_options *options, const char *text);
/* Text with ' turned into "; lives as long as the fixture. */
spoke_str fixture_text(struct dtdl_fixture *f, const char *text);

struct dtdl_case {
    const char *text;
    const char *issue;   /* the id of the first; NULL: accepted */
    const char *pointer; /* where; NULL: not looked at */
    const char *says;    /* stands in the sentence; NULL: not looked at */
};

/* Loads each alone and compares the verdict, the first issue, its place and its sentence. */
void check_cases(const struct dtdl_options *options, const struct dtdl_case *cases, size_t count);
#define CHECK_CASES(options, cases) check_cases((options), (cases), sizeof(cases) / sizeof(cases)[0])

/* The ids of all issues in their order, with commas. */
const char *fixture_issues(const struct dtdl_fixture *f, char *out, size_t room);

#endif
