/* Runs on the board and says what one client takes beyond the buffers that its program chose (docs/footprint.md names
 * them): spoke_client_size of a small device, over semihosting. */
#include <spoke/client.h>

enum { SYS_WRITEC = 3, SYS_EXIT = 0x18, EXIT_FINE = 0x20026 };

static int ask_host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static spoke_status no_time(void *ctx, int64_t *out)
{
    (void)ctx, (void)out;
    return SPOKE_E_CLOCK;
}

static uint64_t no_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static spoke_status no_random(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx, (void)out, (void)len;
    return SPOKE_E_PORT;
}

static const spoke_net net = {.struct_size = sizeof(spoke_net)};
static const spoke_platform platform = {.struct_size = sizeof(spoke_platform),
                                        .monotonic_ms = no_clock,
                                        .unix_seconds = no_time,
                                        .random = no_random,
                                        .net = &net};

static spoke_ack refuse(const spoke_command *call, void *user)
{
    (void)call, (void)user;
    return spoke_reject(501, NULL);
}

static const spoke_handler handlers[] = {SPOKE_ON_COMMAND("reboot", refuse)};

static void tell(uint32_t number)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        (void)ask_host(SYS_WRITEC, &digits[--count]);
    (void)ask_host(SYS_WRITEC, "\n");
}

static void run(void)
{
    const spoke_config config =
        SPOKE_CONFIG(.provisioning_host = "global.azure-devices-provisioning.net", .id_scope = "0ne00112233",
                     .registration_id = "pump-17",
                     .credential.primary = "a2V5IG9mIHNpeHRlZW4gYnl0ZXM=", .platform = &platform,
                     .transport = spoke_transport_native(), .test_only = SPOKE_TEST_ONLY_PLAINTEXT,
                     .handlers = handlers, .handler_count = 1, .queue_bytes = 2048, .report_bytes = 1024,
                     .receive_bytes = 2048, .send_bytes = 2048, .in_flight = 8);
    /* patches that wait, and answers to commands that wait, each have report_bytes; the scratch is not taken off */
    const uint32_t reports = config.report_bytes, answers = config.report_bytes;
    const uint32_t chosen = config.queue_bytes + reports + answers + config.receive_bytes + config.send_bytes;
    const size_t all = spoke_client_size(&config);
    tell(all > chosen ? (uint32_t)(all - chosen) : 0);
    (void)ask_host(SYS_EXIT, (const void *)EXIT_FINE);
}

/* --- what a linker and a processor need --- */

extern uint32_t stack_top, data_start, data_end, data_load, bss_start, bss_end;

void reset(void);
void reset(void)
{
    const uint32_t *from = &data_load;
    for (uint32_t *to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    run();
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top, (const void *)reset};
