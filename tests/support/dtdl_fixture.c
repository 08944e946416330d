#include "support/dtdl_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

void fixture_begin(struct dtdl_fixture *f, const struct dtdl_options *options)
{
    memset(f, 0, sizeof *f);
    heap_arena_init(&f->heap, 2048, 0);
    f->model = dtdl_create(&f->heap.arena, options);
    assert_non_null(f->model);
}

spoke_str fixture_text(struct dtdl_fixture *f, const char *text)
{
    const size_t length = strlen(text);
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    assert_true(f->text_count < sizeof f->texts / sizeof f->texts[0]);
    f->texts[f->text_count++] = copy;
    for (size_t i = 0; i <= length; i++)
        copy[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    return spoke_str_from(copy, length);
}

void fixture_add(struct dtdl_fixture *f, const char *text)
{
    const spoke_status status = dtdl_add(f->model, "model.json", fixture_text(f, text));
    if (f->status == SPOKE_OK)
        f->status = status;
}

void fixture_finish(struct dtdl_fixture *f)
{
    if (f->status == SPOKE_OK)
        f->status = dtdl_finish(f->model);
}

void fixture_end(struct dtdl_fixture *f)
{
    for (size_t i = 0; i < f->text_count; i++)
        free(f->texts[i]);
    heap_arena_fini(&f->heap);
}

void fixture_load(struct dtdl_fixture *f, const struct dtdl_options *options, const char *text)
{
    fixture_begin(f, options);
    fixture_add(f, text);
    fixture_finish(f);
}

const char *fixture_issues(const struct dtdl_fixture *f, char *out, size_t room)
{
    spoke_buf text = spoke_buf_from(out, room - 1);
    for (const struct dtdl_issue *i = dtdl_issues(f->model); i != NULL; i = i->next) {
        assert_ok(spoke_buf_append(&text, spoke_str_of(text.len > 0 ? "," : "")));
        assert_ok(spoke_buf_append(&text, spoke_str_of(i->id)));
    }
    out[text.len] = '\0';
    return out;
}

static void compare_issue(const struct dtdl_case *c, const struct dtdl_model *model,
                          const struct dtdl_issue *issue)
{
    char sentence[512] = "", pointer[512] = "";
    spoke_buf said = spoke_buf_from(sentence, sizeof sentence - 1);
    spoke_buf place = spoke_buf_from(pointer, sizeof pointer - 1);
    dtdl_issue_text(model, issue, &said);
    dtdl_issue_pointer(model, issue, &place);
    sentence[said.len] = pointer[place.len] = '\0';
    if (strcmp(issue->id, c->issue) != 0)
        fail_msg("%s\nsays %s at %s: %s", c->text, issue->id, pointer, sentence);
    if (c->pointer != NULL && strcmp(pointer, c->pointer) != 0)
        fail_msg("%s\n%s is at %s, not %s", c->text, issue->id, pointer, c->pointer);
    if (sentence[0] == '\0' || (c->says != NULL && strstr(sentence, c->says) == NULL))
        fail_msg("%s\n%s says: %s", c->text, issue->id, sentence);
    assert_true(issue->line > 0 && issue->column > 0);
}

static void check_case(const struct dtdl_options *options, const struct dtdl_case *c)
{
    struct dtdl_fixture f;
    fixture_load(&f, options, c->text);
    const struct dtdl_issue *first = dtdl_issues(f.model);
    if (c->issue == NULL && first != NULL) {
        const struct dtdl_case none = {c->text, "no issue", NULL, NULL};
        compare_issue(&none, f.model, first);
    }
    if (f.status != (c->issue == NULL ? SPOKE_OK : SPOKE_E_MODEL))
        fail_msg("%s\nanswers %s", c->text, spoke_status_name(f.status));
    if (c->issue != NULL)
        compare_issue(c, f.model, first);
    fixture_end(&f);
}

void check_cases(const struct dtdl_options *options, const struct dtdl_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_case(options, &cases[i]);
}
