/* The tree of topics against section 4.7 of MQTT 3.1.1, and its cost with many filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "central/broker/topics.h"
#include "support/support.h"

struct fixture {
    struct topics topics;
    struct topic_entry entries[40];
    size_t used, hits;
    size_t bytes;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return topics_init(&f->topics, 1000) == SPOKE_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->used; i++)
        topics_remove(&f->topics, &f->entries[i]);
    topics_fini(&f->topics);
    assert_int_equal(f->bytes, 0);
    free(f);
    return 0;
}

static void count(void *ctx, struct topic_entry *entry)
{
    struct fixture *f = ctx;
    assert_ptr_equal(entry->owner, f);
    f->hits++;
}

static bool count_retained(void *ctx, struct message *message)
{
    (void)message;
    ((struct fixture *)ctx)->hits++;
    return true;
}

static struct topic_entry *add(struct fixture *f, const char *filter)
{
    struct topic_entry *entry = &f->entries[f->used++];
    assert_int_equal(topics_add(&f->topics, spoke_str_of(filter), entry, f), SPOKE_OK);
    return entry;
}

static size_t hits(struct fixture *f, const char *topic)
{
    f->hits = 0;
    topics_match(&f->topics, spoke_str_of(topic), count, f);
    return f->hits;
}

static void retain(struct fixture *f, const char *topic)
{
    struct message *m = message_create(spoke_str_of(topic), SPOKE_STR("x"), 0, &f->bytes);
    assert_int_equal(topics_retain(&f->topics, spoke_str_of(topic), m), SPOKE_OK);
}

static size_t found(struct fixture *f, const char *filter)
{
    f->hits = 0;
    topics_retained_each(&f->topics, spoke_str_of(filter), count_retained, f);
    return f->hits;
}

/* Filter, topic, does it match: the examples of section 4.7 and their edges. Both ways of asking must agree. */
static const struct {
    const char *filter, *topic;
    bool matches;
} pairs[] = {
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/#", "sport", true},
    {"#", "sport", true},
    {"#", "/", true},
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+", "/finance", false},
    {"+/tennis/#", "sport/tennis", true},
    {"sport/+/player1", "sport/tennis/player1", true},
    {"#", "$SYS/broker", false},
    {"+/broker", "$SYS/broker", false},
    {"$SYS/#", "$SYS/broker", true},
    {"$SYS/#", "$SYS", true},
    {"$SYS/monitor/+", "$SYS/monitor/clients", true},
    {"a/$b", "a/$b", true},
    {"a/+", "a/$b", true},
    {"a//b", "a//b", true},
    {"a/+/b", "a//b", true},
    {"a/b", "a//b", false},
    {"ACCOUNTS", "Accounts", false},
    {"/finance", "finance", false},
    {"a/b/", "a/b", false},
    {"+/#", "a", true},
    {"/#", "/a/b", true},
    {"/#", "a/b", false},
};

static void filters_match_as_section_4_7_says(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct topic_entry *entry = add(f, pairs[i].filter);
        f->used = 0;
        if ((hits(f, pairs[i].topic) == 1) != pairs[i].matches)
            fail_msg("%s on %s", pairs[i].filter, pairs[i].topic);
        topics_remove(&f->topics, entry);
    }
}

static void retained_topics_are_found_by_the_same_rules(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        retain(f, pairs[i].topic);
        if ((found(f, pairs[i].filter) == 1) != pairs[i].matches)
            fail_msg("%s on %s", pairs[i].filter, pairs[i].topic);
        assert_int_equal(topics_retain(&f->topics, spoke_str_of(pairs[i].topic), NULL), SPOKE_OK);
    }
}

static void every_filter_that_matches_is_told(void **state)
{
    struct fixture *f = *state;
    const char *const filters[] = {"a/b", "a/b", "a/+", "+/b", "+/+", "a/#", "#", "a/b/#", "a/c"};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        add(f, filters[i]);
    assert_int_equal(hits(f, "a/b"), 8);
}

static void every_retained_topic_below_is_told(void **state)
{
    struct fixture *f = *state;
    const char *const topics[] = {"a", "a/b", "a/b/c", "a/d", "e", "$x/y"};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        retain(f, topics[i]);
    assert_int_equal(found(f, "#"), 5);
    assert_int_equal(found(f, "a/#"), 4);
    assert_int_equal(found(f, "+"), 2);
    assert_int_equal(found(f, "+/+"), 2);
    assert_int_equal(found(f, "$x/#"), 1);
}

static void a_walk_over_retained_topics_passes_by_no_subscription(void **state)
{
    struct fixture *f = *state;
    char filter[16];
    for (size_t i = 0; i < 30; i++) {
        (void)snprintf(filter, sizeof filter, "%zu/x", i);
        add(f, filter);
    }
    retain(f, "7/x/y");
    assert_int_equal(topics_retained_each(&f->topics, SPOKE_STR("#"), count_retained, f), 4);
    assert_int_equal(topics_retained_each(&f->topics, SPOKE_STR("8/x"), count_retained, f), 1);
    assert_int_equal(topics_retain(&f->topics, SPOKE_STR("7/x/y"), NULL), SPOKE_OK);
    assert_int_equal(topics_retained_each(&f->topics, SPOKE_STR("#"), count_retained, f), 1);
}

static bool stop_at_first(void *ctx, struct message *message)
{
    (void)message;
    (*(size_t *)ctx)++;
    return false;
}

static void a_walk_over_retained_topics_can_be_stopped(void **state)
{
    struct fixture *f = *state;
    size_t seen = 0;
    retain(f, "a");
    retain(f, "b");
    topics_retained_each(&f->topics, SPOKE_STR("#"), stop_at_first, &seen);
    assert_int_equal(seen, 1);
}

static void a_tree_whose_filters_are_gone_is_empty(void **state)
{
    struct fixture *f = *state;
    struct topic_entry *deep = add(f, "a/b/c/d"), *wild = add(f, "a/+/#");
    topics_remove(&f->topics, deep);
    topics_remove(&f->topics, wild);
    topics_remove(&f->topics, wild);
    f->used = 0;
    assert_int_equal(f->topics.nodes, 0);
}

static void a_new_retained_message_replaces_the_old_one(void **state)
{
    struct fixture *f = *state;
    retain(f, "a/b");
    const size_t one = f->bytes;
    retain(f, "a/b");
    assert_int_equal(f->bytes, one);
    assert_non_null(topics_retained(&f->topics, SPOKE_STR("a/b")));
    assert_null(topics_retained(&f->topics, SPOKE_STR("a")));
}

static void a_full_tree_takes_no_further_filter_and_keeps_nothing_of_it(void **state)
{
    struct fixture *f = *state;
    struct topic_entry entry = {0};
    f->topics.max_nodes = 4;
    add(f, "a/b");
    assert_int_equal(topics_add(&f->topics, SPOKE_STR("c/d/e"), &entry, f), SPOKE_E_FULL);
    assert_null(entry.node);
    assert_int_equal(f->topics.nodes, 2);
    add(f, "c/d");
}

static void a_topic_with_too_many_levels_is_refused(void **state)
{
    struct fixture *f = *state;
    struct topic_entry entry = {0};
    char topic[2 * TOPICS_MAX_LEVELS + 2];
    for (size_t i = 0; i < TOPICS_MAX_LEVELS; i++)
        memcpy(topic + 2 * i, "a/", 2);
    topic[2 * TOPICS_MAX_LEVELS - 1] = '\0';
    add(f, topic);
    assert_int_equal(hits(f, topic), 1);
    topic[2 * TOPICS_MAX_LEVELS - 1] = '/';
    topic[2 * TOPICS_MAX_LEVELS] = '\0';
    assert_int_equal(topics_add(&f->topics, spoke_str_of(topic), &entry, f), SPOKE_E_TOO_LARGE);
    assert_int_equal(hits(f, topic), 0);
    assert_int_equal(found(f, topic), 0);
}

/* Each level doubles the ways through, and yet nothing is visited that is not there. */
static void wildcards_at_every_level_are_matched_once_each(void **state)
{
    struct fixture *f = *state;
    char filter[16];
    f->topics.max_nodes = 1000;
    for (unsigned bits = 0; bits < 32; bits++) {
        for (unsigned i = 0; i < 5; i++)
            memcpy(filter + 2 * i, (bits >> i & 1u) != 0 ? "+/" : "a/", 2);
        filter[9] = '\0';
        add(f, filter);
    }
    assert_int_equal(hits(f, "a/a/a/a/a"), 32);
    assert_int_equal(hits(f, "b/b/b/b/b"), 1);
}

enum { MANY = 10000 };

static double us_since(const struct timespec *start)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start->tv_sec) * 1e6 + (double)(end.tv_nsec - start->tv_nsec) / 1e3;
}

/* The bound is loose: it tells a tree from a list, which would take 100 times as long. */
static void a_match_among_ten_thousand_filters_takes_microseconds(void **state)
{
    struct fixture *f = *state;
    struct topic_entry *entries = calloc(MANY, sizeof *entries);
    struct timespec start;
    char text[64];
    f->topics.max_nodes = 100000;
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, i % 10 == 0 ? "site/%zu/+/state" : "site/%zu/device/state", i);
        assert_int_equal(topics_add(&f->topics, spoke_str_of(text), &entries[i], f), SPOKE_OK);
    }
    f->hits = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(text, sizeof text, "site/%zu/device/state", i);
        topics_match(&f->topics, spoke_str_of(text), count, f);
    }
    const double us = us_since(&start) / MANY;
    print_message("%.2f us for a match among %d filters\n", us, MANY);
    assert_int_equal(f->hits, MANY);
    assert_true(us < 50);
    for (size_t i = 0; i < MANY; i++)
        topics_remove(&f->topics, &entries[i]);
    free(entries);
    assert_int_equal(f->topics.nodes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(filters_match_as_section_4_7_says),
        TEST(retained_topics_are_found_by_the_same_rules),
        TEST(every_filter_that_matches_is_told),
        TEST(every_retained_topic_below_is_told),
        TEST(a_walk_over_retained_topics_passes_by_no_subscription),
        TEST(a_walk_over_retained_topics_can_be_stopped),
        TEST(a_tree_whose_filters_are_gone_is_empty),
        TEST(a_new_retained_message_replaces_the_old_one),
        TEST(a_full_tree_takes_no_further_filter_and_keeps_nothing_of_it),
        TEST(a_topic_with_too_many_levels_is_refused),
        TEST(wildcards_at_every_level_are_matched_once_each),
        TEST(a_match_among_ten_thousand_filters_takes_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
