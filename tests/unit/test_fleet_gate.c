/* A fleet connects to this machine, or to what was named twice. No name is looked up outside: the resolver is a stub. */
#include "support/support.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "fleet/gate.h"

static struct gate gate;
static char why[800];
static int lookups;
static bool resolver_down;
static uint64_t clock_ms;

static uint64_t fake_now_ms(void)
{
    return clock_ms;
}

static void add(struct gate_host *host, const char *address)
{
    union gate_address *to = &host->addresses[host->count++];
    memset(to, 0, sizeof *to);
    if (inet_pton(AF_INET, address, &to->v4.sin_addr) == 1) {
        to->any.sa_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, address, &to->v6.sin6_addr), 1);
        to->any.sa_family = AF_INET6;
    }
}

static void resolve(void *ctx, struct gate_host *host)
{
    (void)ctx;
    lookups++;
    if (resolver_down)
        return;
    if (strcmp(host->name, "localhost") == 0 || strcmp(host->name, "mixed.example") == 0)
        add(host, "::1");
    if (strcmp(host->name, "localhost") == 0)
        add(host, "127.0.0.1");
    if (strstr(host->name, ".example") != NULL)
        add(host, "192.0.2.7");
}

static bool passes(const char *target, const char *named)
{
    gate_init(&gate, target, named, resolve, NULL);
    lookups = 0;
    why[0] = '\0';
    const bool passed = gate_check_target(&gate, target, why, sizeof why);
    gate_fini(&gate);
    return passed;
}

static bool loops_back(const char *address)
{
    struct gate_host host = {.count = 0};
    add(&host, address);
    return gate_is_loopback(&host.addresses[0]);
}

static void this_machine_needs_no_second_name(void **state)
{
    (void)state;
    assert_true(passes("localhost", NULL));
}

static void another_machine_is_refused_and_what_to_do_is_said(void **state)
{
    (void)state;
    assert_false(passes("hub.example", NULL));
    assert_non_null(strstr(why, "nothing was sent"));
    assert_non_null(strstr(why, "--target-is hub.example"));
}

static void another_machine_that_is_named_twice_passes(void **state)
{
    (void)state;
    assert_true(passes("hub.example", "hub.example"));
    assert_true(passes("hub.example", "HUB.example"));
}

static void naming_one_host_does_not_open_the_way_to_another(void **state)
{
    (void)state;
    assert_false(passes("hub.example", "other.example"));
    assert_false(passes("localhost", "hub.example"));
    assert_int_equal(lookups, 0);
}

static void a_name_that_leads_here_and_elsewhere_is_elsewhere(void **state)
{
    (void)state;
    assert_false(passes("mixed.example", NULL));
}

static void a_name_without_an_address_is_refused(void **state)
{
    (void)state;
    assert_false(passes("nowhere", NULL));
    assert_non_null(strstr(why, "no address"));
}

static void loopback_is_told_in_both_families(void **state)
{
    (void)state;
    assert_true(loops_back("127.0.0.1"));
    assert_true(loops_back("127.255.0.9"));
    assert_true(loops_back("::1"));
    assert_true(loops_back("::ffff:127.0.0.1"));
    assert_false(loops_back("128.0.0.1"));
    assert_false(loops_back("0.0.0.0"));
    assert_false(loops_back("::"));
    assert_false(loops_back("::2"));
    assert_false(loops_back("::ffff:192.0.2.1"));
}

static void a_hub_elsewhere_that_a_service_here_assigns_is_not_allowed(void **state)
{
    (void)state;
    gate_init(&gate, "localhost", NULL, resolve, NULL);
    assert_true(gate_check_target(&gate, "localhost", why, sizeof why));
    assert_false(gate_look(&gate, "hub.example")->allowed);
    gate_fini(&gate);
}

static void a_hub_that_a_named_service_assigns_is_allowed(void **state)
{
    (void)state;
    gate_init(&gate, "dps.example", "dps.example", resolve, NULL);
    assert_true(gate_check_target(&gate, "dps.example", why, sizeof why));
    assert_true(gate_look(&gate, "hub.example")->allowed);
    gate_fini(&gate);
}

static void each_host_is_resolved_once(void **state)
{
    (void)state;
    gate_init(&gate, "localhost", NULL, resolve, NULL);
    lookups = 0;
    const struct gate_host *host = gate_look(&gate, "localhost");
    assert_ptr_equal(gate_look(&gate, "LOCALHOST"), host);
    assert_int_equal(lookups, 1);
    gate_fini(&gate);
}

static void a_name_without_an_address_is_resolved_again_after_a_while(void **state)
{
    (void)state;
    gate_init(&gate, "localhost", NULL, resolve, NULL);
    gate.now_ms = fake_now_ms;
    lookups = 0;
    resolver_down = true;
    assert_null(gate_look(&gate, "localhost"));
    resolver_down = false;
    clock_ms += GATE_AGAIN_MS - 1;
    assert_null(gate_look(&gate, "localhost"));
    assert_int_equal(lookups, 1);
    clock_ms++;
    assert_true(gate_look(&gate, "localhost")->allowed);
    assert_int_equal(lookups, 2);
    clock_ms += GATE_AGAIN_MS;
    assert_non_null(gate_look(&gate, "localhost"));
    assert_int_equal(lookups, 2);
    gate_fini(&gate);
}

static void more_hosts_than_there_is_room_for_are_told(void **state)
{
    (void)state;
    char name[32];
    gate_init(&gate, "localhost", NULL, resolve, NULL);
    for (unsigned i = 0; i < GATE_HOSTS; i++) {
        snprintf(name, sizeof name, "h%u.example", i);
        assert_non_null(gate_look(&gate, name));
    }
    assert_null(gate_look(&gate, "one-more.example"));
    assert_non_null(gate_look(&gate, "h0.example"));
    gate_fini(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_needs_no_second_name),
        cmocka_unit_test(another_machine_is_refused_and_what_to_do_is_said),
        cmocka_unit_test(another_machine_that_is_named_twice_passes),
        cmocka_unit_test(naming_one_host_does_not_open_the_way_to_another),
        cmocka_unit_test(a_name_that_leads_here_and_elsewhere_is_elsewhere),
        cmocka_unit_test(a_name_without_an_address_is_refused),
        cmocka_unit_test(loopback_is_told_in_both_families),
        cmocka_unit_test(a_hub_elsewhere_that_a_service_here_assigns_is_not_allowed),
        cmocka_unit_test(a_hub_that_a_named_service_assigns_is_allowed),
        cmocka_unit_test(each_host_is_resolved_once),
        cmocka_unit_test(a_name_without_an_address_is_resolved_again_after_a_while),
        cmocka_unit_test(more_hosts_than_there_is_room_for_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
