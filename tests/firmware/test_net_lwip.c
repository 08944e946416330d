/* samples/firmware/net_lwip.c as it is under an operating system: lwIP in a thread of its own (Debian's liblwip, which
 * asserts that its lock is held), with a server inside the same lwIP, reached through its loopback. That library has no
 * resolver: a fake one is here. */
#include <lwip/dns.h>
#include <lwip/netif.h>
#include <lwip/sys.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <spoke/platform.h>

extern const spoke_net net_lwip;

enum { PORT = 8883, SHUT_PORT = 9, PATIENCE_MS = 5000, LARGE = 400000 };

/* --- a resolver that answers when it is told to --- */

static struct {
    const char *name;
    dns_found_callback found;
    void *arg;
} question;

err_t dns_gethostbyname(const char *name, ip_addr_t *address, dns_found_callback found, void *arg)
{
    if (ipaddr_aton(name, address) == 1)
        return ERR_OK;
    question.name = name;
    question.found = found;
    question.arg = arg;
    return ERR_INPROGRESS;
}

static void answer(const char *address)
{
    ip_addr_t ip;
    LOCK_TCPIP_CORE();
    question.found(question.name, address != NULL && ipaddr_aton(address, &ip) == 1 ? &ip : NULL, question.arg);
    UNLOCK_TCPIP_CORE();
}

/* --- a server: what it receives is counted, and what it is told is sent --- */

static struct {
    struct tcp_pcb *door, *pcb;
    size_t received;
    bool reads; /* else its window fills up */
} server;

static err_t server_received(void *arg, struct tcp_pcb *pcb, struct pbuf *bytes, err_t error)
{
    (void)arg, (void)error;
    if (bytes == NULL)
        return ERR_OK;
    server.received += bytes->tot_len;
    if (server.reads)
        tcp_recved(pcb, bytes->tot_len);
    pbuf_free(bytes);
    return ERR_OK;
}

static void server_lost(void *arg, err_t error)
{
    (void)arg, (void)error;
    server.pcb = NULL;
}

static err_t server_accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
    (void)arg, (void)error;
    server.pcb = pcb;
    tcp_recv(pcb, server_received);
    tcp_err(pcb, server_lost);
    return ERR_OK;
}

static void server_send(const char *text)
{
    LOCK_TCPIP_CORE();
    assert_int_equal(tcp_write(server.pcb, text, (u16_t)strlen(text), TCP_WRITE_FLAG_COPY), ERR_OK);
    tcp_output(server.pcb);
    UNLOCK_TCPIP_CORE();
}

static void server_close(void)
{
    LOCK_TCPIP_CORE();
    if (server.pcb != NULL) {
        tcp_recv(server.pcb, NULL);
        tcp_err(server.pcb, NULL);
        tcp_close(server.pcb);
    }
    server.pcb = NULL;
    UNLOCK_TCPIP_CORE();
}

static void server_ends_its_side(void)
{
    LOCK_TCPIP_CORE();
    assert_int_equal(tcp_shutdown(server.pcb, 0, 1), ERR_OK);
    UNLOCK_TCPIP_CORE();
}

static void server_reads_again(void)
{
    LOCK_TCPIP_CORE();
    server.reads = true;
    tcp_recved(server.pcb, (u16_t)(server.received < 0xFFFF ? server.received : 0xFFFF));
    UNLOCK_TCPIP_CORE();
}

/* --- an interface that leads nowhere but back --- */

static err_t drop_packet(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to)
{
    (void)netif, (void)packet, (void)to;
    return ERR_OK;
}

static err_t start_interface(struct netif *netif)
{
    netif->output = drop_packet;
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_LINK_UP;
    return ERR_OK;
}

static struct netif interface;

static void begin(void *done)
{
    ip4_addr_t address, mask, gateway;
    IP4_ADDR(&address, 10, 0, 2, 15);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 0, 0, 0, 0);
    netif_add(&interface, &address, &mask, &gateway, NULL, start_interface, tcpip_input);
    netif_set_default(&interface);
    netif_set_up(&interface);
    server.door = tcp_new();
    (void)tcp_bind(server.door, IP_ANY_TYPE, PORT);
    server.door = tcp_listen(server.door);
    tcp_accept(server.door, server_accepted);
    sys_sem_signal(done);
}

static int begin_all(void **state)
{
    sys_sem_t done;
    (void)state;
    if (sys_sem_new(&done, 0) != ERR_OK)
        return -1;
    tcpip_init(begin, &done);
    sys_arch_sem_wait(&done, 0);
    sys_sem_free(&done);
    return 0;
}

/* --- one link --- */

static void *link_new(void)
{
    void *link = malloc(net_lwip.link_bytes);
    assert_non_null(link);
    assert_int_equal(net_lwip.init(NULL, link), SPOKE_OK);
    server.received = 0;
    server.reads = true;
    return link;
}

static void link_free(void *link)
{
    net_lwip.fini(NULL, link);
    server_close();
    free(link);
}

static spoke_status reach(void *link, const char *host, uint16_t port)
{
    assert_int_equal(net_lwip.open(NULL, link, host, port), SPOKE_OK);
    const uint32_t start = sys_now();
    spoke_status status = SPOKE_E_AGAIN;
    while (status == SPOKE_E_AGAIN && sys_now() - start < PATIENCE_MS) {
        status = net_lwip.step(NULL, link);
        if (status == SPOKE_E_AGAIN)
            net_lwip.wait(NULL, link, SPOKE_WANT_WRITE, 100);
    }
    return status;
}

static void *link_open(void)
{
    void *link = link_new();
    assert_int_equal(reach(link, "10.0.2.15", PORT), SPOKE_OK);
    return link;
}

/* So many bytes, whatever the pieces. */
static void expect(void *link, const char *text)
{
    char got[64];
    size_t have = 0;
    const uint32_t start = sys_now();
    while (have < strlen(text) && sys_now() - start < PATIENCE_MS) {
        size_t count = 0;
        const spoke_status status = net_lwip.read(NULL, link, (uint8_t *)got + have, sizeof got - have, &count);
        if (status == SPOKE_E_AGAIN)
            net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
        else
            assert_int_equal(status, SPOKE_OK);
        have += count;
    }
    assert_int_equal(have, strlen(text));
    assert_memory_equal(got, text, have);
}

/* --- claims --- */

static void it_carries_bytes_both_ways(void **state)
{
    void *link = link_open();
    size_t count = 0;
    (void)state;
    assert_int_equal(net_lwip.write(NULL, link, (const uint8_t *)"hello", 5, &count), SPOKE_OK);
    assert_int_equal(count, 5);
    const uint32_t start = sys_now();
    while (server.received < 5 && sys_now() - start < PATIENCE_MS)
        net_lwip.wait(NULL, link, SPOKE_WANT_READ, 1);
    server_send("good morning");
    expect(link, "good morning");
    link_free(link);
}

static void a_shut_port_is_e_net_with_lwips_number(void **state)
{
    void *link = link_new();
    (void)state;
    assert_int_equal(reach(link, "10.0.2.15", SHUT_PORT), SPOKE_E_NET);
    assert_int_equal(net_lwip.detail(NULL, link), ERR_RST);
    link_free(link);
}

static void *link_asking(void)
{
    void *link = link_new();
    assert_int_equal(net_lwip.open(NULL, link, "hub.example", PORT), SPOKE_OK);
    assert_int_equal(net_lwip.step(NULL, link), SPOKE_E_AGAIN);
    assert_int_equal(net_lwip.detail(NULL, link), 0);
    return link;
}

static void a_name_that_nobody_knows_is_e_dns(void **state)
{
    void *link = link_asking();
    (void)state;
    answer(NULL);
    assert_int_equal(net_lwip.step(NULL, link), SPOKE_E_DNS);
    link_free(link);
}

static void an_answer_ends_the_wait_and_the_link_connects(void **state)
{
    void *link = link_asking();
    const uint32_t start = sys_now();
    (void)state;
    answer("10.0.2.15");
    net_lwip.wait(NULL, link, SPOKE_WANT_WRITE, PATIENCE_MS);
    assert_true(sys_now() - start < 1000);
    assert_int_equal(net_lwip.step(NULL, link), SPOKE_E_AGAIN);
    net_lwip.wait(NULL, link, SPOKE_WANT_WRITE, PATIENCE_MS);
    assert_int_equal(net_lwip.step(NULL, link), SPOKE_OK);
    link_free(link);
}

static void an_answer_for_a_closed_link_changes_nothing(void **state)
{
    void *link = link_asking();
    (void)state;
    net_lwip.close(NULL, link);
    answer("10.0.2.15");
    assert_int_equal(net_lwip.step(NULL, link), SPOKE_E_AGAIN);
    link_free(link);
}

static void a_question_may_be_answered_after_its_link_is_gone(void **state)
{
    void *link = link_asking();
    (void)state;
    link_free(link);
    answer("10.0.2.15"); /* the sanitizer sees a use of freed memory */
}

static void what_came_before_the_end_is_read_first(void **state)
{
    void *link = link_open();
    uint8_t byte;
    size_t count = 0;
    (void)state;
    server_send("last words");
    server_close();
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
    expect(link, "last words");
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
    assert_int_equal(net_lwip.read(NULL, link, &byte, 1, &count), SPOKE_E_NET);
    link_free(link);
}

static void nothing_to_read_is_e_again(void **state)
{
    void *link = link_open();
    uint8_t byte;
    size_t count = 0;
    (void)state;
    assert_int_equal(net_lwip.read(NULL, link, &byte, 1, &count), SPOKE_E_AGAIN);
    link_free(link);
}

static void a_full_link_says_e_again_and_wait_ends_when_there_is_room(void **state)
{
    static const uint8_t block[4096];
    void *link = link_open();
    size_t sent = 0, count = 0;
    (void)state;
    server.reads = false;
    while (sent < LARGE && net_lwip.write(NULL, link, block, sizeof block, &count) == SPOKE_OK)
        sent += count;
    assert_true(sent < LARGE);
    const uint32_t start = sys_now();
    while (server.received < sent && sys_now() - start < 200)
        net_lwip.wait(NULL, link, SPOKE_WANT_READ, 10);
    server_reads_again();
    spoke_status status = SPOKE_E_AGAIN;
    while (status == SPOKE_E_AGAIN && sys_now() - start < PATIENCE_MS) {
        net_lwip.wait(NULL, link, SPOKE_WANT_WRITE, PATIENCE_MS);
        status = net_lwip.write(NULL, link, block, sizeof block, &count);
    }
    assert_int_equal(status, SPOKE_OK);
    link_free(link);
}

static void a_full_link_sleeps_although_the_peer_has_ended_its_side(void **state)
{
    static const uint8_t block[4096];
    void *link = link_open();
    size_t count = 0;
    (void)state;
    server.reads = false;
    server_ends_its_side();
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
    uint32_t start = sys_now();
    while (sys_now() - start < 200) /* until nothing more goes, and nothing is on its way */
        if (net_lwip.write(NULL, link, block, sizeof block, &count) != SPOKE_OK)
            net_lwip.wait(NULL, link, 0, 10);
    assert_int_equal(net_lwip.write(NULL, link, block, sizeof block, &count), SPOKE_E_AGAIN);
    start = sys_now();
    net_lwip.wait(NULL, link, SPOKE_WANT_WRITE, 100);
    assert_in_range(sys_now() - start, 99, 1000);
    link_free(link);
}

static void a_wake_before_the_wait_ends_it_at_once(void **state)
{
    void *link = link_new();
    const uint32_t start = sys_now();
    (void)state;
    net_lwip.wake(NULL, link);
    net_lwip.wait(NULL, link, 0, PATIENCE_MS);
    assert_true(sys_now() - start < 1000);
    link_free(link);
}

static void *wake_soon(void *link)
{
    usleep(50000);
    net_lwip.wake(NULL, link);
    return NULL;
}

static void a_wake_of_another_thread_ends_the_wait(void **state)
{
    void *link = link_open();
    const uint32_t start = sys_now();
    pthread_t other;
    (void)state;
    assert_int_equal(pthread_create(&other, NULL, wake_soon, link), 0);
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
    assert_true(sys_now() - start < 2000);
    pthread_join(other, NULL);
    link_free(link);
}

static void bytes_end_the_wait(void **state)
{
    void *link = link_open();
    const uint32_t start = sys_now();
    (void)state;
    server_send("x");
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, PATIENCE_MS);
    assert_true(sys_now() - start < 1000);
    link_free(link);
}

static void with_nothing_wanted_only_the_limit_ends_the_wait(void **state)
{
    void *link = link_open();
    (void)state;
    server_close(); /* not even the peer's end */
    const uint32_t start = sys_now();
    net_lwip.wait(NULL, link, 0, 100);
    assert_in_range(sys_now() - start, 99, 1000);
    link_free(link);
}

static void closed_links_sleep_too(void **state)
{
    void *link = link_new();
    const uint32_t start = sys_now();
    (void)state;
    net_lwip.wait(NULL, link, SPOKE_WANT_READ, 100);
    assert_in_range(sys_now() - start, 99, 1000);
    link_free(link);
}

static void it_closes_twice_and_opens_again(void **state)
{
    void *link = link_open();
    (void)state;
    net_lwip.close(NULL, link);
    net_lwip.close(NULL, link);
    server_close();
    assert_int_equal(reach(link, "10.0.2.15", PORT), SPOKE_OK);
    server_send("again");
    expect(link, "again");
    link_free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_carries_bytes_both_ways),
        cmocka_unit_test(a_shut_port_is_e_net_with_lwips_number),
        cmocka_unit_test(a_name_that_nobody_knows_is_e_dns),
        cmocka_unit_test(an_answer_ends_the_wait_and_the_link_connects),
        cmocka_unit_test(an_answer_for_a_closed_link_changes_nothing),
        cmocka_unit_test(a_question_may_be_answered_after_its_link_is_gone),
        cmocka_unit_test(what_came_before_the_end_is_read_first),
        cmocka_unit_test(nothing_to_read_is_e_again),
        cmocka_unit_test(a_full_link_says_e_again_and_wait_ends_when_there_is_room),
        cmocka_unit_test(a_full_link_sleeps_although_the_peer_has_ended_its_side),
        cmocka_unit_test(a_wake_before_the_wait_ends_it_at_once),
        cmocka_unit_test(a_wake_of_another_thread_ends_the_wait),
        cmocka_unit_test(bytes_end_the_wait),
        cmocka_unit_test(with_nothing_wanted_only_the_limit_ends_the_wait),
        cmocka_unit_test(closed_links_sleep_too),
        cmocka_unit_test(it_closes_twice_and_opens_again),
    };
    return cmocka_run_group_tests(tests, begin_all, NULL);
}
