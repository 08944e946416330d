#include "preload.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "central/core/json_tree.h"
#include "central/core/template_doc.h"

#define MAX_FILES 1000u /* as many as there can be templates */
#define MAX_ALL_BYTES (64u * 1024u * 1024u)
#define MAX_FILE_BYTES (1024u * 1024u) /* of a body, too */
#define REQUEST_LIMIT_MS 60000u
#define ANSWER_CAP (1024u * 1024u)

struct file {
    char *path, *text;
    size_t len;
    cJSON *tree;
    size_t round; /* of the last template that it was added to */
};

struct preload {
    spoke_central *central;
    struct file *files;
    size_t count, cap, bytes;
    char *why;
    size_t why_cap;
};

/* --- reading --- */

static spoke_status read_text(struct preload *p, struct file *file)
{
    FILE *stream = fopen(file->path, "rbe");
    if (stream == NULL) {
        (void)snprintf(p->why, p->why_cap, "the template %s cannot be read: %s", file->path, strerror(errno));
        return SPOKE_E_ARG;
    }
    file->text = malloc(MAX_FILE_BYTES + 1);
    file->len = file->text != NULL ? fread(file->text, 1, MAX_FILE_BYTES + 1, stream) : 0;
    (void)fclose(stream);
    if (file->text == NULL)
        return SPOKE_E_NO_MEMORY;
    if (file->len > MAX_FILE_BYTES) {
        (void)snprintf(p->why, p->why_cap, "the template %s is larger than %u bytes", file->path, MAX_FILE_BYTES);
        return SPOKE_E_MODEL;
    }
    char *fitting = realloc(file->text, file->len + 1);
    if (fitting != NULL)
        file->text = fitting;
    p->bytes += file->len;
    if (p->bytes <= MAX_ALL_BYTES)
        return SPOKE_OK;
    (void)snprintf(p->why, p->why_cap, "the templates up to %s are larger than %u bytes together", file->path,
                   MAX_ALL_BYTES);
    return SPOKE_E_ARG;
}

/* Where a byte stands, from 1. */
static void place(const char *text, size_t at, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (size_t i = 0; i < at; i++) {
        *column = text[i] == '\n' ? 1 : *column + 1;
        *line += text[i] == '\n';
    }
}

static spoke_status read_file(struct preload *p, struct file *file)
{
    size_t at = 0, line, column;
    spoke_status status = read_text(p, file);
    if (status != SPOKE_OK)
        return status;
    status = json_tree_read(spoke_str_from(file->text, file->len), &file->tree, &at);
    if (status != SPOKE_E_JSON && status != SPOKE_E_TOO_LARGE)
        return status;
    place(file->text, at < file->len ? at : file->len, &line, &column);
    (void)snprintf(p->why, p->why_cap, "the template %s is %s; line %zu, column %zu", file->path,
                   status == SPOKE_E_JSON ? "not JSON" : "nested too deeply", line, column);
    return SPOKE_E_MODEL;
}

static spoke_status add_file(struct preload *p, const char *path)
{
    if (p->count == MAX_FILES) {
        (void)snprintf(p->why, p->why_cap, "there are more than %u templates to load", MAX_FILES);
        return SPOKE_E_ARG;
    }
    if (p->count == p->cap) {
        const size_t cap = p->cap > 0 ? 2 * p->cap : 64;
        struct file *files = realloc(p->files, cap * sizeof *files);
        if (files == NULL)
            return SPOKE_E_NO_MEMORY;
        p->files = files;
        p->cap = cap;
    }
    struct file *file = &p->files[p->count];
    *file = (struct file){.path = strdup(path), .round = SIZE_MAX};
    if (file->path == NULL)
        return SPOKE_E_NO_MEMORY;
    p->count++;
    return read_file(p, file);
}

static bool is_wanted(const FTSENT *entry)
{
    static const char END[] = ".json", EXPANDED[] = ".expanded.json"; /* the closure of another file */
    const size_t len = entry->fts_namelen;
    if (entry->fts_level == FTS_ROOTLEVEL)
        return true;
    return len >= sizeof END && strcmp(entry->fts_name + len - (sizeof END - 1), END) == 0 &&
           (len < sizeof EXPANDED || strcmp(entry->fts_name + len - (sizeof EXPANDED - 1), EXPANDED) != 0);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static spoke_status read_all(struct preload *p, const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    const FTSENT *entry;
    spoke_status status = walk != NULL ? SPOKE_OK : SPOKE_E_NO_MEMORY;
    while (status == SPOKE_OK && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_F && is_wanted(entry)) {
            status = add_file(p, entry->fts_path);
        } else if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
            (void)snprintf(p->why, p->why_cap, "the templates in %s cannot be read: %s", entry->fts_path,
                           strerror(entry->fts_errno));
            status = SPOKE_E_ARG;
        }
    }
    if (walk != NULL)
        (void)fts_close(walk);
    if (status != SPOKE_OK || p->count > 0)
        return status;
    (void)snprintf(p->why, p->why_cap, "there is no .json file in %s", path);
    return SPOKE_E_ARG;
}

/* --- what a file refers to, from the other files --- */

static bool is_plain(const cJSON *tree)
{
    return cJSON_IsObject(tree) && cJSON_GetObjectItemCaseSensitive(tree, "capabilityModel") == NULL;
}

static struct file *file_of(const struct preload *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++) {
        const cJSON *tree = p->files[i].tree;
        const char *own = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "@id"));
        if (own != NULL && is_plain(tree) && strcmp(own, id) == 0)
            return &p->files[i];
    }
    return NULL;
}

/* The file and, behind it, all that it refers to, each once: numbers into p->files. */
static size_t closure(const struct preload *p, size_t first, size_t out[MAX_FILES])
{
    size_t count = 1;
    out[0] = first;
    p->files[first].round = first;
    for (size_t i = 0; i < count; i++) {
        struct json_tree_walk walk;
        const cJSON *item;
        json_tree_begin(&walk, p->files[out[i]].tree);
        while ((item = template_doc_next_reference(&walk)) != NULL) {
            struct file *other = file_of(p, item->valuestring);
            if (other == NULL || other->round == first)
                continue;
            other->round = first;
            out[count++] = (size_t)(other - p->files);
        }
    }
    return count;
}

/* The text to put: the file's own, or an array that begins with it, so that lines are those of the file. */
static char *body_of(const struct preload *p, size_t first)
{
    size_t order[MAX_FILES], len = 0;
    char *text = NULL;
    const size_t count = is_plain(p->files[first].tree) ? closure(p, first, order) : 1;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    order[0] = first;
    for (size_t i = 0; i < count; i++) {
        const struct file *file = &p->files[order[i]];
        (void)fputs(count == 1 ? "" : i == 0 ? "[" : ",", out);
        (void)fwrite(file->text, 1, file->len, out);
    }
    (void)fputs(count > 1 ? "]" : "", out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* --- putting --- */

static void explain(struct preload *p, const char *path, int http_status, const char *answer)
{
    cJSON *tree = cJSON_Parse(answer);
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    if (message != NULL)
        (void)snprintf(p->why, p->why_cap, "the template %s is refused. %s", path, message);
    else
        (void)snprintf(p->why, p->why_cap, "the template %s is refused (%d)", path, http_status);
    cJSON_Delete(tree);
}

static spoke_status put(struct preload *p, const char *path, const char *id, const char *body)
{
    char *target = NULL, *answer = malloc(ANSWER_CAP + 1);
    spoke_buf out = spoke_buf_from(answer, ANSWER_CAP);
    int http_status = 0;
    spoke_status status = SPOKE_E_NO_MEMORY;
    if (asprintf(&target, "/api/deviceTemplates/%s", id) < 0)
        target = NULL;
    if (target != NULL && answer != NULL)
        status = spoke_central_request_wait(p->central, "PUT", target, spoke_str_of(body), REQUEST_LIMIT_MS,
                                            &http_status, &out);
    if (status == SPOKE_E_TOO_SMALL) /* a large template comes back; its status is what counts */
        status = SPOKE_OK;
    if (status == SPOKE_OK && http_status != 200) {
        answer[out.len] = '\0';
        explain(p, path, http_status, answer);
        status = SPOKE_E_MODEL;
    }
    free(target);
    free(answer);
    return status;
}

static spoke_status put_file(struct preload *p, size_t i)
{
    char id[TEMPLATE_ID_CAP];
    const struct file *file = &p->files[i];
    if (!template_doc_own_id(file->tree, id)) {
        (void)snprintf(p->why, p->why_cap, "the template %s names no interface: its \"@id\" has to be a DTMI",
                       file->path);
        return SPOKE_E_MODEL;
    }
    char *body = body_of(p, i);
    const spoke_status status = body != NULL ? put(p, file->path, id, body) : SPOKE_E_NO_MEMORY;
    free(body);
    return status;
}

spoke_status preload_templates(spoke_central *central, const char *path, char *why, size_t why_cap)
{
    struct preload p = {.central = central, .why = why, .why_cap = why_cap};
    why[0] = '\0';
    spoke_status status = read_all(&p, path);
    for (size_t i = 0; i < p.count && status == SPOKE_OK; i++)
        status = put_file(&p, i);
    if (status != SPOKE_OK && why[0] == '\0')
        (void)snprintf(why, why_cap, "the templates in %s are not loaded: %s", path, spoke_status_text(status));
    for (size_t i = 0; i < p.count; i++) {
        free(p.files[i].path);
        free(p.files[i].text);
        cJSON_Delete(p.files[i].tree);
    }
    free(p.files);
    return status;
}
