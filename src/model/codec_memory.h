/* How the structs of model_codec.h lie in memory, for its reader and its writer. */
#ifndef SPOKE_SRC_MODEL_CODEC_MEMORY_H
#define SPOKE_SRC_MODEL_CODEC_MEMORY_H

#include <string.h>

#include <spoke/model_codec.h>

/* Arrays and maps, whatever the type of their items. Copied in and out: only the layout is shared. */
struct codec_list {
    const void *items;
    size_t count;
};

/* Presence of a member: `has` is a uint32_t, a uint64_t, or bytes (spoke_has). */
static inline bool codec_member_set(const spoke_codec *object, const spoke_codec_member *member, const void *value)
{
    const unsigned char *has = (const unsigned char *)value + object->offset;
    uint32_t narrow;
    uint64_t wide;
    if (member->bit == SPOKE_CODEC_ALWAYS)
        return true;
    switch (object->stride) {
    case sizeof narrow:
        memcpy(&narrow, has, sizeof narrow);
        return (narrow >> member->bit & 1u) != 0;
    case sizeof wide:
        memcpy(&wide, has, sizeof wide);
        return (wide >> member->bit & 1u) != 0;
    default:
        return spoke_has(has, member->bit);
    }
}

static inline void codec_set_member(const spoke_codec *object, const spoke_codec_member *member, void *value)
{
    unsigned char *has = (unsigned char *)value + object->offset;
    uint32_t narrow;
    uint64_t wide;
    if (member->bit == SPOKE_CODEC_ALWAYS)
        return;
    switch (object->stride) {
    case sizeof narrow:
        memcpy(&narrow, has, sizeof narrow);
        narrow |= (uint32_t)1 << member->bit;
        memcpy(has, &narrow, sizeof narrow);
        return;
    case sizeof wide:
        memcpy(&wide, has, sizeof wide);
        wide |= (uint64_t)1 << member->bit;
        memcpy(has, &wide, sizeof wide);
        return;
    default:
        spoke_has_set(has, member->bit);
        return;
    }
}

#endif
