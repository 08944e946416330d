#include <string.h>

#include "model/dtdl.h"

/* DTDL text to a table, in the caller's memory: the run time's front end. */

static spoke_status refuse(spoke_error *why, spoke_status status, int32_t detail, const char *text)
{
    if (why != NULL)
        *why = (spoke_error){status, SPOKE_SOURCE_MODEL, detail, text};
    return status;
}

static bool put(spoke_buf *out, const char *text)
{
    return spoke_buf_append(out, spoke_str_of(text)) == SPOKE_OK;
}

/* "line 12, column 9: /contents/3: ..." as far as there is room. */
static void put_issue(const struct dtdl_model *model, const struct dtdl_issue *issue, spoke_buf *out)
{
    if (put(out, "line ") && spoke_buf_append_u64(out, issue->line) == SPOKE_OK && put(out, ", column ") &&
        spoke_buf_append_u64(out, issue->column) == SPOKE_OK && put(out, ": "))
        dtdl_issue_text(model, issue, out);
}

/* The first issue as a sentence, in what is left of the caller's memory. */
static spoke_status refuse_issue(const struct dtdl_model *model, struct arena *arena, spoke_error *why)
{
    const struct dtdl_issue *issue = dtdl_issues(model);
    const size_t left = (size_t)(arena->end - arena->at);
    const bool json = strcmp(issue->id, "invalidJson") == 0;
    spoke_buf sentence = spoke_buf_from(arena->at, left > 0 ? left - 1 : 0);
    put_issue(model, issue, &sentence);
    if (left > 0)
        sentence.ptr[sentence.len] = '\0';
    return refuse(why, json ? SPOKE_E_JSON : SPOKE_E_MODEL, (int32_t)(issue->offset & INT32_MAX),
                  sentence.len > 0 ? (const char *)sentence.ptr
                                   : "the text breaks a rule of DTDL: spoke-model check says which");
}

static spoke_status load(struct arena *arena, spoke_str json, struct dtdl_model **out, spoke_error *why)
{
    const struct dtdl_options options = {.profile = DTDL_CENTRAL, .max_issues = 1};
    spoke_status status = SPOKE_E_NO_MEMORY;
    *out = dtdl_create(arena, &options);
    if (*out != NULL)
        status = dtdl_add(*out, "template", json);
    if (status == SPOKE_OK)
        status = dtdl_finish(*out);
    if (status == SPOKE_OK)
        return SPOKE_OK;
    if (status == SPOKE_E_MODEL)
        return refuse_issue(*out, arena, why);
    if (status == SPOKE_E_NOT_FOUND)
        return refuse(why, SPOKE_E_MODEL, 0,
                      "the template refers to an interface that is not in the text: put all of them in one array");
    return refuse(why, status, 0,
                  status == SPOKE_E_NO_MEMORY ? "the arena is too small for this template"
                                              : "the template is larger than this build takes");
}

static const struct dtdl_element *interface_of(const struct dtdl_model *model, const char *dtmi)
{
    if (dtmi == NULL)
        return dtdl_interface_at(model, 0);
    const struct dtdl_element *found = dtdl_by_id(model, spoke_str_of(dtmi));
    return found != NULL && found->kind == DTDL_INTERFACE ? found : NULL;
}

/* Why a valid template has no table. */
static const char *no_table_text(spoke_status status)
{
    if (status == SPOKE_E_NO_MEMORY)
        return "the arena is too small for this template";
    return status == SPOKE_E_TOO_LARGE
               ? "the template is larger than a table can be"
               : "an enum value has a NUL character, which no device can tell from the end "
                 "of the text: leave it out";
}

/* The graph goes into `scratch`, the table into `table`, which may be the same. */
static spoke_status build(spoke_str json, const char *dtmi, struct arena *scratch, struct arena *table,
                          const spoke_model **out, spoke_error *why)
{
    struct dtdl_model *model;
    spoke_status status = load(scratch, json, &model, why);
    if (status != SPOKE_OK)
        return status;
    const struct dtdl_element *interface = interface_of(model, dtmi);
    if (interface == NULL)
        return refuse(why, SPOKE_E_NOT_FOUND, 0, "the text has no interface of that id");
    status = dtdl_compile(interface, table, out);
    if (status == SPOKE_OK)
        return SPOKE_OK;
    return refuse(why, status, 0, no_table_text(status));
}

/* First with the table in the lowest eighth, so that the rest is free again afterwards; where memory is too tight for
 * that, with everything behind each other. */
spoke_status spoke_model_parse(spoke_str json, const char *dtmi, spoke_buf *memory, const spoke_model **out,
                               spoke_error *why)
{
    struct arena scratch, table;
    if (memory == NULL || memory->ptr == NULL || memory->len > memory->cap || out == NULL)
        return refuse(why, SPOKE_E_ARG, 0, "arena or out is NULL, or more of the arena is used than there is");
    *out = NULL;
    uint8_t *start = memory->ptr + memory->len;
    const size_t room = memory->cap - memory->len;
    arena_init(&table, start, room / 8);
    arena_init(&scratch, start + room / 8, room - room / 8);
    spoke_status status = build(json, dtmi, &scratch, &table, out, why);
    if (status == SPOKE_E_NO_MEMORY) {
        arena_init(&table, start, room);
        status = build(json, dtmi, &table, &table, out, why);
    }
    if (status == SPOKE_OK)
        memory->len = (size_t)(table.at - memory->ptr);
    return status;
}
