/* DTDL texts, hostile ones. The first byte sets the profile and what to do about unknown contexts, the second how much
 * memory there is; the rest are documents with NUL bytes between them, the first to load, the others for the resolver.
 * Whatever comes: one verdict that fits the issues, each with a place in its text, a sentence and a pointer, and a
 * graph that can be walked. */
#include <stdlib.h>
#include <string.h>

#include "model/dtdl.h"

#define MAX_INPUT 65536u
#define PARTS 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- memory --- */

struct block {
    struct block *next;
    max_align_t bytes[];
};

static void *grow(void *ctx, size_t size)
{
    struct block **blocks = ctx;
    struct block *block = malloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = *blocks;
    *blocks = block;
    return block->bytes;
}

static void free_blocks(struct block *blocks)
{
    while (blocks != NULL) {
        struct block *block = blocks;
        blocks = block->next;
        free(block);
    }
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* --- input --- */

struct parts {
    spoke_str texts[PARTS];
    size_t count;
    unsigned asked;
    spoke_str last;
};

static void split(struct parts *parts, spoke_str input)
{
    spoke_str rest = input;
    bool more = true;
    while (more && parts->count < PARTS)
        more = spoke_str_cut(rest, '\0', &parts->texts[parts->count++], &rest);
}

/* Any part for any id, the same each time: what it holds may be what was asked for, or not, or what is there already. */
static spoke_status resolve(void *ctx, spoke_str dtmi, const char **name, spoke_str *text)
{
    struct parts *parts = ctx;
    size_t sum = dtmi.len;
    for (size_t i = 0; i < dtmi.len; i++)
        sum += (uint8_t)dtmi.ptr[i];
    require(dtmi.len > 0 && ++parts->asked <= MAX_INPUT);
    require(!spoke_str_equal(dtmi, parts->last)); /* each id once */
    parts->last = dtmi;
    if (sum % 5 == 0)
        return SPOKE_E_NOT_FOUND;
    *name = "part";
    *text = parts->texts[sum % parts->count];
    return SPOKE_OK;
}

/* --- what must hold afterwards --- */

static char scratch[8192];

static void check_issue(const struct dtdl_model *model, const struct dtdl_issue *issue, const struct parts *parts)
{
    size_t longest = 0;
    spoke_buf text = spoke_buf_from(scratch, sizeof scratch), pointer = spoke_buf_from(scratch, sizeof scratch);
    spoke_buf small = spoke_buf_from(scratch, 7);
    for (size_t i = 0; i < parts->count; i++)
        longest = parts->texts[i].len > longest ? parts->texts[i].len : longest;
    require(issue->id != NULL && issue->file != NULL && issue->offset <= longest);
    require(issue->line > 0 && issue->column > 0);
    dtdl_issue_text(model, issue, &text);
    require(text.len > 0 && spoke_utf8_valid(spoke_buf_str(&text)));
    dtdl_issue_pointer(model, issue, &pointer);
    require(pointer.len == 0 || scratch[0] == '/');
    require(pointer.len == sizeof scratch || spoke_utf8_valid(spoke_buf_str(&pointer)));
    dtdl_issue_text(model, issue, &small);
    require(small.len <= 7);
}

static void check_issues(const struct dtdl_model *model, const struct parts *parts)
{
    size_t count = 0;
    const struct dtdl_issue *before = NULL;
    for (const struct dtdl_issue *i = dtdl_issues(model); i != NULL; before = i, i = i->next) {
        check_issue(model, i, parts);
        require(before == NULL || before->file != i->file || before->file[0] == 'p' ||
                before->offset <= i->offset);
        count++;
    }
    require(count <= dtdl_issue_count(model));
}

static void walk_graph(const struct dtdl_model *model, bool valid)
{
    struct dtdl_walk walk;
    for (size_t i = 0; i < dtdl_element_count(model); i++) {
        const struct dtdl_element *e = dtdl_element_at(model, i);
        spoke_buf id = spoke_buf_from(scratch, sizeof scratch);
        const spoke_status status = dtdl_element_id(e, &id);
        require(status == SPOKE_OK || status == SPOKE_E_TOO_SMALL);
        require(dtdl_class_name((enum dtdl_class)e->kind) != NULL && e->version >= (valid ? 2 : 0) &&
                e->version <= 4);
        require(!valid || (e->kind != DTDL_NONE && (status != SPOKE_OK || id.len > 0)));
        for (unsigned edge = 0; edge < DTDL_EDGE_COUNT; edge++)
            for (const struct dtdl_link *l = dtdl_first(e, (enum dtdl_edge)edge); l != NULL; l = dtdl_next(l))
                require(l->to != NULL && l->edge == edge);
        require(!valid || e->id.len == 0 || dtdl_by_id(model, e->id) == e);
        if (e->kind != DTDL_INTERFACE)
            continue;
        dtdl_walk_begin(&walk, e);
        for (size_t steps = 0; dtdl_walk_next(&walk) != NULL; steps++)
            require(steps < MAX_INPUT);
    }
}

static void compile_all(const struct dtdl_model *model, struct arena *arena)
{
    const spoke_model *table = NULL;
    for (size_t i = 0; dtdl_interface_at(model, i) != NULL; i++)
        require(dtdl_compile(dtdl_interface_at(model, i), arena, &table) != SPOKE_OK || table != NULL);
}

static void run(struct parts *parts, const struct dtdl_options *options, struct arena *arena)
{
    struct dtdl_model *model = dtdl_create(arena, options);
    spoke_status status = model != NULL ? dtdl_add(model, "given", parts->texts[0]) : SPOKE_E_NO_MEMORY;
    if (status == SPOKE_OK)
        status = dtdl_finish(model);
    require(status == SPOKE_OK || status == SPOKE_E_MODEL || status == SPOKE_E_NOT_FOUND ||
            status == SPOKE_E_NO_MEMORY || status == SPOKE_E_TOO_LARGE);
    require((status == SPOKE_E_NO_MEMORY) == arena->exhausted);
    if (model == NULL)
        return;
    check_issues(model, parts);
    if (status != SPOKE_E_NO_MEMORY && status != SPOKE_E_TOO_LARGE) {
        require((status == SPOKE_E_MODEL) == (dtdl_issue_count(model) > 0));
        require((status == SPOKE_E_NOT_FOUND) == (dtdl_issue_count(model) == 0 && dtdl_missing(model, 0).len > 0));
    }
    walk_graph(model, status == SPOKE_OK);
    if (status == SPOKE_OK)
        compile_all(model, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned char fixed[65536];
    struct parts parts = {.count = 0};
    struct block *blocks = NULL;
    struct arena arena;
    if (size < 2 || size > MAX_INPUT)
        return 0;
    split(&parts, spoke_str_from((const char *)data + 2, size - 2));
    struct dtdl_options options = {.profile = (data[0] & 1) != 0 ? DTDL_CENTRAL : DTDL_STRICT,
                                   .undefined = (enum dtdl_undefined)((data[0] >> 1 & 3) % 3),
                                   .max_issues = (data[0] & 8) != 0 ? 3 : 0,
                                   .max_bytes = (data[0] & 16) != 0 ? 1000 : 0};
    if (parts.count > 1) {
        options.resolve = resolve;
        options.resolve_ctx = &parts;
    }
    if (data[1] >= 0xC0)
        arena_init(&arena, fixed, (size_t)(data[1] - 0xC0) * 1024);
    else
        arena_init_growing(&arena, grow, &blocks, 512);
    run(&parts, &options, &arena);
    free_blocks(blocks);
    return 0;
}
