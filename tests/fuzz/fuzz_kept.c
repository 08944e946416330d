/* What the store holds of settings and long-running commands, be it damaged or forged: the client takes it or leaves it
 * out, and what it took can be changed, stored and read again. A record of settings and one of a command, with a NUL
 * between them. */
#include <stdlib.h>
#include <string.h>

#include <spoke/spoke.h>

#include "client/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* --- a transport that connects to nothing --- */

struct spoke_transport {
    int nothing;
};

static size_t link_size(const spoke_transport_options *options)
{
    (void)options;
    return sizeof(struct spoke_transport);
}

static spoke_status link_init(void *memory, size_t size, const spoke_transport_options *options,
                              spoke_transport **out, spoke_error *error)
{
    (void)size;
    (void)options;
    (void)error;
    *out = memory;
    return SPOKE_OK;
}

static void link_nothing(spoke_transport *t)
{
    (void)t;
}

static spoke_status link_open(spoke_transport *t, const spoke_transport_target *target)
{
    (void)t;
    (void)target;
    return SPOKE_OK;
}

static void link_step(spoke_transport *t, uint32_t limit_ms)
{
    (void)t;
    (void)limit_ms;
}

static spoke_status link_next(spoke_transport *t, spoke_transport_event *event)
{
    (void)t;
    (void)event;
    return SPOKE_E_AGAIN;
}

static uint32_t link_next_ms(const spoke_transport *t)
{
    (void)t;
    return UINT32_MAX;
}

static const spoke_transport_ops ops = {.struct_size = sizeof ops,
                                        .name = "nowhere",
                                        .size = link_size,
                                        .init = link_init,
                                        .fini = link_nothing,
                                        .open = link_open,
                                        .step = link_step,
                                        .next = link_next,
                                        .close = link_nothing,
                                        .abort = link_nothing,
                                        .wake = link_nothing,
                                        .next_ms = link_next_ms};

/* --- the store --- */

static struct {
    uint8_t bytes[4096];
    size_t len;
} settings, work;

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    (void)ctx;
    if (strcmp(key, "settings") == 0 && settings.len > 0)
        return spoke_buf_append(out, spoke_str_from((const char *)settings.bytes, settings.len));
    if (strcmp(key, "work-0") == 0 && work.len > 0)
        return spoke_buf_append(out, spoke_str_from((const char *)work.bytes, work.len));
    return SPOKE_E_NOT_FOUND;
}

static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    require(value.len <= sizeof settings.bytes);
    if (strcmp(key, "settings") != 0)
        return SPOKE_E_PORT;
    if (value.len > 0)
        memcpy(settings.bytes, value.ptr, value.len);
    settings.len = value.len;
    return SPOKE_OK;
}

/* --- the program --- */

struct told {
    char text[4096]; /* name=value of each, a line each */
    size_t len;
};

static spoke_ack on_setting(const spoke_property *wanted, void *user)
{
    struct told *told = user;
    require(spoke_json_check(wanted->value) == SPOKE_OK && wanted->initial && wanted->version >= 0);
    require(told->len + wanted->value.len + 2 < sizeof told->text);
    told->text[told->len++] = wanted->component.len > 0 ? 'p' : wanted->name.ptr[0];
    memcpy(told->text + told->len, wanted->value.ptr, wanted->value.len);
    told->len += wanted->value.len;
    told->text[told->len++] = '\n';
    return spoke_accept();
}

static spoke_ack on_work(const spoke_command *call, void *user)
{
    (void)call;
    (void)user;
    return spoke_accept();
}

static const spoke_handler handlers[] = {SPOKE_ON_PROPERTY("a", on_setting), SPOKE_ON_PROPERTY("b", on_setting),
                                         SPOKE_ON_COMMAND("go", on_work),
                                         SPOKE_ON_COMPONENT_PROPERTY("part", "a", on_setting)};

static _Alignas(max_align_t) uint8_t memory[24 * 1024];

static spoke_client *start(struct told *told)
{
    static spoke_platform platform;
    spoke_client *client = NULL;
    spoke_error why;
    platform = *spoke_platform_posix();
    platform.load = load;
    platform.store = store;
    platform.log = NULL;
    const spoke_config config =
        SPOKE_CONFIG(.hub_host = "h", .registration_id = "d",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .platform = &platform,
                     .transport = &ops, .handlers = handlers,
                     .handler_count = sizeof handlers / sizeof handlers[0], .queue_bytes = 256,
                     .report_bytes = 1024, .receive_bytes = 1024, .send_bytes = 2048, .in_flight = 1,
                     .commands = 1, .keep_settings = true, .user = told);
    told->len = 0;
    require(spoke_client_init(memory, sizeof memory, &config, &client, &why) == SPOKE_OK);
    return client;
}

static void look_at_works(spoke_client *client)
{
    spoke_work found = {0};
    size_t count = 0;
    while (spoke_work_next(client, found.id, &found) == SPOKE_OK) {
        require(found.id != 0 && spoke_str_equal(found.name, SPOKE_STR("go")) && count++ == 0);
        volatile char sum = 0;
        for (size_t i = 0; i < found.payload.len; i++)
            sum = (char)(sum ^ found.payload.ptr[i]);
    }
}

/* A document that changes one setting and takes another back. */
static void change(spoke_client *client)
{
    settings_took(client, 0, SPOKE_STR("{\"new\":[1,2]}"), 200);
    settings_took(client, 3, SPOKE_STR("null"), 200);
    settings_save(client, 9);
}

static void take(struct told *told, spoke_client *client)
{
    (void)told;
    look_at_works(client);
    require(spoke_client_open(client) == SPOKE_OK);
    require(spoke_client_poll(client, 0) == SPOKE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct told first, second;
    if (size == 0)
        return 0;
    const uint8_t *middle = memchr(data, 0, size);
    const size_t front = middle != NULL ? (size_t)(middle - data) : size;
    const size_t back = middle != NULL ? size - front - 1 : 0;
    if (front > sizeof settings.bytes || back > sizeof work.bytes)
        return 0;
    memcpy(settings.bytes, data, front);
    settings.len = front;
    if (back > 0)
        memcpy(work.bytes, middle + 1, back);
    work.len = back;

    spoke_client *client = start(&first);
    take(&first, client);
    change(client);
    spoke_client_destroy(client);
    client = start(&first);
    take(&first, client);
    require(first.len == 0 || first.text[0] != 'a' ||
            (first.len >= 15 && memcmp(first.text, "a{\"new\":[1,2]}\n", 15) == 0)); /* never the one before */
    settings_took(client, 1, SPOKE_STR("1"), 200);
    settings_took(client, 1, SPOKE_STR("null"), 200);
    spoke_client_destroy(client);
    client = start(&second);
    take(&second, client);
    require(first.len == second.len && memcmp(first.text, second.text, first.len) == 0);
    spoke_client_destroy(client);
    return 0;
}
