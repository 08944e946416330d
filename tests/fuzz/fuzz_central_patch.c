/* Patch composition: where one patch of two exists, a document patched by it is the document patched by both in turn.
 * cJSON's trees are the oracle (so it is built with the service), merged by a plain recursive RFC 7386.
 * Input: a document, an older patch, a newer patch, one a line. */
#include <math.h>
#include <string.h>

#include <cJSON.h>
#include <spoke/proto/twin.h>

#include "fuzz/proto_input.h"

enum { MOST = 1500 };

static cJSON *read(spoke_str text)
{
    return cJSON_ParseWithLength(text.ptr, text.len);
}

/* Takes and returns `target`; `patch` is only read. */
static cJSON *merge(cJSON *target, const cJSON *patch)
{
    const cJSON *member;
    if (!cJSON_IsObject(patch)) {
        cJSON_Delete(target);
        return cJSON_Duplicate(patch, true);
    }
    if (!cJSON_IsObject(target)) {
        cJSON_Delete(target);
        target = cJSON_CreateObject();
    }
    cJSON_ArrayForEach(member, patch)
    {
        cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(target, member->string);
        if (cJSON_IsNull(member))
            cJSON_Delete(old);
        else
            cJSON_AddItemToObject(target, member->string, merge(old, member));
    }
    return target;
}

/* What a name that stands twice means is nobody's to say, and cJSON's infinity is not equal to itself. */
static bool comparable(const cJSON *tree)
{
    const cJSON *member;
    if (cJSON_IsNumber(tree) && !isfinite(tree->valuedouble))
        return false;
    cJSON_ArrayForEach(member, tree)
    {
        for (const cJSON *other = member->next; other != NULL; other = other->next)
            if (cJSON_IsObject(tree) && strcmp(member->string, other->string) == 0)
                return false;
        if (!comparable(member))
            return false;
    }
    return true;
}

static void check(spoke_str document, spoke_str older, spoke_str newer, spoke_str both)
{
    cJSON *doc = read(document), *a = read(older), *b = read(newer), *c = read(both);
    require(a != NULL && b != NULL && c != NULL);
    if (doc != NULL && comparable(doc) && comparable(a) && comparable(b)) {
        cJSON *in_turn = merge(merge(cJSON_Duplicate(doc, true), a), b);
        cJSON *at_once = merge(cJSON_Duplicate(doc, true), c);
        require(cJSON_Compare(in_turn, at_once, true));
        cJSON_Delete(in_turn);
        cJSON_Delete(at_once);
    }
    cJSON_Delete(doc);
    cJSON_Delete(a);
    cJSON_Delete(b);
    cJSON_Delete(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spoke_str rest = spoke_str_from((const char *)data, size);
    const spoke_str document = next_line(&rest), older = next_line(&rest), newer = next_line(&rest);
    char room[2 * MOST];
    spoke_buf both = spoke_buf_from(room, sizeof room);
    if (size > MOST)
        return 0;
    if (spoke_patch_compose(older, newer, &both) != SPOKE_OK) {
        require(both.len == 0);
        return 0;
    }
    require(spoke_json_check(spoke_buf_str(&both)) == SPOKE_OK);
    /* cJSON ends a text at \u0000 */
    if (spoke_json_check(document) == SPOKE_OK && memmem(data, size, "\\u0000", 6) == NULL)
        check(document, older, newer, spoke_buf_str(&both));
    return 0;
}
