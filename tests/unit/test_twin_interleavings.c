/* A model checker for the twin: every order of up to DEPTH events between a small hub, a network that loses,
 * delays and reorders, and the machine. Whatever happens,
 *  - the device's view is at each moment exactly the hub's document of the version that the device believes in;
 *  - changes come in version order without a gap;
 *  - one GET is in flight at most;
 *  - when the network has calmed down the view is the hub's present document, or all that is missing was lost
 *    without a trace; and then the next change brings it all. */
#include <stdio.h>
#include <string.h>

#include <spoke/proto/twin.h>

#include "support/support.h"

enum { DEPTH = 6, KEYS = 3, MAX_VERSIONS = DEPTH + 3, MAX_EPOCHS = DEPTH + 1, HELD_BYTES = 512, PATIENCE = 64 };

/* What can happen next; a letter that makes no sense in a world is not taken there. */
enum letter {
    PATCH,     /* the service patches the desired section */
    ANSWER,    /* the hub answers the GET that lies there: from now on the reply is on its way */
    THROTTLE,  /* ... answers it with 429 */
    REPLY,     /* the reply arrives */
    LOSE,      /* the reply is lost */
    NOTIFY,    /* the first notification on its way arrives */
    OVERTAKE,  /* the second one arrives before the first */
    DROP,      /* the first notification is lost */
    RECONNECT, /* the link is lost, with all that was on its way; the device connects again */
    MOVE,      /* the same, to another hub with versions of its own */
    WAIT,      /* time passes until the device wants to act */
    LETTERS
};

static const char names[LETTERS + 1] = "PATRLNODCMW";

struct world {
    spoke_twin twin;
    uint8_t held[HELD_BYTES];
    uint64_t now;
    /* the hub */
    int epoch, version;
    bool asked; /* a GET lies there */
    uint32_t asked_rid;
    /* the network */
    bool replied, reply_throttled;
    uint32_t reply_rid;
    int reply_version;
    int notified[DEPTH + 2], notified_count;
    unsigned dropped; /* bit per version that was lost */
    /* the device */
    bool awaiting;
    uint32_t awaited_rid;
    int view[KEYS];
    int64_t view_version; /* -1: none yet */
    char trail[DEPTH + 1];
};

struct checker {
    unsigned long worlds;
    int documents[MAX_EPOCHS][MAX_VERSIONS + 1][KEYS]; /* 0: absent */
};

static void fail_in(const struct world *w, const char *why)
{
    print_error("after %s: %s (hub %d, device %d)\n", w->trail, why, w->version, (int)w->view_version);
    fail();
}

/* --- the hub's documents: version v sets key v % KEYS, and each second one deletes another --- */

static int value_of(int epoch, int version)
{
    return (epoch + 1) * 100 + version;
}

static bool deletes(int version)
{
    return version % 2 == 0;
}

static void write_documents(struct checker *c)
{
    memset(c->documents, 0, sizeof c->documents);
    for (int epoch = 0; epoch < MAX_EPOCHS; epoch++) {
        for (int v = 2; v <= MAX_VERSIONS; v++) {
            int *document = c->documents[epoch][v];
            memcpy(document, c->documents[epoch][v - 1], sizeof c->documents[epoch][v]);
            document[v % KEYS] = value_of(epoch, v);
            if (deletes(v))
                document[(v + 1) % KEYS] = 0;
        }
    }
}

static void render_patch(int epoch, int version, char *out, size_t size)
{
    char deletion[16] = "";
    if (deletes(version))
        snprintf(deletion, sizeof deletion, "\"k%d\":null,", (version + 1) % KEYS);
    snprintf(out, size, "{%s\"k%d\":%d,\"$version\":%d}", deletion, version % KEYS, value_of(epoch, version),
             version);
}

static void render_twin(const struct checker *c, int epoch, int version, char *out, size_t size)
{
    int at = snprintf(out, size, "{\"desired\":{");
    for (int k = 0; k < KEYS; k++) {
        const int value = c->documents[epoch][version][k];
        if (value != 0)
            at += snprintf(out + at, size - (size_t)at, "\"k%d\":%d,", k, value);
    }
    snprintf(out + at, size - (size_t)at, "\"$version\":%d},\"reported\":{\"$version\":1}}", version);
}

/* --- the device --- */

static void merge(struct world *w, spoke_str patch)
{
    spoke_json_cursor at;
    spoke_str key, value;
    assert_ok(spoke_json_enter(patch, &at));
    while (spoke_json_member(&at, &key, &value) == SPOKE_OK) {
        int64_t number = 0; /* null deletes */
        if (key.ptr[0] != 'k')
            continue;
        if (spoke_json_type(value) != 'n')
            assert_ok(spoke_json_int(value, &number));
        w->view[key.ptr[1] - '0'] = (int)number;
    }
}

static void take_events(const struct checker *c, struct world *w)
{
    spoke_twin_event event;
    while (spoke_twin_next(&w->twin, &event) == SPOKE_OK) {
        if (event.kind == SPOKE_TWIN_SNAPSHOT)
            memset(w->view, 0, sizeof w->view);
        else if (event.kind != SPOKE_TWIN_CHANGE)
            fail_in(w, "neither a snapshot nor a change");
        else if (event.version != w->view_version + 1)
            fail_in(w, "a change out of order");
        merge(w, event.desired);
        w->view_version = event.version;
        if (event.version > w->version)
            fail_in(w, "a version that the hub never had");
        if (memcmp(w->view, c->documents[w->epoch][event.version], sizeof w->view) != 0)
            fail_in(w, "the view is not the hub's document of that version");
    }
}

static void send_get(struct world *w)
{
    uint32_t rid;
    if (spoke_twin_output(&w->twin, &rid) != SPOKE_OK)
        return;
    if (w->awaiting)
        fail_in(w, "a second GET in flight");
    spoke_twin_sent(&w->twin, w->now);
    w->awaiting = true;
    w->awaited_rid = rid;
    w->asked = true;
    w->asked_rid = rid;
}

static void connect(struct world *w)
{
    w->asked = w->replied = w->awaiting = false;
    w->notified_count = 0;
    w->dropped = 0;
    spoke_twin_start(&w->twin, w->now);
}

static void deliver(const struct checker *c, struct world *w, const spoke_hub_event *event)
{
    spoke_twin_receive(&w->twin, w->now, event);
    take_events(c, w);
}

static void deliver_notification(const struct checker *c, struct world *w, int index)
{
    char patch[64];
    const int version = w->notified[index];
    w->notified_count--;
    memmove(w->notified + index, w->notified + index + 1, (size_t)(w->notified_count - index) * sizeof(int));
    render_patch(w->epoch, version, patch, sizeof patch);
    const spoke_hub_event event = {
        .kind = SPOKE_HUB_DESIRED, .has_version = true, .version = version, .payload = spoke_str_of(patch)};
    deliver(c, w, &event);
}

static void deliver_reply(const struct checker *c, struct world *w)
{
    char twin[160] = "", rid[16];
    if (!w->reply_throttled)
        render_twin(c, w->epoch, w->reply_version, twin, sizeof twin);
    snprintf(rid, sizeof rid, "%u", (unsigned)w->reply_rid);
    const spoke_hub_event event = {.kind = SPOKE_HUB_TWIN_REPLY,
                                   .status = w->reply_throttled ? 429 : 200,
                                   .rid = spoke_str_of(rid),
                                   .payload = spoke_str_of(twin)};
    w->replied = false;
    w->awaiting = w->awaiting && w->reply_rid != w->awaited_rid;
    deliver(c, w, &event);
}

/* --- the events --- */

static bool possible(const struct world *w, enum letter letter)
{
    switch (letter) {
    case PATCH:
    case RECONNECT:
    case MOVE:
        return true;
    case ANSWER:
    case THROTTLE:
        return w->asked && !w->replied;
    case REPLY:
    case LOSE:
        return w->replied;
    case NOTIFY:
    case DROP:
        return w->notified_count > 0;
    case OVERTAKE:
        return w->notified_count > 1;
    case WAIT:
        return spoke_twin_deadline(&w->twin) != UINT64_MAX;
    case LETTERS:
        break;
    }
    return false;
}

static void answer(struct world *w, bool throttled)
{
    w->asked = false;
    w->replied = true;
    w->reply_throttled = throttled;
    w->reply_rid = w->asked_rid;
    w->reply_version = w->version;
}

static void happen(const struct checker *c, struct world *w, enum letter letter)
{
    switch (letter) {
    case PATCH:
        w->notified[w->notified_count++] = ++w->version;
        break;
    case ANSWER:
    case THROTTLE:
        answer(w, letter == THROTTLE);
        break;
    case REPLY:
        deliver_reply(c, w);
        break;
    case LOSE:
        w->replied = false;
        break;
    case NOTIFY:
    case OVERTAKE:
        deliver_notification(c, w, letter == OVERTAKE);
        break;
    case DROP:
        w->dropped |= 1u << w->notified[0];
        memmove(w->notified, w->notified + 1, (size_t)--w->notified_count * sizeof(int));
        break;
    case MOVE:
        w->epoch++;
        w->version = 1;
        w->view_version = -1;
        spoke_twin_forget(&w->twin);
        connect(w);
        break;
    case RECONNECT:
        connect(w);
        break;
    case WAIT:
        w->now = spoke_twin_deadline(&w->twin);
        w->awaiting = false;
        spoke_twin_tick(&w->twin, w->now);
        take_events(c, w);
        break;
    case LETTERS:
        break;
    }
    send_get(w);
}

/* --- calm --- */

static void calm_down(const struct checker *c, struct world *w)
{
    static const enum letter calm[] = {NOTIFY, REPLY, ANSWER, WAIT};
    for (int patience = PATIENCE; patience > 0; patience--) {
        size_t i = 0;
        while (i < sizeof calm / sizeof calm[0] && !possible(w, calm[i]))
            i++;
        if (i == sizeof calm / sizeof calm[0])
            return;
        happen(c, w, calm[i]);
    }
    fail_in(w, "it never comes to rest");
}

/* The copy's machine holds changes back in the copy's memory. */
static void copy_world(struct world *to, const struct world *from)
{
    *to = *from;
    to->twin.held.ptr = to->held;
}

static void check_calm(const struct checker *c, const struct world *before)
{
    struct world w;
    copy_world(&w, before);
    calm_down(c, &w);
    if (!spoke_twin_synced(&w.twin))
        fail_in(&w, "not synchronised");
    for (int64_t v = w.view_version + 1; v <= w.version; v++) {
        if ((w.dropped >> v & 1u) == 0)
            fail_in(&w, "a change was missed");
    }
    happen(c, &w, PATCH);
    calm_down(c, &w);
    if (w.view_version != w.version)
        fail_in(&w, "the next change did not mend the view");
}

static void explore(struct checker *c, const struct world *from, int depth)
{
    check_calm(c, from);
    c->worlds++;
    for (int letter = 0; letter < LETTERS && depth < DEPTH; letter++) {
        if (!possible(from, (enum letter)letter))
            continue;
        struct world w;
        copy_world(&w, from);
        w.trail[depth] = names[letter];
        happen(c, &w, (enum letter)letter);
        explore(c, &w, depth + 1);
    }
}

static void explore_with(size_t held_bytes)
{
    struct checker c = {.worlds = 0};
    struct world w = {.version = 1, .view_version = -1, .now = 1000};
    write_documents(&c);
    spoke_twin_init(&w.twin, w.held, held_bytes);
    connect(&w);
    send_get(&w);
    explore(&c, &w, 0);
    print_message("%lu worlds with %zu bytes to hold changes back\n", c.worlds, held_bytes);
}

static void no_interleaving_loses_or_reorders_a_change(void **state)
{
    (void)state;
    explore_with(HELD_BYTES);
}

static void nor_with_room_for_a_single_change(void **state)
{
    (void)state;
    explore_with(64);
}

static void nor_with_no_room_at_all(void **state)
{
    (void)state;
    explore_with(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_interleaving_loses_or_reorders_a_change),
        cmocka_unit_test(nor_with_room_for_a_single_change),
        cmocka_unit_test(nor_with_no_room_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
