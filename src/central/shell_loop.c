#include "shell_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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

static uint64_t earliest(const struct shell *shell)
{
    uint64_t due = shell->accept_after_ms != 0 ? shell->accept_after_ms : UINT64_MAX;
    for (const struct stream *s = shell->streams; s != NULL; s = s->next) {
        const uint64_t at = stream_due(s);
        due = at < due ? at : due;
    }
    return due;
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
    limit_ms = until(earliest(shell), shell_now_ms(), limit_ms);
    const uint32_t http = shell->http != NULL ? http_sleep_ms(shell->http) : UINT32_MAX;
    return http < limit_ms ? http : limit_ms;
}

void shell_wait(struct shell *shell, uint32_t limit_ms)
{
    struct epoll_event events[SHELL_MAX_EVENTS];
    const int limit = limit_ms > INT32_MAX ? INT32_MAX : (int)limit_ms;
    const int count = epoll_wait(shell->epoll, events, SHELL_MAX_EVENTS, limit);
    for (int i = 0; i < count; i++) { /* -1 is EINTR: the turn that follows finds nothing to do */
        struct watch *watch = events[i].data.ptr;
        watch->ready |= events[i].events;
    }
}

void shell_wake(struct shell *shell)
{
    const uint64_t one = 1;
    const ssize_t count = write(shell->wake.fd, &one, sizeof one);
    (void)count; /* full means that a wake is pending already */
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

/* Answers leave only after the commit that makes them true. */
void shell_turn(struct shell *shell)
{
    shell->now_ms = shell_now_ms();
    take_wake(shell);
    accept_ready(shell);
    for (struct stream *s = shell->streams; s != NULL; s = s->next)
        stream_receive(s);
    if (shell->http != NULL)
        http_turn(shell->http);
    core_tick(shell->core); /* commits */
    for (struct stream *s = shell->streams, *next; s != NULL; s = next) {
        next = s->next;
        stream_send(s);
        if (s->state == STREAM_CLOSED)
            stream_free(s);
    }
}
