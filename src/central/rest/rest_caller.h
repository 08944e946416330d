/* Who asks: the token of a request, its roles, and how far they reach. */
#ifndef SPOKE_SRC_CENTRAL_REST_CALLER_H
#define SPOKE_SRC_CENTRAL_REST_CALLER_H

#include "rest.h"

#define REST_SERVICE_TOKEN "bootstrap" /* stands for all tokens that were shown at a start */
#define REST_ADMINISTRATOR "ca310b8d-2f4a-44e0-a36e-957c202cd8d4" /* the id of this role */
#define REST_MOST_TOKENS 200u
#define REST_TOKEN_ID_RULE "An API token's id has 1 to 48 letters, digits, '-' or '_'."
#define REST_TOKEN_LIFE_MS (INT64_C(365) * 24 * 3600 * 1000)

struct rest_grant {
    uint64_t rights; /* bits 1 << right */
    cJSON *reach;    /* ids of the organization that it is bound to and of those below; NULL: everywhere */
};

struct rest_caller {
    char *id;     /* of the token */
    bool service; /* the service's own token, which is no API token that can be listed */
    cJSON *roles; /* [{"role", "organization"}] */
    struct rest_grant *grants;
    size_t count;
};

/* *out NULL: the request is in-process. False, with a 401. */
bool rest_caller_find(struct rest_call *call, struct rest_caller **out);
bool rest_token_id_good(const char *id); /* of an issued token */
/* Tokens of the service's own that end no later than now and a token's life are good no more. */
spoke_status rest_service_tokens_revoke(struct core *c);
void rest_caller_free(struct rest_caller *caller); /* NULL is fine */

/* --- roles (rest_roles.c) --- */

/* Everything, whatever comes later. */
#define REST_ALL_RIGHTS (((UINT64_C(1) << RIGHT_COUNT) - 1) & ~(UINT64_C(1) << RIGHT_UNSET))
/* What a role gives; 0: there is no such role. `bound`: to an organization, where a role gives nothing that belongs to
 * the whole application. */
uint64_t rest_role_rights(struct core *c, const char *role, bool bound);
const char *rest_right_name(enum rest_right right); /* "device.read"; NULL: no role gives it */
/* Checks the "roles" of a token or user: [{"role", "organization"}], each within what the caller has itself. False,
 * with a reply. */
bool rest_roles_good(struct rest_call *call, const cJSON *roles);
/* belongs of rest_entity: the organizations of a document's "roles"; NULL when one of them is bound to none. */
char *rest_roles_organizations(const char *id, const cJSON *document);
/* Has a token or a user this role? */
spoke_status rest_role_used(struct core *c, const char *role, bool *out);

/* --- organizations (rest_organizations.c) --- */

/* Ids of the organization and of all below it, in a new array; NULL: no memory. */
cJSON *rest_organization_reach(struct core *c, const char *id);
bool rest_organization_exists(struct core *c, const char *id);

#endif
