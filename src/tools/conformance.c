/* spoke-model conformance: runs files of cases, one JSON object a line, and says where this program and they
 * disagree. Four kinds of lines are told apart by their fields: whole models ("input"), models in files ("file",
 * "valid"), payload checks ("submit") and identifiers ("dtmi"). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"
#include "model/dtdl_json.h"
#include "model/dtmi.h"
#include "tools/file.h"

int tool_conformance(int argc, char **argv);

#define FIRST_BLOCK 2048u
#define GROUPS_MAX 32u
#define NAME_BYTES 512u

/* Agreement of one group in one version of the language. */
struct tally {
    char group[32];
    int version;
    unsigned cases, agree;
    unsigned with_ids, ids_agree; /* cases that name the errors they expect */
    unsigned errors, located;
};

struct run {
    struct tally tallies[GROUPS_MAX];
    size_t count;
    const char *folder; /* of the file of cases */
    unsigned disagreements;
    struct json_doc doc; /* the line at hand */
    struct heap_arena memory;
};

static spoke_str text_member(const struct run *run, const char *name)
{
    const uint32_t node = json_member(&run->doc, 0, spoke_str_of(name));
    return node != 0 ? json_raw(&run->doc, node) : spoke_str_from(NULL, 0);
}

static bool true_member(const struct run *run, const char *name)
{
    return spoke_str_equal(text_member(run, name), SPOKE_STR("true"));
}

/* Also of containers. The quotes of a string are left out. */
static bool has_member(const struct run *run, const char *name)
{
    return json_member(&run->doc, 0, spoke_str_of(name)) != 0;
}

static struct tally *tally_of(struct run *run, spoke_str group, spoke_str version)
{
    char name[sizeof run->tallies[0].group];
    uint32_t number = 0;
    snprintf(name, sizeof name, "%.*s", (int)group.len, group.ptr != NULL ? group.ptr : "");
    if (version.len > 0 && spoke_str_u32(version, &number) != SPOKE_OK)
        number = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (run->tallies[i].version == (int)number && strcmp(run->tallies[i].group, name) == 0)
            return &run->tallies[i];
    }
    if (run->count == GROUPS_MAX)
        return &run->tallies[GROUPS_MAX - 1];
    struct tally *tally = &run->tallies[run->count++];
    memcpy(tally->group, name, sizeof name);
    tally->version = (int)number;
    return tally;
}

static void disagree(struct run *run, spoke_str name, const char *what)
{
    run->disagreements++;
    printf("disagrees: %.*s: %s\n", (int)name.len, name.ptr != NULL ? name.ptr : "?", what);
}

/* --- models --- */

/* The documents that a case's resolver has: [{"request": [ids], "response": [documents]}, …]. */
struct answers {
    const struct json_doc *doc;
    uint32_t node; /* the list */
    bool there;
};

static bool holds_text(const struct json_doc *doc, uint32_t array, spoke_str text)
{
    for (uint32_t n = json_first(doc, array); n < json_end(doc, array); n = json_after(doc, n)) {
        if (spoke_str_equal(json_raw(doc, n), text))
            return true;
    }
    return false;
}

static spoke_status answer(void *ctx, spoke_str dtmi, const char **name, spoke_str *text)
{
    const struct answers *answers = ctx;
    const struct json_doc *doc = answers->doc;
    for (uint32_t n = json_first(doc, answers->node); n < json_end(doc, answers->node); n = json_after(doc, n)) {
        const uint32_t request = json_member(doc, n, SPOKE_STR("request"));
        const uint32_t response = json_member(doc, n, SPOKE_STR("response"));
        if (request == 0 || response == 0 || doc->nodes[response].type != JSON_ARRAY ||
            !holds_text(doc, request, dtmi))
            continue;
        *name = "resolved";
        *text = json_raw(doc, response);
        return SPOKE_OK;
    }
    return SPOKE_E_NOT_FOUND;
}

/* What the case says about how to read it. */
static void read_options(struct run *run, struct dtdl_options *options, const char **limits, size_t room)
{
    const spoke_str undefined = text_member(run, "undefined_extensions");
    const uint32_t accepted = json_member(&run->doc, 0, SPOKE_STR("acceptable_limits"));
    uint32_t version;
    if (spoke_str_equal(undefined, SPOKE_STR("allow")))
        options->undefined = DTDL_UNDEFINED_ALLOW;
    else if (spoke_str_equal(undefined, SPOKE_STR("disallow")))
        options->undefined = DTDL_UNDEFINED_DISALLOW;
    if (spoke_str_u32(text_member(run, "max_dtdl_version"), &version) == SPOKE_OK)
        options->max_version = (uint8_t)version;
    options->limits = limits;
    for (uint32_t n = accepted != 0 ? json_first(&run->doc, accepted) : 1;
         accepted != 0 && n < json_end(&run->doc, accepted) && options->limit_count < room;
         n = json_after(&run->doc, n))
        limits[options->limit_count++] = arena_text(&run->memory.arena, json_raw(&run->doc, n));
}

static bool names_errors(const struct run *run)
{
    const uint32_t list = json_member(&run->doc, 0, SPOKE_STR("expected_errors"));
    return list != 0 && json_count(&run->doc, list, 1) > 0;
}

static bool expected(const struct run *run, const char *id)
{
    const uint32_t list = json_member(&run->doc, 0, SPOKE_STR("expected_errors"));
    for (uint32_t n = json_first(&run->doc, list); list != 0 && n < json_end(&run->doc, list);
         n = json_after(&run->doc, n)) {
        const uint32_t at = json_member(&run->doc, n, SPOKE_STR("id"));
        if (at != 0 && spoke_str_equal(json_raw(&run->doc, at), spoke_str_of(id)))
            return true;
    }
    return false;
}

/* A stranger's text in a line of ours. */
static int shown(spoke_str text)
{
    return text.len < 100 ? (int)text.len : 100;
}

static void count_ids(struct run *run, struct tally *tally, const struct dtdl_model *model, spoke_str name)
{
    bool all = true;
    for (const struct dtdl_issue *i = dtdl_issues(model); i != NULL; i = i->next) {
        tally->errors++;
        tally->located += i->line > 0 && i->column > 0;
        if (expected(run, i->id))
            continue;
        if (all)
            printf("error id: %.*s: %s is not among the expected (line %" PRIu32 ")\n", (int)name.len, name.ptr,
                   i->id, i->line);
        all = false;
    }
    tally->with_ids++;
    tally->ids_agree += all;
}

static void say_refused(struct run *run, const struct dtdl_model *model, spoke_status status, spoke_str name)
{
    char line[600], said[400];
    spoke_buf sentence = spoke_buf_from(said, sizeof said);
    const struct dtdl_issue *first = dtdl_issues(model);
    const spoke_str missing = dtdl_missing(model, 0);
    if (first != NULL) {
        dtdl_issue_text(model, first, &sentence);
        snprintf(line, sizeof line, "should be accepted, but line %" PRIu32 ": %.*s [%s]", first->line,
                 (int)sentence.len, said, first->id);
    } else if (missing.len > 0) {
        snprintf(line, sizeof line, "should be accepted, but %.*s is missing", shown(missing), missing.ptr);
    } else {
        snprintf(line, sizeof line, "should be accepted (%s)", spoke_status_name(status));
    }
    disagree(run, name, line);
}

static void judge(struct run *run, struct tally *tally, const struct dtdl_model *model, spoke_status status,
                  spoke_str name)
{
    const bool valid = true_member(run, "valid");
    const bool quirk = spoke_str_equal(text_member(run, "group"), SPOKE_STR("solecisms")); /* counted apart */
    tally->cases++;
    if ((status == SPOKE_OK) == valid)
        tally->agree++;
    else if (valid && !quirk)
        say_refused(run, model, status, name);
    else if (!quirk)
        disagree(run, name, "should be rejected");
    if (!valid && status != SPOKE_OK && names_errors(run))
        count_ids(run, tally, model, name);
}

static void run_model(struct run *run, const char *file, spoke_str text, const struct answers *answers)
{
    const char *limits[8] = {NULL};
    struct heap_arena memory;
    struct dtdl_options options = {0};
    const spoke_str name = text_member(run, "name");
    read_options(run, &options, limits, sizeof limits / sizeof limits[0]);
    if (answers->there) {
        options.resolve = answer;
        options.resolve_ctx = (void *)(uintptr_t)answers;
    }
    heap_arena_init(&memory, FIRST_BLOCK, 0);
    struct dtdl_model *model = dtdl_create(&memory.arena, &options);
    spoke_status status = model != NULL ? dtdl_add(model, file, text) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = dtdl_finish(model);
    if (model != NULL)
        judge(run, tally_of(run, text_member(run, "group"), text_member(run, "dtdl_version")), model, status,
              name);
    else
        disagree(run, name, "out of memory");
    heap_arena_fini(&memory);
}

static void run_inline(struct run *run)
{
    const uint32_t list = json_member(&run->doc, 0, SPOKE_STR("resolution"));
    const struct answers answers = {&run->doc, list, list != 0};
    const uint32_t input = json_member(&run->doc, 0, SPOKE_STR("input"));
    spoke_str text = json_raw(&run->doc, input);
    if (run->doc.nodes[input].type == JSON_STRING) /* the quotes belong to the model */
        text = spoke_str_from(text.ptr - 1, text.len + 2);
    run_model(run, "input", text, &answers);
}

static bool read_relative(struct run *run, struct file_text *out, spoke_str path)
{
    char name[NAME_BYTES];
    const int n = snprintf(name, sizeof name, "%s/%.*s", run->folder, (int)path.len, path.ptr);
    return n > 0 && (size_t)n < sizeof name && file_read(name, out);
}

static void run_file(struct run *run)
{
    struct file_text text, resolve = {0};
    struct json_doc doc = {0};
    struct json_fault fault;
    struct answers answers = {&doc, 0, false};
    if (!read_relative(run, &text, text_member(run, "file"))) {
        disagree(run, text_member(run, "name"), "its file cannot be read");
        return;
    }
    if (has_member(run, "resolve") && read_relative(run, &resolve, text_member(run, "resolve"))) {
        doc.text = resolve.text;
        answers.there = json_doc_read(&doc, &run->memory.arena, &fault) == SPOKE_OK;
    }
    run_model(run, "input", text.text, &answers);
    file_free(&text);
    file_free(&resolve);
}

/* --- payloads --- */

static const struct dtdl_element *subject_of(const struct dtdl_model *model, spoke_str id)
{
    char memory[NAME_BYTES * 8];
    const struct dtdl_element *found = dtdl_by_id(model, id);
    if (found != NULL)
        return found;
    for (size_t i = 0; i < dtdl_element_count(model); i++) {
        const struct dtdl_element *e = dtdl_element_at(model, i);
        spoke_buf out = spoke_buf_from(memory, sizeof memory);
        if (dtdl_element_id(e, &out) == SPOKE_OK && spoke_str_equal(spoke_buf_str(&out), id))
            return e;
    }
    return NULL;
}

/* What a payload of this element is checked against; NULL: the element carries no value. Telemetry, properties and
 * requests do through their schema, but the cases mean the elements themselves. */
static const struct dtdl_element *schema_for(const struct dtdl_element *e)
{
    switch ((int)e->kind) {
    case DTDL_FIELD:
    case DTDL_MAP_VALUE:
        return dtdl_target(e, DTDL_SCHEMA);
    case DTDL_ENUM_VALUE:
        return e;
    default:
        return e->kind >= DTDL_ARRAY && e->kind <= DTDL_UUID ? e : NULL;
    }
}

/* An enum of this value alone. */
static spoke_status compile_enum_value(const struct dtdl_element *e, struct arena *arena, const spoke_schema **out)
{
    spoke_schema *schema = arena_alloc(arena, 1, sizeof *schema);
    spoke_enum_value *value = arena_alloc(arena, 1, sizeof *value);
    int64_t number = 0;
    if (schema == NULL || value == NULL)
        return SPOKE_E_NO_MEMORY;
    schema->kind = SPOKE_SCHEMA_ENUM_INTEGER;
    schema->count = 1;
    schema->values = value;
    *out = schema;
    if (spoke_json_int(e->enum_value, &number) == SPOKE_OK) {
        value->number = (int32_t)number;
        return SPOKE_OK;
    }
    schema->kind = SPOKE_SCHEMA_ENUM_STRING;
    value->text = arena_text(arena, spoke_str_from(e->enum_value.ptr + 1, e->enum_value.len - 2));
    return value->text != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
}

static spoke_status compile_subject(const struct dtdl_element *e, struct arena *arena, const spoke_schema **out)
{
    return e->kind == DTDL_ENUM_VALUE ? compile_enum_value(e, arena, out) : dtdl_compile_schema(e, arena, out);
}

static void judge_payload(struct run *run, struct heap_arena *memory, const struct dtdl_model *model)
{
    const spoke_schema *schema = NULL;
    const uint32_t submit = json_member(&run->doc, 0, SPOKE_STR("submit"));
    const spoke_str name = text_member(run, "subject");
    const spoke_str payload = json_text(&run->doc, submit, &memory->arena);
    struct tally *tally = tally_of(run, SPOKE_STR("payloads"), text_member(run, "dtdl_version"));
    const struct dtdl_element *subject = subject_of(model, name);
    const struct dtdl_element *element = subject != NULL ? schema_for(subject) : NULL;
    tally->cases++;
    if (true_member(run, "not_validatable")) {
        if (subject != NULL && element == NULL)
            tally->agree++;
        else
            disagree(run, name, "carries no value, and yet would be checked");
        return;
    }
    if (element == NULL || compile_subject(element, &memory->arena, &schema) != SPOKE_OK) {
        disagree(run, name, subject == NULL ? "no such element" : "cannot be checked");
        return;
    }
    const bool conforms = spoke_schema_check(schema, payload, NULL) == SPOKE_OK;
    if (conforms == true_member(run, "conforms")) {
        tally->agree++;
        return;
    }
    char line[200];
    snprintf(line, sizeof line, "%s %.*s", conforms ? "accepts" : "refuses", shown(payload), payload.ptr);
    disagree(run, name, line);
}

static void run_payload(struct run *run)
{
    struct file_text text;
    struct heap_arena memory;
    const struct dtdl_options options = {.undefined = DTDL_UNDEFINED_ALLOW};
    if (!read_relative(run, &text, text_member(run, "file"))) {
        disagree(run, text_member(run, "file"), "cannot be read");
        return;
    }
    heap_arena_init(&memory, FIRST_BLOCK, 0);
    struct dtdl_model *model = dtdl_create(&memory.arena, &options);
    if (model != NULL && dtdl_add(model, "model", text.text) == SPOKE_OK && dtdl_finish(model) == SPOKE_OK)
        judge_payload(run, &memory, model);
    else
        disagree(run, text_member(run, "file"), "the model is not accepted");
    heap_arena_fini(&memory);
    file_free(&text);
}

/* --- identifiers --- */

static bool number_is(const struct run *run, uint32_t expect, const char *name, uint32_t value)
{
    uint32_t wanted;
    const uint32_t node = json_member(&run->doc, expect, spoke_str_of(name));
    return node == 0 || (spoke_str_u32(json_raw(&run->doc, node), &wanted) == SPOKE_OK && wanted == value);
}

static bool labels_are(const struct run *run, uint32_t expect, const struct dtmi *id)
{
    size_t i = 0;
    const uint32_t list = json_member(&run->doc, expect, SPOKE_STR("Labels"));
    if (list == 0)
        return true;
    for (uint32_t n = json_first(&run->doc, list); n < json_end(&run->doc, list); n = json_after(&run->doc, n)) {
        if (!spoke_str_equal(json_raw(&run->doc, n), dtmi_label(id, i++)))
            return false;
    }
    return dtmi_label(id, i).len == 0;
}

/* "1.000034": the minor number as six decimals. */
static bool complete_version_is(const struct run *run, uint32_t expect, const struct dtmi *id)
{
    const uint32_t node = json_member(&run->doc, expect, SPOKE_STR("CompleteVersion"));
    double wanted;
    return node == 0 || (spoke_json_double(json_raw(&run->doc, node), &wanted) == SPOKE_OK &&
                         wanted == (double)id->major + (double)id->minor / 1e6);
}

static bool versionless_is(const struct run *run, uint32_t expect, const struct dtmi *id)
{
    char text[NAME_BYTES];
    const uint32_t node = json_member(&run->doc, expect, SPOKE_STR("Versionless"));
    const int n = snprintf(text, sizeof text, "dtmi:%.*s%.*s", (int)id->path.len, id->path.ptr,
                           (int)id->fragment.len, id->fragment.ptr != NULL ? id->fragment.ptr : "");
    return node == 0 || spoke_str_equal(json_raw(&run->doc, node), spoke_str_from(text, (size_t)n));
}

static bool parts_agree(const struct run *run, const struct dtmi *id)
{
    const uint32_t expect = json_member(&run->doc, 0, SPOKE_STR("expect"));
    if (expect == 0)
        return true;
    const uint32_t reserved = json_member(&run->doc, expect, SPOKE_STR("IsReserved"));
    const uint32_t fragment = json_member(&run->doc, expect, SPOKE_STR("Fragment"));
    return number_is(run, expect, "MajorVersion", id->major) &&
           number_is(run, expect, "MinorVersion", id->minor) && labels_are(run, expect, id) &&
           complete_version_is(run, expect, id) && versionless_is(run, expect, id) &&
           (reserved == 0 || (run->doc.nodes[reserved].type == JSON_TRUE) == id->reserved) &&
           (fragment == 0 || spoke_str_equal(json_raw(&run->doc, fragment), id->fragment));
}

static void run_dtmi(struct run *run)
{
    struct dtmi id;
    struct tally *tally = tally_of(run, SPOKE_STR("identifiers"), spoke_str_from(NULL, 0));
    const uint32_t text = json_member(&run->doc, 0, SPOKE_STR("dtmi"));
    const bool valid = dtmi_parse(json_text(&run->doc, text, &run->memory.arena), &id);
    tally->cases++;
    if (valid != true_member(run, "valid"))
        disagree(run, text_member(run, "name"), valid ? "should be refused" : "should be taken");
    else if (valid && !parts_agree(run, &id))
        disagree(run, text_member(run, "name"), "its parts are read otherwise");
    else
        tally->agree++;
}

/* --- files --- */

static void run_line(struct run *run, spoke_str line, unsigned number)
{
    struct json_fault fault;
    heap_arena_init(&run->memory, FIRST_BLOCK, 0);
    memset(&run->doc, 0, sizeof run->doc);
    run->doc.text = line;
    if (json_doc_read(&run->doc, &run->memory.arena, &fault) != SPOKE_OK ||
        run->doc.nodes[0].type != JSON_OBJECT) {
        printf("line %u is not a JSON object\n", number);
        run->disagreements++;
    } else if (has_member(run, "submit")) {
        run_payload(run);
    } else if (has_member(run, "dtmi")) {
        run_dtmi(run);
    } else if (has_member(run, "input")) {
        run_inline(run);
    } else if (has_member(run, "file")) {
        run_file(run);
    } else {
        printf("line %u is none of the known kinds of cases\n", number);
        run->disagreements++;
    }
    heap_arena_fini(&run->memory);
}

static void run_lines(struct run *run, spoke_str text)
{
    spoke_str line, rest = text;
    unsigned number = 0;
    bool more = rest.len > 0;
    while (more) {
        more = spoke_str_cut(rest, '\n', &line, &rest);
        number++;
        if (line.len > 0)
            run_line(run, line, number);
    }
}

static void print_tally(const struct tally *t)
{
    printf("%-14s v%d  %6u of %6u agree (%.2f %%)", t->group, t->version, t->agree, t->cases,
           t->cases > 0 ? 100.0 * t->agree / t->cases : 0.0);
    if (t->with_ids > 0)
        printf(", error ids %u of %u (%.2f %%), %u of %u errors located", t->ids_agree, t->with_ids,
               100.0 * t->ids_agree / t->with_ids, t->located, t->errors);
    printf("\n");
}

static bool report(struct run *run)
{
    struct tally sum = {.group = "all"};
    for (size_t i = 0; i < run->count; i++) {
        const struct tally *t = &run->tallies[i];
        print_tally(t);
        if (strcmp(t->group, "solecisms") == 0)
            continue;
        sum.cases += t->cases;
        sum.agree += t->agree;
        if (strcmp(t->group, "generated") == 0) {
            sum.with_ids += t->with_ids;
            sum.ids_agree += t->ids_agree;
        }
        sum.errors += t->errors;
        sum.located += t->located;
    }
    print_tally(&sum);
    const bool ids_hold = sum.ids_agree * 100u >= sum.with_ids * 99u && sum.located == sum.errors;
    const bool full = run->disagreements == 0 && sum.agree == sum.cases && sum.cases > 0 && ids_hold;
    puts(full ? "full agreement" : sum.cases > 0 ? "no full agreement: see the lines above" : "no cases at all");
    return full;
}

static bool run_cases(const char *path)
{
    static struct run run; /* large, and one at a time */
    char folder[NAME_BYTES];
    struct file_text text;
    memset(&run, 0, sizeof run);
    const char *slash = strrchr(path, '/');
    const int length = slash != NULL ? (int)(slash - path) : 1;
    snprintf(folder, sizeof folder, "%.*s", length, slash != NULL ? path : ".");
    run.folder = folder;
    if (!file_read(path, &text)) {
        fprintf(stderr, "spoke-model: %s cannot be read\n", path);
        return false;
    }
    run_lines(&run, text.text);
    file_free(&text);
    return report(&run);
}

int tool_conformance(int argc, char **argv)
{
    bool ok = argc > 1;
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        puts("usage: spoke-model conformance FILE.jsonl...\n\n"
             "Runs files of cases, one JSON object a line: whole models (\"input\"), models in files (\"file\"),\n"
             "payload checks (\"submit\") and identifiers (\"dtmi\"). Paths in them are relative to the file's\n"
             "folder. Prints each disagreement, then the agreement by group and version of the language.\n"
             "Exit status 0: full agreement, and at least 99 % of the named error ids.");
        return argc < 2 ? 2 : 0;
    }
    for (int i = 1; i < argc; i++)
        ok = run_cases(argv[i]) && ok;
    return ok ? 0 : 1;
}
