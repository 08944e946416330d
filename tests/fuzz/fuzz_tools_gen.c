/* The generator: whatever model text is valid becomes C, in bounded memory, and nothing crashes on the way. */
#include <stdlib.h>
#include <string.h>

#include "model/dtdl.h"
#include "tools/emit.h"

#define MAX_INPUT 65536u
#define MAX_MEMORY (64u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct block {
    struct block *next;
    max_align_t bytes[];
};

struct heap {
    struct block *blocks;
    size_t bytes;
};

static void *grow(void *ctx, size_t size)
{
    struct heap *heap = ctx;
    struct block *block = heap->bytes + size <= MAX_MEMORY ? malloc(sizeof *block + size) : NULL;
    if (block == NULL)
        return NULL;
    block->next = heap->blocks;
    heap->blocks = block;
    heap->bytes += size;
    return block->bytes;
}

static void release(struct heap *heap)
{
    while (heap->blocks != NULL) {
        struct block *next = heap->blocks->next;
        free(heap->blocks);
        heap->blocks = next;
    }
}

/* The end of the literal or comment that begins at `at`. Text of the template stands nowhere else. */
static const char *skip_quoted(const char *at)
{
    const char quote = *at++;
    for (; *at != quote; at++) {
        if (*at == '\\')
            at++;
        if (*at < ' ' || *at > '~')
            abort();
    }
    return at;
}

static const char *skip_comment(const char *at)
{
    for (at += 2; strncmp(at, "*/", 2) != 0; at++) {
        if (*at == '\0' || *at == '\\' || strncmp(at, "/*", 2) == 0 || strncmp(at, "?\?", 2) == 0)
            abort();
    }
    return at + 1;
}

/* C as far as one can say without a compiler: no comment or literal is left early, and between them is plain ASCII. */
static void look_like_c(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\'')
            at = skip_quoted(at);
        else if (strncmp(at, "/*", 2) == 0)
            at = skip_comment(at);
        else if ((*at != '\n' && (*at < ' ' || *at > '~')) || strncmp(at, "*/", 2) == 0 || *at == '@' ||
                 *at == '`')
            abort();
    }
}

static void emit(const struct plan *plan, void (*write)(const struct plan *plan, struct text *out))
{
    struct text out = {0};
    write(plan, &out);
    if (!out.failed && (out.len == 0 || memchr(out.ptr, '\0', out.len) != NULL))
        abort();
    if (!out.failed)
        look_like_c(out.ptr);
    text_free(&out);
}

static void generate(struct arena *arena, const struct dtdl_element *interface, bool no_handlers)
{
    const struct plan_options options = {.no_handlers = no_handlers};
    struct plan plan;
    if (plan_make(&plan, arena, interface, &options) != SPOKE_OK)
        return;
    emit(&plan, emit_header);
    emit(&plan, emit_source);
    emit(&plan, emit_self_test);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap heap = {0};
    struct arena arena;
    if (size > MAX_INPUT)
        return 0;
    arena_init_growing(&arena, grow, &heap, 65536);
    const struct dtdl_options options = {.profile = size % 2 == 0 ? DTDL_CENTRAL : DTDL_STRICT};
    struct dtdl_model *model = dtdl_create(&arena, &options);
    if (model != NULL && dtdl_add(model, "input", spoke_str_from((const char *)data, size)) == SPOKE_OK &&
        dtdl_finish(model) == SPOKE_OK) {
        const struct dtdl_element *interface;
        for (size_t i = 0; (interface = dtdl_interface_at(model, i)) != NULL; i++)
            generate(&arena, interface, size % 3 == 0);
    }
    release(&heap);
    return 0;
}
