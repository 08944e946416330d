/* Desired documents and command names: every walk ends, and ends well when the document is a JSON object. */
#include <stdlib.h>

#include <spoke/proto/pnp.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool has_even_length(void *ctx, spoke_str name)
{
    (void)ctx;
    return name.len % 2 == 0;
}

static void walk(spoke_str document, bool (*is_component)(void *ctx, spoke_str name))
{
    spoke_pnp_cursor at;
    spoke_pnp_property property;
    spoke_status status = spoke_pnp_enter(document, is_component, NULL, &at);
    while (status == SPOKE_OK && (status = spoke_pnp_next(&at, &property)) == SPOKE_OK)
        require(spoke_json_check(property.value) == SPOKE_OK);
    const bool sound = spoke_json_type(document) == '{' && spoke_json_check(document) == SPOKE_OK;
    require(!sound || status == SPOKE_E_NOT_FOUND);
    require(status == SPOKE_E_NOT_FOUND || status == SPOKE_E_JSON);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const spoke_str text = spoke_str_from((const char *)data, size);
    spoke_str component, command;
    walk(text, NULL);
    walk(text, has_even_length);
    spoke_pnp_split_command(text, &component, &command);
    require(component.len + command.len + (component.len > 0) == size);
    return 0;
}
