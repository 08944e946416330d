/* A connection of the service fed with arbitrary bytes: before CONNECT, and as a provisioned device at DPS or the
 * hub with all subscriptions. The first byte picks which; the second where the bytes are split. */
#include "support/central_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prepare(struct device *d, struct bench *b, uint8_t choice)
{
    device_open(d, b, NULL);
    if (choice % 3 == 1) {
        device_connect_dps(d, "dev-001");
        device_subscribe(d, "$dps/registrations/res/#", 1);
    }
    if (choice % 3 == 2) {
        device_connect_hub(d, "dev-001", (choice & 64) != 0);
        device_subscribe(d, "$iothub/twin/res/#", 0);
        device_subscribe(d, "$iothub/methods/POST/#", 0);
        device_subscribe(d, "devices/dev-001/messages/devicebound/#", 1);
        (void)core_c2d_send(b->core, "dev-001", SPOKE_STR("x"), NULL, NULL, 0, 1000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench
        b; /* one service for all inputs: starting one each time would leave no time for the bytes */
    static bool up;
    struct device d;
    if (size < 2)
        return 0;
    if (!up) {
        bench_open(&b);
        bench_provision(&b, "dev-001");
        up = true;
    }
    prepare(&d, &b, data[0]);
    const size_t cut = size > 2 ? 1 + data[1] % (size - 1) : 1;
    core_conn_receive(d.conn, data + 1, cut - 1);
    core_conn_receive(d.conn, data + cut, size - cut);
    core_commit(b.core);
    if ((data[0] & 128) != 0) {
        b.now_ms = b.now_ms > 3000000 ? 1000 : b.now_ms + 70000;
        core_tick(b.core);
    }
    device_close(&d);
    (void)store_message_clear(core_store(b.core), "dev-001");
    return 0;
}
