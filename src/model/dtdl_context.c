/* @context: which words an element may use. */
#include "model/dtdl_private.h"

#include "base/ascii.h"

/* Where the reader of one @context value is. */
struct context_reader {
    struct dtdl_model *model;
    struct element *element; /* for issues; NULL: none yet */
    struct json_doc *doc;
    struct context context;
    bool top;
    bool failed;
    bool dtdl_seen;      /* in this very value */
    bool extension_seen; /* the same; one that may not precede DTDL's own context */
    bool limits_said;    /* something is wrong with limits and was said */
    uint32_t limitless;  /* node of "…#limitless" that still waits for what must follow; 0: none */
};

static void report(struct context_reader *r, uint32_t node, const char *id, spoke_str value)
{
    issue_at(r->model, r->doc, json_value_offset(r->doc, node), r->element, id, DETAILS(.value = value));
    r->failed = true;
}

/* {"term": "dtmi:…"}: no version allows such definitions; say also what is odd about them. */
static void refuse_local_terms(struct context_reader *r, uint32_t node)
{
    report(r, node, "disallowedLocalContext", spoke_str_from(NULL, 0));
}

static bool undefined_allowed(const struct context_reader *r)
{
    switch (r->model->options.undefined) {
    case DTDL_UNDEFINED_ALLOW:
        return true;
    case DTDL_UNDEFINED_DISALLOW:
        return false;
    case DTDL_UNDEFINED_BY_VERSION:
    default:
        return r->context.version == 2;
    }
}

/* Drops the other versions of the same context: the innermost, and in one list the last, counts. */
static void activate(struct context *context, uint32_t bit)
{
    static const uint32_t families[] = {
        V2 | V3 | V4, AN1 | AN2, HI1 | HI2, MQ1 | MQ2 | MQ3 | MQ4, OV1 | OV2, QT1 | QT2 | QT3, RQ1 | RQ2, AIO,
        ONV,          CEN,       OPS};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if ((families[i] & bit) != 0)
            context->active = (context->active & ~families[i]) | bit;
    }
}

static bool limit_accepted(const struct dtdl_options *options, spoke_str specifier)
{
    spoke_str family, version;
    if (options->limits == NULL)
        return true;
    spoke_str_cut(specifier, ';', &family, &version);
    for (size_t i = 0; i < options->limit_count; i++) {
        const spoke_str accepted = spoke_str_of(options->limits[i]);
        if (spoke_str_equal(accepted, specifier) || spoke_str_equal(accepted, family))
            return true;
    }
    return false;
}

/* A limits extension counts only right behind "…#limitless". */
static void read_limits(struct context_reader *r, uint32_t node, spoke_str specifier, uint32_t bit)
{
    if (r->limitless == 0) {
        if (!r->limits_said)
            report(r, node, "misplacedLimitContext", specifier);
    } else if (!limit_accepted(&r->model->options, specifier)) {
        report(r, node, "disallowedLimitContext", specifier);
    } else {
        r->context.limits = bit == AIO ? LIMITS_AIO : LIMITS_ONVIF;
        activate(&r->context, bit);
    }
    r->limitless = 0;
}

static void use_version(struct context_reader *r, unsigned version)
{
    r->context.version = (uint8_t)version;
    r->context.limits = LIMITS_CORE;
    activate(&r->context, (uint32_t)1 << (version - 2));
    r->dtdl_seen = true;
}

static void read_fragment(struct context_reader *r, uint32_t node, spoke_str specifier, spoke_str fragment)
{
    if (spoke_str_equal(fragment, SPOKE_STR("limitless"))) {
        if (r->limitless != 0)
            report(r, r->limitless, "missingLimitContext", specifier);
        r->limitless = node;
    } else if (!spoke_str_equal(fragment, SPOKE_STR("limits"))) {
        report(r, node, "invalidContextFragment", specifier);
        r->limitless = 0;
    } else if (r->limitless == 0) {
        if (!r->limits_said)
            report(r, node, "misplacedLimitContext", specifier);
    } else {
        r->limitless = 0;
        r->context.limits = LIMITS_CORE;
    }
}

/* "dtmi:dtdl:context;N", with or without a fragment. */
static void read_language(struct context_reader *r, uint32_t node, spoke_str specifier, const struct dtmi *id)
{
    const unsigned most = r->model->options.max_version;
    if (r->extension_seen) {
        report(r, node, r->top && !r->dtdl_seen ? "missingDtdlContext" : "dtdlContextFollowsAffiliate", specifier);
        return;
    }
    if (!id->has_version) {
        report(r, node, "missingContextVersion", specifier);
        return;
    }
    if (id->has_minor || id->major < 2 || id->major > 4) {
        report(r, node, "unrecognizedContextVersion", specifier);
        return;
    }
    if (id->major > most) {
        report(r, node, "disallowedContextVersion", specifier);
        return;
    }
    if (id->has_fragment && id->major < 4) {
        report(r, node, "disallowedContextFragment", specifier);
        return;
    }
    if (!id->has_fragment) {
        r->limitless = 0;
        use_version(r, id->major);
        return;
    }
    const uint8_t before = r->context.limits;
    use_version(r, id->major);
    r->context.limits = before;
    read_fragment(r, node, specifier, spoke_str_from(id->fragment.ptr + 1, id->fragment.len - 1));
}

static void read_undefined(struct context_reader *r, uint32_t node, spoke_str specifier, spoke_str family)
{
    if (undefined_allowed(r))
        r->context.incomplete = true;
    else
        report(r, node,
               term_context_family_known(family) ? "unresolvableContextVersion" : "unresolvableContextSpecifier",
               specifier);
}

static void read_extension(struct context_reader *r, uint32_t node, spoke_str specifier, const struct dtmi *id)
{
    spoke_str family, version;
    spoke_str_cut(specifier, ';', &family, &version);
    const uint32_t bit = term_context(specifier);
    const bool is_limit = spoke_str_starts(specifier, SPOKE_STR("dtmi:dtdl:limits:"));
    if (id->has_fragment) {
        report(r, node, "invalidContextSpecifier", specifier);
        r->limitless = 0;
        return;
    }
    if (!is_limit && r->limitless != 0) {
        report(r, r->limitless, "missingLimitContext", json_text(r->doc, r->limitless, r->model->arena));
        r->limitless = 0;
        r->limits_said = true;
    }
    if (r->top && r->context.version == 0 && bit == CEN) {
        r->context.version = 2; /* IoT Central writes its own context first */
        activate(&r->context, V2);
    } else if (r->top && !r->dtdl_seen) {
        report(r, node, "missingDtdlContext", specifier);
        return;
    } else if (bit != CEN || r->dtdl_seen) {
        r->extension_seen = true;
    }
    if (is_limit && bit == 0)
        r->limitless = 0; /* what was waited for, though nobody here knows it */
    if (!id->has_version || (r->context.version == 2 && id->has_minor))
        report(r, node, "invalidContextSpecifierForVersion", specifier);
    else if (bit == AIO || bit == ONV)
        read_limits(r, node, specifier, bit);
    else if (is_limit && !undefined_allowed(r))
        report(r, node, "disallowedLimitContext", specifier);
    else if (bit != 0)
        activate(&r->context, bit);
    else
        read_undefined(r, node, specifier, family);
}

static void read_specifier(struct context_reader *r, uint32_t node)
{
    const spoke_str specifier = json_text(r->doc, node, r->model->arena);
    struct dtmi id;
    if (!spoke_str_starts(specifier, SPOKE_STR("dtmi:"))) {
        report(r, node, "nonDtmiContextSpecifier", specifier);
        return;
    }
    if (!dtmi_parse(specifier, &id) || id.reserved) {
        report(r, node, "invalidContextSpecifier", specifier);
        return;
    }
    if (spoke_str_equal(id.path, SPOKE_STR("dtdl:context")))
        read_language(r, node, specifier, &id);
    else
        read_extension(r, node, specifier, &id);
}

static void read_entry(struct context_reader *r, uint32_t node)
{
    switch (r->doc->nodes[node].type) {
    case JSON_STRING:
        read_specifier(r, node);
        return;
    case JSON_OBJECT:
        refuse_local_terms(r, node);
        return;
    default:
        report(r, node, "invalidContext", json_raw(r->doc, node));
        return;
    }
}

static void read_value(struct context_reader *r, uint32_t node)
{
    if (r->doc->nodes[node].type != JSON_ARRAY) {
        read_entry(r, node);
        return;
    }
    if (r->top && json_first(r->doc, node) == json_end(r->doc, node))
        report(r, node, "emptyContext", spoke_str_from(NULL, 0));
    for (uint32_t n = json_first(r->doc, node); n < json_end(r->doc, node); n = json_after(r->doc, n))
        read_entry(r, n);
}

const struct context *context_read(struct dtdl_model *model, struct element *element, uint32_t node,
                                   const struct context *parent)
{
    struct context_reader r = {.model = model, .element = element, .doc = element->doc, .top = parent == NULL};
    if (parent != NULL)
        r.context = *parent;
    read_value(&r, node);
    if (r.limitless != 0)
        report(&r, r.limitless, "missingLimitContext", json_text(r.doc, r.limitless, model->arena));
    if (!r.failed && r.context.version == 0)
        report(&r, node, "missingDtdlContext", spoke_str_from(NULL, 0));
    if (!r.failed && r.top && !r.dtdl_seen && (r.context.active & CEN) != 0 && !r.context.central &&
        model->options.profile == DTDL_STRICT)
        report(&r, node, "missingDtdlContext", spoke_str_from(NULL, 0));
    r.context.central = model->options.profile == DTDL_CENTRAL && r.context.version == 2;
    if (r.failed)
        return NULL;
    struct context *kept = arena_alloc(model->arena, 1, sizeof *kept);
    if (kept != NULL)
        *kept = r.context;
    return kept;
}
