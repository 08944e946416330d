/* What a change of a group means for those who are connected: who came by a key or an authority that it has no longer
 * goes, in steps, since a fleet may be of one group. */
#include "core_internal.h"

enum { JUDGED_AT_A_TIME = 40 }; /* each is some queries and signatures: a few ms together */

static void judge(void *ctx)
{
    struct core *c = ctx;
    size_t left = JUDGED_AT_A_TIME;
    for (struct list_node *at = c->conns.first; at != NULL && left > 0; at = at->next) {
        struct conn *k = at->owner;
        if (k->state != CONN_HUB || k->group_round == c->group_round)
            continue;
        k->group_round = c->group_round;
        hub_judge_again(k);
        left--;
    }
    if (left == 0)
        (void)core_task_set(c, &c->judging, core_now_ms(c) + 1);
}

void core_group_changed(struct core *c)
{
    c->group_round++;
    c->judging.run = judge;
    c->judging.ctx = c;
    if (core_task_set(c, &c->judging, core_now_ms(c)) != SPOKE_OK)
        core_log(c, SPOKE_LOG_ERROR, "core", "no memory: connections by former keys of a group stay");
}
