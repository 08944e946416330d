#include "tools/tool.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_BLOCK (64u * 1024u)
#define MAX_FOLDERS 64u /* deep */

void tool_model_init(struct tool_model *model)
{
    memset(model, 0, sizeof *model);
    model->files_end = &model->files;
    heap_arena_init(&model->heap, FIRST_BLOCK, 0);
}

void tool_model_take_options(struct tool_model *model, const struct tool_model *from)
{
    model->profile = from->profile;
    model->undefined = from->undefined;
    model->max_version = from->max_version;
    model->root_count = from->root_count;
    memcpy(model->roots, from->roots, sizeof model->roots);
}

void tool_model_free(struct tool_model *model)
{
    heap_arena_fini(&model->heap);
}

static int no_memory(void)
{
    fprintf(stderr, "%s: there is not enough memory\n", tool_program);
    return TOOL_TROUBLE;
}

/* --- files --- */

const char *tool_file_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int say(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", tool_program, tool_file_name(path), why);
    return TOOL_TROUBLE;
}

/* Reads to the end, or one byte past what is still allowed. */
static int read_stream(struct tool_model *model, FILE *stream, const char *path, spoke_str *out)
{
    const size_t allowed = TOOL_MAX_BYTES - model->bytes;
    size_t cap = 16384, len = 0, got = 1;
    char *text = malloc(cap);
    while (text != NULL && got > 0 && len <= allowed) {
        if (len == cap) {
            char *grown = realloc(text, cap * 2);
            if (grown == NULL)
                free(text);
            text = grown;
            cap *= 2;
            continue;
        }
        got = fread(text + len, 1, cap - len, stream);
        len += got;
    }
    const char *copy =
        text != NULL && len <= allowed ? arena_text(&model->heap.arena, spoke_str_from(text, len)) : NULL;
    const bool out_of_memory = text == NULL || (len <= allowed && copy == NULL);
    free(text);
    if (out_of_memory)
        return no_memory();
    if (len > allowed)
        return say(path, "this and what was read before is more than 64 MiB; check fewer files at a time");
    if (ferror(stream))
        return say(path, strerror(errno));
    model->bytes += len;
    *out = spoke_str_from(copy, len);
    return TOOL_OK;
}

static int read_file(struct tool_model *model, const char *path, spoke_str *out)
{
    if (strcmp(path, "-") == 0)
        return read_stream(model, stdin, path, out);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return say(path, strerror(errno));
    const int code = read_stream(model, stream, path, out);
    fclose(stream);
    return code;
}

static struct tool_file *add_file(struct tool_model *model, const char *path)
{
    struct tool_file *file = arena_alloc(&model->heap.arena, 1, sizeof *file);
    const char *name = arena_text(&model->heap.arena, spoke_str_of(path));
    if (file == NULL || name == NULL)
        return NULL;
    file->path = name;
    *model->files_end = file;
    model->files_end = &file->next;
    return file;
}

static int collect_file(struct tool_model *model, const char *path)
{
    struct tool_file *file = add_file(model, path);
    if (file == NULL)
        return no_memory();
    return model->list_only ? TOOL_OK : read_file(model, path, &file->text);
}

/* --- folders --- */

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* The closures that a repository keeps beside each file (.expanded.json) repeat what the files say. */
static bool is_model_file(const char *name)
{
    return ends_with(name, ".json") && !ends_with(name, ".expanded.json");
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static char *path_in(const char *folder, const char *name)
{
    struct text path = {0};
    text_addf(&path, "%s%s%s", folder, ends_with(folder, "/") ? "" : "/", name);
    if (path.failed)
        text_free(&path);
    return path.ptr;
}

static int collect_found(struct tool_model *model, const char *path, unsigned depth);

/* In the order of names, so that messages come in the same order everywhere. */
static int collect_folder(struct tool_model *model, const char *path, unsigned depth)
{
    struct dirent **entries = NULL;
    if (depth == MAX_FOLDERS)
        return say(path, "folders are nested too deep here; name this one");
    const int count = scandir(path, &entries, visible, alphasort);
    int code = count < 0 ? say(path, strerror(errno)) : TOOL_OK;
    for (int i = 0; i < count; i++) {
        char *inner = code == TOOL_OK ? path_in(path, entries[i]->d_name) : NULL;
        if (inner != NULL)
            code = collect_found(model, inner, depth + 1);
        free(inner);
        free(entries[i]);
    }
    free(entries);
    return code;
}

/* What a folder holds. A link to another folder is not followed: it may lead back, and what it leads to can be named.
 * A link to a file is, and pipes and devices are nobody's templates. As deep as folders are. */
static int collect_found(struct tool_model *model, const char *path, unsigned depth)
{
    struct stat about, target;
    if (lstat(path, &about) != 0)
        return say(path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return collect_folder(model, path, depth);
    const bool lost = stat(path, &target) != 0; /* a link to nowhere: reading it says so */
    return is_model_file(path) && (lost || S_ISREG(target.st_mode)) ? collect_file(model, path) : TOOL_OK;
}

static int collect(struct tool_model *model, const char *path)
{
    struct stat about;
    if (strcmp(path, "-") == 0)
        return collect_file(model, path);
    const bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    return folder ? collect_folder(model, path, 0) : collect_file(model, path);
}

/* --- references --- */

/* "dtmi:com:example:Thermostat;1" -> "dtmi/com/example/thermostat-1". False: no id has such characters, and none of
 * them may lead out of the folder. */
static bool repository_path(spoke_str dtmi, struct text *path)
{
    for (size_t i = 0; i < dtmi.len; i++) {
        const char c = dtmi.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (c >= 'A' && c <= 'Z')
            text_addf(path, "%c", c - 'A' + 'a');
        else if (c == ':' || c == ';')
            text_adds(path, c == ':' ? "/" : "-");
        else if (letter || (c == '.' && i > 0 && dtmi.ptr[i - 1] != '.'))
            text_addf(path, "%c", c);
        else
            return false;
    }
    return spoke_str_starts(dtmi, SPOKE_STR("dtmi:")) && !path->failed;
}

static spoke_status resolve_in(struct tool_model *model, const char *root, const char *path, const char *end,
                               const char **name, spoke_str *text)
{
    struct text full = {0};
    struct stat about;
    spoke_status status = SPOKE_E_NOT_FOUND;
    text_addf(&full, "%s/%s%s", root, path, end);
    if (!full.failed && stat(full.ptr, &about) == 0 && S_ISREG(about.st_mode)) {
        struct tool_file *file = add_file(model, full.ptr);
        if (file != NULL && read_file(model, full.ptr, &file->text) == TOOL_OK) {
            *name = file->path;
            *text = file->text;
            status = SPOKE_OK;
        }
    }
    text_free(&full);
    return status;
}

/* A file and, where there is none, the closure of the same interface. */
static spoke_status resolve_either(struct tool_model *model, const char *root, const char *path, const char **name,
                                   spoke_str *text)
{
    const spoke_status status = resolve_in(model, root, path, ".json", name, text);
    return status == SPOKE_OK ? status : resolve_in(model, root, path, ".expanded.json", name, text);
}

/* The folder that holds "dtmi/" of a file that lies in a repository; NULL: it does not. Heap. */
static char *root_of(const char *path)
{
    struct text root = {0};
    const char *found = NULL;
    for (const char *at = strstr(path, "dtmi/"); at != NULL; at = strstr(at + 1, "dtmi/")) {
        if (at == path || at[-1] == '/')
            found = at;
    }
    if (found == NULL)
        return NULL;
    text_addf(&root, "%.*s.", (int)(found - path), path);
    return root.ptr;
}

static spoke_status resolve_beside(struct tool_model *model, const char *path, const char **name, spoke_str *text)
{
    char *root = model->files != NULL ? root_of(model->files->path) : NULL;
    const spoke_status status = root != NULL ? resolve_either(model, root, path, name, text) : SPOKE_E_NOT_FOUND;
    free(root);
    return status;
}

static spoke_status resolve(void *ctx, spoke_str dtmi, const char **name, spoke_str *text)
{
    struct tool_model *model = ctx;
    struct text path = {0};
    spoke_status status = SPOKE_E_NOT_FOUND;
    const bool usable = repository_path(dtmi, &path);
    for (size_t i = 0; usable && i < model->root_count && status != SPOKE_OK; i++)
        status = resolve_either(model, model->roots[i], path.ptr, name, text);
    if (usable && status != SPOKE_OK)
        status = resolve_beside(model, path.ptr, name, text);
    text_free(&path);
    if (status == SPOKE_OK)
        return status;
    *text = tool_well_known(dtmi);
    *name = "(built in)";
    return text->len > 0 ? SPOKE_OK : SPOKE_E_NOT_FOUND;
}

/* --- loading --- */

static bool is_device_template(spoke_str text)
{
    spoke_str value;
    return spoke_json_find(text, "capabilityModel", &value) == SPOKE_OK;
}

/* Whoever names it writes for IoT Central, whose minimum and maximum the strict profile would take for words that
 * say nothing. */
static bool names_central(spoke_str text)
{
    static const char specifier[] = "\"dtmi:iotcentral:context;";
    return text.len > 0 && memmem(text.ptr, text.len, specifier, sizeof specifier - 1) != NULL;
}

static enum dtdl_profile profile_of(const struct tool_model *model)
{
    if (model->profile != TOOL_PROFILE_DETECT)
        return model->profile == TOOL_PROFILE_CENTRAL ? DTDL_CENTRAL : DTDL_STRICT;
    for (const struct tool_file *file = model->files; file != NULL; file = file->next) {
        if (is_device_template(file->text) || names_central(file->text))
            return DTDL_CENTRAL;
    }
    return DTDL_STRICT;
}

static int trouble(spoke_status status)
{
    if (status == SPOKE_E_NO_MEMORY)
        return no_memory();
    fprintf(stderr, "%s: the model cannot be loaded: %s\n", tool_program, spoke_status_text(status));
    return TOOL_TROUBLE;
}

static int add_texts(struct tool_model *model)
{
    /* The resolver adds to the list: only what stands in it now is the caller's. */
    struct tool_file *const *end = model->files_end;
    for (const struct tool_file *file = model->files; file != NULL; file = file->next) {
        const spoke_status status = dtdl_add(model->model, tool_file_name(file->path), file->text);
        if (status != SPOKE_OK)
            return trouble(status);
        if (&file->next == end)
            break;
    }
    model->status = dtdl_finish(model->model);
    if (model->status == SPOKE_E_NO_MEMORY || model->status == SPOKE_E_TOO_LARGE)
        return trouble(model->status);
    return TOOL_OK;
}

static int collect_all(struct tool_model *model, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int code = collect(model, paths[i]);
        if (code != TOOL_OK)
            return code;
    }
    if (model->files != NULL)
        return TOOL_OK;
    fprintf(stderr, "%s: there is no .json file to read\n", tool_program);
    return TOOL_TROUBLE;
}

int tool_list_files(struct tool_model *model, const char *const *paths, size_t count)
{
    model->list_only = true;
    return collect_all(model, paths, count);
}

int tool_load(struct tool_model *model, const char *const *paths, size_t count)
{
    const int code = collect_all(model, paths, count);
    if (code != TOOL_OK)
        return code;
    const struct dtdl_options options = {.profile = profile_of(model),
                                         .undefined = model->undefined,
                                         .max_version = (uint8_t)model->max_version,
                                         .resolve = resolve,
                                         .resolve_ctx = model,
                                         .max_bytes = TOOL_MAX_BYTES};
    model->model = dtdl_create(&model->heap.arena, &options);
    return model->model != NULL ? add_texts(model) : no_memory();
}

/* --- what is wrong --- */

void tool_print_issues(const struct tool_model *model, FILE *out)
{
    char memory[2048], place[512];
    size_t shown = 0;
    for (const struct dtdl_issue *issue = dtdl_issues(model->model); issue != NULL; issue = issue->next, shown++) {
        spoke_buf text = spoke_buf_from(memory, sizeof memory), pointer = spoke_buf_from(place, sizeof place);
        dtdl_issue_text(model->model, issue, &text);
        dtdl_issue_pointer(model->model, issue, &pointer);
        fprintf(out, "%s:%u:%u: error: %.*s%s%.*s [%s]\n", issue->file, issue->line, issue->column,
                (int)pointer.len, (const char *)pointer.ptr, pointer.len > 0 ? ": " : "", (int)text.len,
                (const char *)text.ptr, issue->id);
    }
    if (dtdl_issue_count(model->model) > shown)
        fprintf(out, "%zu more errors are not shown\n", dtdl_issue_count(model->model) - shown);
    for (size_t i = 0; dtdl_missing(model->model, i).len > 0; i++) {
        const spoke_str id = dtdl_missing(model->model, i);
        fprintf(
            out,
            "%s: error: %.*s is referred to, and is in none of the files; add its file, or --models with the folder "
            "that has it [unresolved]\n",
            tool_file_name(model->files->path), (int)id.len, id.ptr);
    }
}

int tool_load_valid(struct tool_model *model, const char *const *paths, size_t count)
{
    const int code = tool_load(model, paths, count);
    if (code != TOOL_OK)
        return code;
    if (model->status == SPOKE_OK)
        return TOOL_OK;
    tool_print_issues(model, stderr);
    return TOOL_INVALID;
}

/* --- interfaces --- */

static bool refers_to(const struct dtdl_element *from, const struct dtdl_element *to)
{
    const struct dtdl_link *link = dtdl_first(from, DTDL_EXTENDS);
    for (; link != NULL; link = dtdl_next(link)) {
        if (link->to == to)
            return true;
    }
    for (link = dtdl_first(from, DTDL_CONTENTS); link != NULL; link = dtdl_next(link)) {
        if (link->to->kind == DTDL_COMPONENT && dtdl_target(link->to, DTDL_SCHEMA) == to)
            return true;
    }
    return false;
}

static bool is_used(const struct tool_model *model, const struct dtdl_element *interface)
{
    const struct dtdl_element *other;
    for (size_t i = 0; (other = dtdl_interface_at(model->model, i)) != NULL; i++) {
        if (refers_to(other, interface))
            return true;
    }
    return false;
}

const struct dtdl_element *tool_pick_interface(const struct tool_model *model, const char *dtmi)
{
    const struct dtdl_element *interface;
    if (dtmi != NULL) {
        interface = dtdl_by_id(model->model, spoke_str_of(dtmi));
        if (interface != NULL && interface->kind == DTDL_INTERFACE)
            return interface;
        fprintf(stderr, "%s: there is no interface %s in what was read\n", tool_program, dtmi);
        return NULL;
    }
    for (size_t i = 0; (interface = dtdl_interface_at(model->model, i)) != NULL; i++) {
        if (!is_used(model, interface))
            return interface;
    }
    interface = dtdl_interface_at(model->model, 0);
    if (interface == NULL)
        fprintf(stderr, "%s: there is no interface in what was read\n", tool_program);
    return interface;
}
