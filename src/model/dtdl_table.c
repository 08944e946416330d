/* Texts to elements, and arrays that grow. */
#include "model/dtdl_private.h"

#include <string.h>

/* A second or two on a slow machine; an ontology of ten thousand interfaces takes less than a tenth of it. */
#define EFFORT_MAX 30000000u

bool effort_spend(struct dtdl_model *model, size_t steps)
{
    if (model->too_large || steps > EFFORT_MAX - model->effort) {
        model->too_large = true;
        return false;
    }
    model->effort += (uint32_t)steps;
    return true;
}

bool grow_pointers(struct dtdl_model *model, void *array_of_pointers, size_t *room, size_t count, size_t size)
{
    void *array;
    if (count < *room)
        return true;
    memcpy(&array, array_of_pointers, sizeof array);
    const size_t wanted = *room == 0 ? 16 : *room * 2;
    void *bigger = arena_alloc(model->arena, wanted, size);
    if (bigger == NULL)
        return false;
    if (count > 0)
        memcpy(bigger, array, count * size);
    memcpy(array_of_pointers, &bigger, sizeof bigger);
    *room = wanted;
    return true;
}

static size_t hash(spoke_str key)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (uint8_t)key.ptr[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 29);
}

static bool taken(const struct table *table, size_t at)
{
    return table->slots[at].key != NULL && table->slots[at].round == table->round;
}

static spoke_str key_at(const struct table *table, size_t at)
{
    return spoke_str_from(table->slots[at].key, table->slots[at].length);
}

/* The slot that has the key, or the free one where it belongs; *steps: how long that took. */
static size_t slot_of(const struct table *table, spoke_str key, size_t *steps)
{
    size_t at = hash(key) & (table->room - 1);
    *steps = 0;
    while (taken(table, at) && !spoke_str_equal(key_at(table, at), key)) {
        at = (at + 1) & (table->room - 1);
        ++*steps;
    }
    return at;
}

const struct table_slot *table_find(const struct table *table, spoke_str key)
{
    size_t steps;
    if (table->room == 0)
        return NULL;
    const size_t at = slot_of(table, key, &steps);
    return taken(table, at) ? &table->slots[at] : NULL;
}

static bool set_room(struct dtdl_model *model, struct table *table, size_t room)
{
    const struct table old = *table;
    size_t steps;
    table->room = room;
    table->slots = arena_alloc(model->arena, room, sizeof *table->slots);
    if (table->slots == NULL) {
        *table = old;
        return false;
    }
    for (size_t i = 0; i < old.room && old.count > 0; i++) {
        if (taken(&old, i))
            table->slots[slot_of(table, key_at(&old, i), &steps)] = old.slots[i];
    }
    return true;
}

bool table_clear(struct dtdl_model *model, struct table *table, size_t expected)
{
    size_t room = table->room < 16 ? 16 : table->room;
    table->round++;
    table->count = 0;
    while (room * 3 < expected * 4)
        room *= 2;
    return room == table->room || set_room(model, table, room);
}

/* Names that were chosen to collide make the steps many: those are counted. */
bool table_put(struct dtdl_model *model, struct table *table, spoke_str key, struct element *element,
               const struct table_slot **before)
{
    size_t steps;
    *before = NULL;
    if (table->count * 4 >= table->room * 3 && !set_room(model, table, table->room < 16 ? 16 : table->room * 2))
        return false;
    struct table_slot *slot = &table->slots[slot_of(table, key, &steps)];
    if (taken(table, (size_t)(slot - table->slots))) {
        *before = slot;
    } else {
        slot->key = key.ptr != NULL ? key.ptr : "";
        slot->length = (uint32_t)key.len;
        slot->element = element;
        slot->round = table->round;
        table->count++;
    }
    return effort_spend(model, steps);
}

struct element *id_find(const struct dtdl_model *model, spoke_str id)
{
    const struct table_slot *slot = table_find(&model->ids, id);
    return slot != NULL ? slot->element : NULL;
}
