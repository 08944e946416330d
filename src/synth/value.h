/* Values for a schema, one after the other, as a device would measure them: numbers wander slowly where they usually
 * are, switches and states change now and then, texts look like what they are called.
 *
 *     const struct value_plan *plan = value_plan_make(&arena, member->schema, &hint, &slots);
 *     value_memory_init(&memory, random_of(seed, 7), numbers, slots);
 *     value_write(plan, &memory, &writer);
 *
 * The same random sequence gives the same values, but for dates and times, which are those of memory->unix_ms. */
#ifndef SPOKE_SRC_SYNTH_VALUE_H
#define SPOKE_SRC_SYNTH_VALUE_H

#include <spoke/model.h>

#include "base/arena.h"
#include "synth/random.h"
#include "synth/sense.h"

#define VALUE_NO_SLOT UINT16_MAX

struct value_plan; /* of one schema; shared by all devices */

/* One slot: where a figure is, and where it is drawn to; NaN: nowhere yet, nowhere. */
struct value_slot {
    double now, target;
};

/* What one device remembers of its figures. */
struct value_memory {
    struct random random;
    struct value_slot *slots;
    int64_t unix_ms;
};

/* NULL: the arena is used up. *slots counts what a memory has to hold, over all plans of a device. The schema is not
 * copied, hint->name neither. */
const struct value_plan *value_plan_make(struct arena *arena, const spoke_schema *schema,
                                         const struct sense_hint *hint, uint16_t *slots);
/* Where the plan's own number is kept, VALUE_NO_SLOT: it is no number. */
uint16_t value_plan_slot(const struct value_plan *plan);

/* Draws the plan's number towards `target`, as far as its schema allows; NaN: no longer. */
void value_lead(const struct value_plan *plan, struct value_memory *memory, double target);

void value_memory_init(struct value_memory *memory, struct random random, struct value_slot *slots,
                       uint16_t count);
/* Writes one value, as spoke_write_value does, and moves on. False: the schema has none that could be found (limits
 * that exclude each other, an enum without values). */
bool value_write(const struct value_plan *plan, struct value_memory *memory, spoke_writer *w);

#endif
