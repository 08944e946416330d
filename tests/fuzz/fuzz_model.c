/* DTDL to the run-time table: whatever is accepted is a table that its functions can rely on, within the memory it was
 * given. The first two bytes say how much that is, and how it is aligned. */
#include <stdlib.h>
#include <string.h>

#include <spoke/model.h>

#define ARENA_BYTES (512u * 1024u)
#define GUARD 0x5A

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(max_align_t) uint8_t memory[ARENA_BYTES + 1];

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Every member is found, and its schemas can be checked against. */
static void use(const spoke_model *model)
{
    static const char *const payloads[] = {"null", "{}", "[]", "\"\"", "-1", "1.5e3", "{\"a\":[{}]}"};
    char text[120];
    spoke_fault fault;
    require(spoke_model_valid(model));
    for (size_t i = 0; i < model->member_count; i++) {
        const spoke_member *m = &model->members[i];
        require(spoke_model_member(model, spoke_str_of(m->component), spoke_str_of(m->name)) == m);
        require(spoke_model_has_component(model, spoke_str_of(m->component)));
        for (size_t j = 0; m->schema != NULL && j < sizeof payloads / sizeof payloads[0]; j++)
            if (spoke_schema_check(m->schema, spoke_str_of(payloads[j]), &fault) != SPOKE_OK)
                require(spoke_fault_text(&fault, text, sizeof text)[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_model *model = NULL;
    spoke_error why = {SPOKE_OK, SPOKE_SOURCE_MODEL, 0, NULL};
    if (size < 2)
        return 0;
    const size_t room = ((size_t)data[0] << 8 | data[1]) * 8 + 8;
    const spoke_str json = spoke_str_from((const char *)data + 2, size - 2);
    const size_t before = data[1] % 8; /* used already, so that what follows has any alignment */
    spoke_buf arena = spoke_buf_from(memory, room);
    arena.len = before;
    memory[room] = GUARD;
    const spoke_status status = spoke_model_parse(json, NULL, &arena, &model, &why);
    require(memory[room] == GUARD && arena.len <= room);
    if (status == SPOKE_OK)
        use(model);
    else
        require(model == NULL && why.status == status && why.text != NULL && arena.len == before);
    return 0;
}
