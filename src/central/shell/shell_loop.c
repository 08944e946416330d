#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shell_private.h"

/* --- descriptors --- */

spoke_status watch_set(struct shell *shell, struct watch *watch, uint32_t mask)
{
    struct epoll_event event = {.events = mask, .data.ptr = watch};
    if (watch->mask == mask)
        return SPOKE_OK;
    const int verb = watch->mask == 0 ? EPOLL_CTL_ADD : mask == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (epoll_ctl(shell->epoll, verb, watch->fd, &event) != 0)
        return errno == ENOMEM ? SPOKE_E_NO_MEMORY : SPOKE_E_PORT;
    watch->mask = mask;
    return SPOKE_OK;
}

void watch_close(struct shell *shell, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    (void)watch_set(shell, watch, 0);
    (void)close(watch->fd);
    *watch = (struct watch){.fd = -1};
}

/* --- the loop --- */

static bool has_work(const struct shell *shell)
{
    return shell->http_work.count > 0 || shell->work.count > 0 || shell->shaking.count > 0 ||
           shell->http_shaking.count > 0 || shell->shaken.count > 0 || shell->http_shaken.count > 0 ||
           core_any_stirred(shell->core) ||
           (shell->options.broker != NULL && broker_any_stirred(shell->options.broker));
}

static uint64_t earliest(const struct shell *shell)
{
    const uint64_t due = timers_due(&shell->timers);
    if (has_work(shell))
        return 0;
    return shell->accept_after_ms != 0 && shell->accept_after_ms < due ? shell->accept_after_ms : due;
}

static uint32_t until(uint64_t due, uint64_t now, uint32_t limit_ms)
{
    if (due <= now)
        return 0;
    return due - now < limit_ms ? (uint32_t)(due - now) : limit_ms;
}

uint32_t shell_sleep_ms(const struct shell *shell, uint32_t limit_ms)
{
    limit_ms = until(core_deadline(shell->core), core_now_ms(shell->core), limit_ms);
    if (shell->options.broker != NULL)
        limit_ms = until(broker_deadline(shell->options.broker), core_now_ms(shell->core), limit_ms);
    limit_ms = until(earliest(shell), shell_now_ms(), limit_ms);
    const uint32_t http = shell->http != NULL ? http_sleep_ms(shell->http) : UINT32_MAX;
    return http < limit_ms ? http : limit_ms;
}

void shell_wait(struct shell *shell, uint32_t limit_ms)
{
    const int limit = limit_ms > INT32_MAX ? INT32_MAX : (int)limit_ms;
    shell->event_count = epoll_wait(shell->epoll, shell->events, SHELL_MAX_EVENTS, limit);
}

void shell_wake(struct shell *shell)
{
    const uint64_t one = 1;
    const ssize_t count = write(shell->wake.fd, &one, sizeof one);
    (void)count; /* full means that a wake is pending already */
}

uint64_t shell_visits(const struct shell *shell)
{
    return shell->visits;
}

/* -1 events are EINTR: there is nothing to do. */
static void take_events(struct shell *shell)
{
    for (int i = 0; i < shell->event_count; i++) {
        struct watch *watch = shell->events[i].data.ptr;
        watch->ready |= shell->events[i].events;
        if (watch->stream == NULL)
            continue;
        if (watch->stream->state == STREAM_HANDSHAKE)
            list_join(shell_shaking(shell, watch->stream->kind, watch->stream->shaken), &watch->stream->in_shaking,
                      watch->stream);
        else
            stream_touch(watch->stream);
    }
    shell->event_count = 0;
}

static void take_timers(struct shell *shell)
{
    struct stream *s;
    while ((s = timers_first(&shell->timers, shell->now_ms)) != NULL) {
        timers_set(&shell->timers, &s->timer, UINT64_MAX); /* stream_send sets it anew */
        stream_touch(s);
    }
}

static struct stream *take_shaking(struct shell *shell, enum stream_kind kind, bool begun)
{
    struct stream *s = list_take(shell_shaking(shell, kind, begun));
    return s != NULL ? s : list_take(shell_shaking(shell, kind, !begun));
}

/* Every other step is HTTP's as long as it wants one: neither holds the other up. What has begun goes on before others
 * begin, but for one step in four: when more arrive than can be served in the time that peers wait, some get through
 * instead of all being given up half-way. */
static struct stream *next_to_shake(struct shell *shell)
{
    const uint32_t step = shell->steps++;
    const bool begun = step / 2 % 4 != 3, http = step % 2 == 0;
    struct stream *s = take_shaking(shell, http ? STREAM_HTTP : STREAM_MQTT, begun);
    return s != NULL ? s : take_shaking(shell, http ? STREAM_MQTT : STREAM_HTTP, begun);
}

static void shake_hands(struct shell *shell)
{
    struct stream *s;
    for (int i = 0; i < SHELL_HANDSHAKES_PER_TURN && (s = next_to_shake(shell)) != NULL; i++) {
        stream_shake_hands(s);
        stream_touch(s);
        if (shell_now_ms() - shell->now_ms >= SHELL_HANDSHAKE_MS)
            break;
    }
}

/* What it does not come to is first in the next turn; what is touched meanwhile stands behind that. */
static void receive(struct shell *shell, struct list *work)
{
    shell->received = 0;
    for (size_t left = work->count; left > 0 && shell->received < SHELL_BYTES_PER_TURN; left--) {
        struct stream *s = list_take(work);
        shell->visits++;
        stream_receive(s);
        list_join(&shell->sending, &s->in_sending, s);
    }
}

static void send_listed(struct shell *shell)
{
    struct stream *s;
    while ((s = list_take(&shell->sending)) != NULL) {
        shell->visits++;
        stream_send(s);
        if (s->state == STREAM_CLOSED)
            stream_free(s);
        else if (s->again)
            stream_touch(s);
    }
}

static void send_all(struct shell *shell)
{
    struct stream *s;
    while ((s = core_conn_stirred(shell->core)) != NULL)
        list_join(&shell->sending, &s->in_sending, s);
    while (shell->options.broker != NULL && (s = broker_conn_stirred(shell->options.broker)) != NULL)
        list_join(&shell->sending, &s->in_sending, s);
    send_listed(shell);
}

/* People and programs before devices, from the question to the answer. What devices sent before is committed first, so
 * that no answer tells what is not kept. */
static void serve_http(struct shell *shell)
{
    if (shell->http == NULL)
        return;
    if (shell->http_work.count > 0 && core_uncommitted(shell->core))
        (void)core_commit(shell->core);
    receive(shell, &shell->http_work);
    http_turn(shell->http);
    for (const struct list_node *at = shell->sending.first; at != NULL; at = at->next)
        ((struct stream *)at->owner)->pair.ready |= EPOLLIN; /* the answer may be there by now */
    if (!core_uncommitted(shell->core))
        send_listed(shell);
}

static void take_wake(struct shell *shell)
{
    uint64_t count;
    if (shell->wake.ready != 0)
        (void)(read(shell->wake.fd, &count, sizeof count) == 0);
    shell->wake.ready = 0;
}

static void accept_ready(struct shell *shell)
{
    if (shell->accept_after_ms != 0 && shell->now_ms >= shell->accept_after_ms) {
        shell->accept_after_ms = 0;
        for (size_t i = 0; i < shell->listener_count; i++)
            (void)watch_set(shell, &shell->listeners[i].socket, EPOLLIN);
    }
    for (size_t i = 0; i < shell->listener_count; i++) {
        struct listener *l = &shell->listeners[i];
        if (l->socket.ready != 0)
            shell_accept(shell, l);
        l->socket.ready = 0;
    }
}

/* A commit that fails ends the connections that waited for it, and says so. */
static void tick_broker(struct shell *shell)
{
    struct broker *broker = shell->options.broker;
    if (broker == NULL)
        return;
    broker_tick(broker, core_now_ms(shell->core));
    (void)broker_commit(broker);
}

/* Answers leave only after the commit that makes them true. The work of a turn is that of the streams to which
 * something happened: thousands that are silent cost nothing. */
void shell_turn(struct shell *shell)
{
    shell->now_ms = shell_now_ms();
    take_events(shell);
    take_timers(shell);
    take_wake(shell);
    accept_ready(shell);
    shake_hands(shell);
    for (size_t i = 0; i < CORE_LANES; i++)
        if (shell->workers[i] != NULL)
            worker_turn(shell->workers[i]);
    serve_http(shell);
    receive(shell, &shell->work);
    core_tick(shell->core); /* commits */
    tick_broker(shell);
    send_all(shell);
}
