/* What a client finds in the store at start (assignment, home, move: a line each), and the payload of a command to move
 * (the fourth line): whatever stands there, the client knows a scope and hosts that a registration can be made with,
 * and no hub or device id that no topic could name. */
#include <stdalign.h>
#include <string.h>

#include <spoke/spoke.h>

#include "client/machine.h"
#include "fuzz/proto_input.h"

#define MAX_INPUT 4096u

struct records {
    spoke_str assignment, home, move;
};

static spoke_status load(void *ctx, const char *key, spoke_buf *out)
{
    const struct records *r = ctx;
    const spoke_str record = strcmp(key, "assignment") == 0 ? r->assignment
                             : strcmp(key, "home") == 0     ? r->home
                             : strcmp(key, "move") == 0     ? r->move
                                                            : (spoke_str){NULL, 0};
    return record.len > 0 ? spoke_buf_append(out, record) : SPOKE_E_NOT_FOUND;
}

/* What the client writes itself is JSON. */
static spoke_status store(void *ctx, const char *key, spoke_str value)
{
    (void)ctx;
    (void)key;
    require(value.len == 0 || spoke_json_check(value) == SPOKE_OK);
    return SPOKE_OK;
}

static size_t no_size(const spoke_transport_options *options)
{
    (void)options;
    return 16;
}

static spoke_status no_init(void *memory, size_t size, const spoke_transport_options *options,
                            spoke_transport **out, spoke_error *error)
{
    (void)size;
    (void)options;
    (void)error;
    *out = memory;
    return SPOKE_OK;
}

static void nothing(spoke_transport *t)
{
    (void)t;
}

static void check(const spoke_client *c)
{
    const struct home home = {.id_scope = ""};
    char host[SPOKE_MAX_HOST_BYTES + 1];
    struct home is = home;
    require(strlen(home_scope(c)) < sizeof is.id_scope);
    memcpy(is.id_scope, home_scope(c), strlen(home_scope(c)) + 1);
    require(home_possible(c, &is));
    require(hosts_get(home_hosts(c), 0, host, sizeof host));
    require(c->move.phase == MOVE_NONE || (c->move.phase == MOVE_WAITING && home_possible(c, &c->move.goal)));
    require(!c->assigned || assignment_possible(spoke_str_of(c->hub_host), spoke_str_of(c->device_id)));
}

static void command(spoke_client *c, spoke_str payload, bool offline)
{
    const spoke_command call = {.client = c, .payload = payload, .offline = offline};
    const bool moving = c->move.phase != MOVE_NONE;
    const spoke_ack verdict = spoke_move_command(&call, NULL);
    require(verdict.code == 202 || verdict.code == 400 || (verdict.code == 409 && moving));
    require(verdict.text != NULL);
    require(verdict.code != 202 || home_possible(c, &c->move.goal));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static alignas(max_align_t) uint8_t memory[1 << 17];
    static const spoke_transport_ops ops = {.struct_size = sizeof ops,
                                            .name = "none",
                                            .size = no_size,
                                            .init = no_init,
                                            .fini = nothing,
                                            .wake = nothing};
    spoke_str rest = spoke_str_from((const char *)data, size);
    if (size > MAX_INPUT)
        return 0;
    struct records records;
    records.assignment = next_line(&rest);
    records.home = next_line(&rest);
    records.move = next_line(&rest);
    const spoke_platform platform = {
        .struct_size = sizeof platform, .ctx = &records, .load = load, .store = store};
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "dps.local", .id_scope = "0ne0", .registration_id = "d",
                     .credential.primary = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", .platform = &platform,
                     .transport = &ops, .queue_bytes = 256, .report_bytes = 256);
    spoke_client *client = NULL;
    spoke_error why;
    require(spoke_client_init(memory, sizeof memory, &config, &client, &why) == SPOKE_OK);
    check(client);
    command(client, next_line(&rest), false);
    check(client);
    memset(&client->move, 0, sizeof client->move);
    command(client, rest, true);
    check(client);
    spoke_client_destroy(client);
    return 0;
}
