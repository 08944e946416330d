/* Entities that are kept as documents: one description of each, and five handlers that all of them share.
 *
 *     static const struct rest_entity DASHBOARD = {"dashboard", "Dashboard", dashboard_id_good, "...", 10, check};
 *     void rest_dashboard_put(struct rest_call *call) { rest_entity_put(call, &DASHBOARD); }
 *
 * PUT replaces and PATCH merges (RFC 7396); both heed "etag" and If-Match, and hold the whole new document against
 * `check`. "id" and "etag" are never in a document. With `organized`, neither is "organizations": the store has them
 * beside it, callers see what is theirs, and the rest is a 404. */
#ifndef SPOKE_SRC_CENTRAL_REST_ENTITY_H
#define SPOKE_SRC_CENTRAL_REST_ENTITY_H

#include "rest.h"

struct rest_entity {
    const char *kind;  /* of the store's documents */
    unsigned place;    /* of the id among the path's names: args[place] */
    const char *owner; /* begins a sentence: what may have `most` of them. NULL: an application */
    const char *name;  /* begins a sentence: "Device group" */
    bool (*id_good)(const char *id);
    const char *id_rule; /* a sentence: what an id has to be */
    size_t most;         /* that the owner has; 0: any number */
    bool organized;      /* callers bound to an organization see their part */
    /* Looks at a new document and may complete it. before: what is there now; NULL: nothing. False, with a reply. */
    bool (*check)(struct rest_call *call, cJSON *document, const cJSON *before);
    /* Makes an answer of a copy of the document; NULL: it is the answer. */
    void (*show)(struct rest_call *call, cJSON *document);
    /* Derives the organizations of a document in place of the body's (JSON array on the heap, or NULL: it is of none).
     * Such a one is a caller's only when all of them are. NULL: the body says. */
    char *(*belongs)(const char *id, const cJSON *document);
    /* Has the caller the rights for what the document does, wherever its organizations (JSON array, or NULL) let it
     * reach? False, with a reply. NULL: it does nothing by itself. */
    bool (*allowed)(struct rest_call *call, const cJSON *document, const char *organizations);
    /* Before a deletion. False, with a reply: it is in use. NULL: always. */
    bool (*may_go)(struct rest_call *call, const cJSON *document);
};

/* The entity that the path names. False, with a 404: there is none, or not for this caller. */
bool rest_entity_find(struct rest_call *call, const struct rest_entity *e, struct store_document *out);
/* The answer's form: id, etag, the document's members, organizations. NULL: no memory. */
cJSON *rest_entity_json(struct rest_call *call, const struct rest_entity *e, const struct store_document *row);
/* [a-zA-Z0-9] and the characters of `more`, 1 to `most` of them. */
bool rest_id_good(const char *id, const char *more, size_t most);

void rest_entity_list(struct rest_call *call, const struct rest_entity *e);
void rest_entity_get(struct rest_call *call, const struct rest_entity *e);
void rest_entity_put(struct rest_call *call, const struct rest_entity *e);
void rest_entity_patch(struct rest_call *call, const struct rest_entity *e);
void rest_entity_delete(struct rest_call *call, const struct rest_entity *e);

#endif
