#include <string.h>

#include "base/ascii.h"
#include "model/check.h"
#include "model/lookup.h"

/* What was meant by a name that the template lacks: only looked for when something has already gone wrong. */

#define MOST_EDITS 2u
#define MOST_BYTES 64u /* longer names are not compared */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    const unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions and replacements that lead from one to the other; letters of either case are one. Only the
 * cells that MOST_EDITS can reach are looked at, and not one row more than needed: MOST_EDITS + 1 or more is "too far".
 */
static unsigned edits(spoke_str a, spoke_str b)
{
    uint8_t row[MOST_BYTES + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        const size_t from = i > MOST_EDITS ? i - MOST_EDITS : 1;
        const size_t to = i + MOST_EDITS < b.len ? i + MOST_EDITS : b.len;
        unsigned corner = row[from - 1], best = MOST_EDITS + 1;
        row[from - 1] = (uint8_t)(from == 1 ? i : MOST_EDITS + 1);
        for (size_t j = from; j <= to; j++) {
            const bool same = ascii_lower(a.ptr[i - 1]) == ascii_lower(b.ptr[j - 1]);
            const unsigned kept = corner + (same ? 0 : 1);
            corner = row[j];
            row[j] = (uint8_t)least(kept, row[j] + 1u, row[j - 1] + 1u);
            best = row[j] < best ? row[j] : best;
        }
        if (best > MOST_EDITS)
            return best;
    }
    return row[b.len];
}

/* MOST_EDITS + 1: too far apart to be worth naming; a short name may differ by less. */
static unsigned distance(spoke_str a, spoke_str b)
{
    const size_t longer = a.len > b.len ? a.len : b.len, shorter = a.len > b.len ? b.len : a.len;
    if (longer > MOST_BYTES || longer - shorter > MOST_EDITS)
        return MOST_EDITS + 1;
    const unsigned count = edits(a, b);
    return count * 2 <= longer ? count : MOST_EDITS + 1;
}

static const spoke_member *nearest(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                   spoke_str name)
{
    const spoke_member *found = NULL;
    unsigned best = MOST_EDITS + 1;
    for (size_t i = 0; i < model->member_count; i++) {
        const spoke_member *m = &model->members[i];
        if (m->member != kind || name_order(m->component, component) != 0)
            continue;
        const unsigned far = distance(spoke_str_of(m->name), name);
        found = far < best ? m : found;
        best = far < best ? far : best;
    }
    return found;
}

const spoke_member *member_like(const spoke_model *model, spoke_member_kind kind, spoke_str component,
                                spoke_str name)
{
    if (model == NULL)
        return NULL;
    const spoke_member *found = nearest(model, kind, component, name);
    for (size_t i = 0; found == NULL && i < model->member_count; i++) {
        const spoke_member *m = &model->members[i];
        if (m->member == kind && name_order(m->name, name) == 0)
            found = m;
    }
    return found;
}
