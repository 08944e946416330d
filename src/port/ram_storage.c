#include <string.h>

#include <spoke/platform.h>

/* NULL: outside. */
static uint8_t *place(const spoke_ram_storage *ram, uint32_t block, uint32_t offset, size_t len)
{
    const spoke_storage *s = &ram->storage;
    if (block >= s->block_count || offset > s->block_bytes || len > s->block_bytes - offset)
        return NULL;
    return ram->memory + (size_t)block * s->block_bytes + offset;
}

static spoke_status ram_read(void *ctx, uint32_t block, uint32_t offset, void *out, size_t len)
{
    const uint8_t *at = place(ctx, block, offset, len);
    if (at == NULL)
        return SPOKE_E_PORT;
    memcpy(out, at, len);
    return SPOKE_OK;
}

static spoke_status ram_program(void *ctx, uint32_t block, uint32_t offset, const void *bytes, size_t len)
{
    uint8_t *at = place(ctx, block, offset, len);
    if (at == NULL)
        return SPOKE_E_PORT;
    memcpy(at, bytes, len);
    return SPOKE_OK;
}

static spoke_status ram_erase(void *ctx, uint32_t block)
{
    const spoke_ram_storage *ram = ctx;
    uint8_t *at = place(ram, block, 0, ram->storage.block_bytes);
    if (at == NULL)
        return SPOKE_E_PORT;
    memset(at, 0xFF, ram->storage.block_bytes);
    return SPOKE_OK;
}

void spoke_storage_ram_init(spoke_ram_storage *ram, void *memory, uint32_t block_bytes, uint32_t block_count)
{
    *ram = (spoke_ram_storage){
        .storage = {.struct_size = sizeof(spoke_storage),
                    .ctx = ram,
                    .block_bytes = block_bytes,
                    .block_count = block_count,
                    .program_bytes = 1,
                    .read = ram_read,
                    .program = ram_program,
                    .erase = ram_erase},
        .memory = memory,
    };
}
