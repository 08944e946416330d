#include "tools/diff.h"

#include <string.h>

#include "tools/plan.h"
#include "tools/tool.h"

static const char help[] =
    "spoke-model diff [options] OLD NEW\n"
    "\n"
    "Compares two versions of a template, and tells what breaks devices that were built from OLD when the service\n"
    "goes on with NEW: what they send has to fit NEW and mean the same, and what the service sends has to fit OLD. Exit code 1 when\n"
    "something breaks, 2 when they cannot be compared: a file that is not valid, or not there.\n"
    "\n"
    "  --interface DTMI            which interface of OLD (and of NEW, but for the version)\n"
    "  --json                      one JSON array of {breaking, kind, component, name, place, what}\n";

struct diff {
    const char *interface;
    bool json, quiet; /* quiet: only looks whether there is a change */
    size_t breaking, changes;
    const spoke_model *old, *new;
    const struct dtdl_element *old_interface, *new_interface;
};

static const char *const kinds[] = {"telemetry", "property", "command"};

/* --- telling --- */

static void print_json(const struct diff *diff, const struct diff_change *change)
{
    struct text line = {0};
    text_addf(&line, "%s  {\"breaking\": %s, \"kind\": \"%s\", \"component\": ", diff->changes > 1 ? ",\n" : "",
              change->breaking ? "true" : "false", kinds[change->member->member]);
    if (change->member->component != NULL)
        text_add_json(&line, spoke_str_of(change->member->component));
    else
        text_adds(&line, "null");
    text_adds(&line, ", \"name\": ");
    text_add_json(&line, spoke_str_of(change->member->name));
    text_adds(&line, ", \"place\": ");
    text_add_json(&line, spoke_str_of(change->place));
    text_adds(&line, ", \"what\": ");
    text_add_json(&line, spoke_str_of(change->what));
    text_adds(&line, "}");
    fputs(line.ptr != NULL ? line.ptr : "", stdout);
    text_free(&line);
}

static void tell(void *ctx, const struct diff_change *change)
{
    struct diff *diff = ctx;
    const spoke_member *member = change->member;
    diff->changes++;
    diff->breaking += change->breaking;
    if (diff->quiet)
        return;
    if (diff->json) {
        print_json(diff, change);
        return;
    }
    printf("%s: %s %s%s%s%s: %s\n", change->breaking ? "breaking" : "compatible", kinds[member->member],
           member->component != NULL ? member->component : "", member->component != NULL ? "." : "", member->name,
           change->place, change->what);
}

static void tell_whole(struct diff *diff, bool breaking, const spoke_member *member, const char *what)
{
    const struct diff_change change = {breaking, member, "", what};
    tell(diff, &change);
}

/* --- renamed --- */

static const struct dtdl_element *content_of(const struct dtdl_element *interface, const char *name)
{
    const struct dtdl_element *element;
    struct dtdl_walk walk;
    dtdl_walk_begin(&walk, interface);
    while ((element = dtdl_walk_next(&walk)) != NULL) {
        if (spoke_str_equal(element->name, spoke_str_of(name)))
            return element;
    }
    return NULL;
}

static const struct dtdl_element *element_of(const struct dtdl_element *interface, const spoke_member *member)
{
    if (member->component == NULL)
        return content_of(interface, member->name);
    const struct dtdl_element *component = content_of(interface, member->component);
    const struct dtdl_element *inner = component != NULL ? dtdl_target(component, DTDL_SCHEMA) : NULL;
    return inner != NULL ? content_of(inner, member->name) : NULL;
}

static bool same_text(spoke_str a, spoke_str b)
{
    return a.len > 0 && spoke_str_equal(a, b);
}

static bool same_component(const spoke_member *a, const spoke_member *b)
{
    return spoke_str_equal(spoke_str_of(a->component), spoke_str_of(b->component));
}

static bool same_schema(const spoke_schema *a, const spoke_schema *b, const spoke_member *member)
{
    struct diff probe = {.quiet = true};
    if (a == NULL || b == NULL)
        return a == b;
    return diff_schema(member, a, b, true, tell, &probe) && diff_schema(member, b, a, true, tell, &probe) &&
           probe.changes == 0;
}

/* The same thing under another name: an id or a display name that stayed, with the same schemas. */
static bool looks_renamed(const struct diff *diff, const spoke_member *gone, const spoke_member *added)
{
    const struct dtdl_element *a = element_of(diff->old_interface, gone),
                              *b = element_of(diff->new_interface, added);
    if (a == NULL || b == NULL || gone->member != added->member || !same_component(gone, added))
        return false;
    if (!same_text(a->id, b->id) && !same_text(a->display_name, b->display_name))
        return false;
    return same_schema(gone->schema, added->schema, gone) && same_schema(gone->response, added->response, gone);
}

static const spoke_member *in_model(const spoke_model *model, const spoke_member *member)
{
    return spoke_model_member(model, spoke_str_of(member->component), spoke_str_of(member->name));
}

static void tell_removed(struct diff *diff, const spoke_member *member)
{
    char what[300];
    for (size_t i = 0; i < diff->new->member_count; i++) {
        const spoke_member *added = &diff->new->members[i];
        if (in_model(diff->old, added) != NULL || !looks_renamed(diff, member, added))
            continue;
        snprintf(what, sizeof what, "is renamed to %.200s: devices in the field go on with the old name",
                 added->name);
        tell_whole(diff, true, member, what);
        return;
    }
    tell_whole(diff, true, member, "is removed");
}

/* --- members --- */

/* Either has to have it. false: they do not agree on that. */
static bool both_or_none(struct diff *diff, const spoke_member *old, const spoke_schema *before,
                         const spoke_schema *after, const char *gone, const char *added)
{
    if (before != NULL && after == NULL)
        tell_whole(diff, true, old, gone);
    if (before == NULL && after != NULL)
        tell_whole(diff, true, old, added);
    return before != NULL && after != NULL;
}

static bool compare_command(struct diff *diff, const spoke_member *old, const spoke_member *new)
{
    bool done = true;
    if (both_or_none(diff, old, old->schema, new->schema, "has no request any more", "has a request now"))
        done = diff_schema(old, new->schema, old->schema, false, tell, diff);
    if (both_or_none(diff, old, old->response, new->response, "has no response any more", "has a response now"))
        done = diff_schema(old, old->response, new->response, true, tell, diff) && done;
    const unsigned gained = new->flags & ~(unsigned)old->flags, lost = old->flags & ~(unsigned)new->flags;
    if ((gained & SPOKE_NULLABLE_REQUEST) != 0)
        tell_whole(diff, true, old, "may have a null request now, which devices in the field refuse");
    if ((lost & SPOKE_NULLABLE_RESPONSE) != 0)
        tell_whole(diff, true, old, "may not have a null response any more, which devices in the field may send");
    if ((lost & SPOKE_NULLABLE_REQUEST) != 0)
        tell_whole(diff, false, old, "may not have a null request any more");
    if ((gained & SPOKE_NULLABLE_RESPONSE) != 0)
        tell_whole(diff, false, old, "may have a null response now");
    if ((gained & SPOKE_DURABLE) != 0)
        tell_whole(diff, false, old, "is queued while the device is offline now");
    if ((lost & SPOKE_DURABLE) != 0)
        tell_whole(diff, false, old, "is not queued any more while the device is offline");
    return done;
}

static bool compare_property(struct diff *diff, const spoke_member *old, const spoke_member *new)
{
    const bool was = (old->flags & SPOKE_WRITABLE) != 0, is = (new->flags &SPOKE_WRITABLE) != 0;
    if (was && !is)
        tell_whole(diff, true, old, "is not writable any more");
    if (!was && is)
        tell_whole(diff, false, old, "is writable now, which devices in the field do not answer");
    const bool done = diff_schema(old, old->schema, new->schema, true, tell, diff);
    return was && is ? diff_schema(old, new->schema, old->schema, false, tell, diff) && done : done;
}

static bool compare_meaning(struct diff *diff, const spoke_member *old, const spoke_member *new)
{
    const struct dtdl_element *before = element_of(diff->old_interface, old),
                              *after = element_of(diff->new_interface, new);
    if (before == NULL || after == NULL)
        return true;
    if (old->member != SPOKE_COMMAND)
        return diff_meaning(old, before, after, tell, diff);
    return diff_meaning(old, dtdl_target(before, DTDL_REQUEST), dtdl_target(after, DTDL_REQUEST), tell, diff) &&
           diff_meaning(old, dtdl_target(before, DTDL_RESPONSE), dtdl_target(after, DTDL_RESPONSE), tell, diff);
}

static bool compare_shape(struct diff *diff, const spoke_member *old, const spoke_member *new)
{
    if (old->member == SPOKE_COMMAND)
        return compare_command(diff, old, new);
    if (old->member == SPOKE_PROPERTY)
        return compare_property(diff, old, new);
    return diff_schema(old, old->schema, new->schema, true, tell, diff);
}

static bool compare_member(struct diff *diff, const spoke_member *old, const spoke_member *new)
{
    char what[80];
    if (old->member != new->member) {
        snprintf(what, sizeof what, "is a %s now", kinds[new->member]);
        tell_whole(diff, true, old, what);
        return true;
    }
    return compare_shape(diff, old, new) && compare_meaning(diff, old, new);
}

static bool compare_models(struct diff *diff)
{
    bool done = true;
    for (size_t i = 0; i < diff->old->member_count && done; i++) {
        const spoke_member *old = &diff->old->members[i], *new = in_model(diff->new, old);
        if (new == NULL)
            tell_removed(diff, old);
        else
            done = compare_member(diff, old, new);
    }
    for (size_t i = 0; i < diff->new->member_count; i++) {
        if (in_model(diff->old, &diff->new->members[i]) == NULL)
            tell_whole(diff, false, &diff->new->members[i], "is new");
    }
    return done;
}

/* --- the command --- */

static bool same_but_version(spoke_str a, spoke_str b)
{
    spoke_str path_a, path_b, rest;
    (void)spoke_str_cut(a, ';', &path_a, &rest);
    (void)spoke_str_cut(b, ';', &path_b, &rest);
    return spoke_str_equal(path_a, path_b);
}

/* The interface of NEW that goes by the same name, else its main one. */
static const struct dtdl_element *counterpart(const struct tool_model *model, const struct dtdl_element *old)
{
    const struct dtdl_element *interface;
    for (size_t i = 0; (interface = dtdl_interface_at(model->model, i)) != NULL; i++) {
        if (same_but_version(interface->id, old->id))
            return interface;
    }
    return tool_pick_interface(model, NULL);
}

static int compare_loaded(struct diff *diff, struct tool_model *old, struct tool_model *new)
{
    diff->old_interface = tool_pick_interface(old, diff->interface);
    diff->new_interface = diff->old_interface != NULL ? counterpart(new, diff->old_interface) : NULL;
    if (diff->new_interface == NULL) /* no answer to "does it break", either */
        return TOOL_TROUBLE;
    spoke_status status = dtdl_compile(diff->old_interface, &old->heap.arena, &diff->old);
    if (status == SPOKE_OK)
        status = dtdl_compile(diff->new_interface, &new->heap.arena, &diff->new);
    if (status != SPOKE_OK) {
        fprintf(stderr, "spoke-model diff: %s\n", plan_no_table(status));
        return TOOL_TROUBLE;
    }
    fputs(diff->json ? "[\n" : "", stdout);
    const bool done = compare_models(diff);
    if (diff->json)
        puts(diff->changes > 0 ? "\n]" : "]");
    else if (diff->changes == 0)
        puts("no changes");
    if (diff->changes > 0 && spoke_str_equal(diff->old_interface->id, diff->new_interface->id))
        fprintf(stderr, "spoke-model diff: note: both are %.*s; a template that changed needs another version\n",
                (int)diff->old_interface->id.len, diff->old_interface->id.ptr);
    if (!done)
        fputs("spoke-model diff: there is not enough memory\n", stderr);
    return !done ? TOOL_TROUBLE : diff->breaking > 0 ? TOOL_INVALID : TOOL_OK;
}

static int run(struct diff *diff, struct tool_model *old, const struct tool_arguments *arguments)
{
    struct tool_model new;
    if (arguments->path_count != 2)
        return tool_usage("diff", "name two files");
    tool_model_init(&new);
    tool_model_take_options(&new, old);
    int code = tool_load_valid(old, &arguments->paths[0], 1);
    if (code == TOOL_OK)
        code = tool_load_valid(&new, &arguments->paths[1], 1);
    /* a template that is not valid is no answer to "does it break": not 1, but trouble */
    code = code == TOOL_OK ? compare_loaded(diff, old, &new) : TOOL_TROUBLE;
    tool_model_free(&new);
    return code;
}

int tool_diff(int argc, char **argv)
{
    struct diff diff = {0};
    struct tool_model old;
    struct tool_option list[TOOL_LOAD_OPTION_COUNT + 2] = {{0}};
    tool_model_init(&old);
    tool_load_options(&old, list);
    list[TOOL_LOAD_OPTION_COUNT] =
        (struct tool_option){.name = "--interface", .value = true, .to = &diff.interface};
    list[TOOL_LOAD_OPTION_COUNT + 1] = (struct tool_option){.name = "--json", .to = &diff.json};
    struct tool_arguments arguments = {
        .help = help, .load_help = true, .options = list, .option_count = sizeof list / sizeof list[0]};
    int code = tool_parse(argc, argv, &arguments);
    if (code < 0)
        code = run(&diff, &old, &arguments);
    tool_arguments_free(&arguments);
    tool_model_free(&old);
    return code;
}
