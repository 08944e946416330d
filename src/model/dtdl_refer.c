/* References: from an id to the element that has it, if need be in another document. */
#include "model/dtdl_private.h"

static const struct rule *rule_of(const struct reference *r)
{
    static const struct rule unit = {.property = P_UNIT}; /* nothing that a model defines */
    const struct rule *rule =
        rule_find((enum dtdl_class)r->from->pub.kind, (enum dtdl_property)r->property, r->from->pub.version);
    return rule != NULL ? rule : &unit;
}

static void report(struct dtdl_model *model, const struct reference *r, const char *id, const char *type)
{
    issue_node(model, r->from, r->node, id,
               DETAILS(.property = spoke_str_of(term_property_name((enum dtdl_property)r->property)),
                       .value = r->id, .type = type,
                       .restriction = "an element of another kind has this identifier"));
}

static bool is_reserved(spoke_str id)
{
    return spoke_str_starts(id, SPOKE_STR("dtmi:dtdl:")) || spoke_str_starts(id, SPOKE_STR("dtmi:standard:")) ||
           spoke_str_starts(id, SPOKE_STR("dtmi:iotcentral:")) ||
           spoke_str_starts(id, SPOKE_STR("dtmi:iotoperations:"));
}

/* Interfaces are for everybody; other elements only for those of the same interface. What can never stand there is
 * not linked: nothing that would follow from it is said. */
static void settle(struct dtdl_model *model, struct reference *r, struct element *target)
{
    const struct rule *rule = rule_of(r);
    const unsigned version = r->from->pub.version;
    if (target->pub.kind == DTDL_NONE)
        return; /* its own issue says it */
    if ((rule->targets & CLASS_BIT(target->pub.kind)) == 0) {
        report(model, r, "badType", dtdl_class_name((enum dtdl_class)target->pub.kind));
        return;
    }
    r->link->to = &target->pub;
    if (target->pub.version > version || (rule->same_version && target->pub.version != version))
        report(model, r, "disallowedVersionReference", NULL);
    else if (target->pub.kind != DTDL_INTERFACE && target->partition != r->from->partition)
        report(model, r, "crossPartitionReference", NULL);
}

/* One question to the resolver for each id. What comes is loaded, whatever it defines. */
static spoke_status fetch(struct dtdl_model *model, spoke_str id)
{
    const char *name = NULL;
    spoke_str text = spoke_str_from(NULL, 0);
    struct json_doc *doc = NULL;
    const struct table_slot *before;
    if (!table_put(model, &model->asked, id, NULL, &before) || before != NULL)
        return SPOKE_OK;
    if (!grow_pointers(model, &model->missing, &model->missing_room, model->missing_count, sizeof *model->missing))
        return SPOKE_E_NO_MEMORY;
    model->missing[model->missing_count++] = id;
    if (model->options.resolve == NULL)
        return SPOKE_OK;
    spoke_status status = model->options.resolve(model->options.resolve_ctx, id, &name, &text);
    if (status != SPOKE_OK)
        return status == SPOKE_E_NOT_FOUND ? SPOKE_OK : status;
    model->resolving = true;
    status = document_add(model, name, text, &doc);
    if (status == SPOKE_OK && doc != NULL)
        load_document(model, doc);
    model->resolving = false;
    return status;
}

/* References that documents from the resolver add stand behind this one and are met in the same walk. */
static spoke_status fetch_all(struct dtdl_model *model)
{
    for (struct reference *r = model->references; r != NULL && !stopped(model); r = r->next) {
        const spoke_status status =
            id_find(model, r->id) == NULL && !is_reserved(r->id) ? fetch(model, r->id) : SPOKE_OK;
        if (status != SPOKE_OK)
            return status;
    }
    return SPOKE_OK;
}

/* Any of the documents may have brought what another was asked for. */
static void drop_found(struct dtdl_model *model)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->missing_count; i++) {
        if (id_find(model, model->missing[i]) == NULL)
            model->missing[kept++] = model->missing[i];
    }
    model->missing_count = kept;
}

spoke_status references_resolve(struct dtdl_model *model)
{
    const spoke_status status = fetch_all(model);
    if (status != SPOKE_OK || stopped(model))
        return status;
    drop_found(model);
    for (struct reference *r = model->references; r != NULL; r = r->next) {
        struct element *target = id_find(model, r->id);
        if (target != NULL)
            settle(model, r, target);
        else if (is_reserved(r->id))
            report(model, r, "undefinedReservedId", NULL);
    }
    return SPOKE_OK;
}
