#include "model/dtdl_private.h"

void issue_at(struct dtdl_model *model, struct json_doc *doc, uint32_t offset, struct element *element,
              const char *id, struct issue_details details)
{
    if (element != NULL)
        element->broken = true;
    if (model->issue_count++ >= model->options.max_issues)
        return;
    struct issue *kept = arena_alloc(model->arena, 1, sizeof *kept);
    if (kept == NULL)
        return;
    struct dtdl_issue *issue = &kept->pub;
    kept->doc = doc;
    issue->id = id;
    issue->file = doc->file;
    issue->offset = offset;
    issue->element = element != NULL ? &element->pub : NULL;
    issue->property = details.property;
    issue->value = details.value;
    issue->type = details.type;
    issue->restriction = details.restriction;
    if (model->last_issue != NULL)
        model->last_issue->next = issue;
    else
        model->issues = issue;
    model->last_issue = issue;
}

void issue_node(struct dtdl_model *model, struct element *element, uint32_t node, const char *id,
                struct issue_details details)
{
    issue_at(model, element->doc, json_value_offset(element->doc, node), element, id, details);
}

void issue_name(struct dtdl_model *model, struct element *element, uint32_t node, const char *id,
                struct issue_details details)
{
    issue_at(model, element->doc, json_begin_offset(element->doc, node), element, id, details);
}

/* --- order --- */

static bool comes_first(const struct dtdl_issue *a, const struct dtdl_issue *b)
{
    const struct json_doc *of_a = ((const struct issue *)a)->doc, *of_b = ((const struct issue *)b)->doc;
    return of_a != of_b ? of_a->number < of_b->number : a->offset <= b->offset;
}

static struct dtdl_issue *merge(struct dtdl_issue *a, struct dtdl_issue *b)
{
    struct dtdl_issue *first = NULL, **end = &first;
    while (a != NULL && b != NULL) {
        struct dtdl_issue **next = comes_first(a, b) ? &a : &b;
        *end = *next;
        end = &(*end)->next;
        *next = *end;
    }
    *end = a != NULL ? a : b;
    return first;
}

/* Lists of 1, 2, 4 ... issues wait for another of their length, as the bits of a counter do. */
static struct dtdl_issue *sorted(struct dtdl_issue *issues)
{
    struct dtdl_issue *waiting[32] = {NULL}, *all = NULL;
    while (issues != NULL) {
        struct dtdl_issue *one = issues;
        size_t i = 0;
        issues = issues->next;
        one->next = NULL;
        for (; i < 31 && waiting[i] != NULL; i++) {
            one = merge(waiting[i], one);
            waiting[i] = NULL;
        }
        waiting[i] = one;
    }
    for (size_t i = 0; i < 32; i++)
        all = merge(waiting[i], all);
    return all;
}

void issues_sort(struct dtdl_model *model)
{
    struct json_place place = JSON_PLACE_START;
    const struct json_doc *doc = NULL;
    model->issues = sorted(model->issues);
    for (struct dtdl_issue *i = model->issues; i != NULL; i = i->next) {
        if (((struct issue *)i)->doc != doc)
            place = JSON_PLACE_START;
        doc = ((struct issue *)i)->doc;
        json_place_move(&place, doc->text, i->offset);
        i->line = place.line;
        i->column = place.column;
        model->last_issue = i;
    }
}

/* --- looking --- */

const struct dtdl_issue *dtdl_issues(const struct dtdl_model *model)
{
    return model->issues;
}

size_t dtdl_issue_count(const struct dtdl_model *model)
{
    return model->issue_count;
}

void dtdl_issue_pointer(const struct dtdl_model *model, const struct dtdl_issue *issue, spoke_buf *out)
{
    (void)model;
    json_pointer(((const struct issue *)issue)->doc, issue->offset, out);
}
