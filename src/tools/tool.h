/* What the commands of spoke-model and spoke share. */
#ifndef SPOKE_SRC_TOOLS_TOOL_H
#define SPOKE_SRC_TOOLS_TOOL_H

#include <stdio.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"
#include "tools/text.h"

/* The program's name, for what is said on stderr; each program has its own. */
extern const char tool_program[];

/* Exit codes of every command. */
enum { TOOL_OK = 0, TOOL_INVALID = 1, TOOL_TROUBLE = 2 };

struct tool_command {
    const char *name;
    int (*run)(int argc, char **argv); /* with the arguments from its own name on; the exit code */
};

/* What a program of commands does: its help, its version, or the command that is asked for. */
int tool_main(int argc, char **argv, const char *help, const struct tool_command *commands, size_t count);

int tool_check(int argc, char **argv);
int tool_show(int argc, char **argv);
int tool_gen(int argc, char **argv);
int tool_diff(int argc, char **argv);
int tool_sample(int argc, char **argv);
int tool_conformance(int argc, char **argv);

/* --- options --- */

/* One option of a command. */
struct tool_option {
    const char *name; /* "--out" */
    bool value;       /* takes one */
    void *to;         /* const char ** with a value, bool * without; NULL with handle */
    bool (*handle)(void *ctx, const char *value); /* false: the value is not one; for what is not just kept */
    void *ctx;
};

struct tool_arguments {
    const char *help;
    bool load_help; /* the options of loading belong to it */
    const struct tool_option *options;
    size_t option_count;
    const char **paths; /* what is no option; freed by tool_arguments_free */
    size_t path_count;
};

/* -1: go on. Else the exit code: the help was asked for, or something was wrong and has been said. */
int tool_parse(int argc, char **argv, struct tool_arguments *arguments);
void tool_arguments_free(struct tool_arguments *arguments);
/* Says what is wrong on stderr, with the way to the help. TOOL_TROUBLE. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int tool_usage(const char *command, const char *format, ...);

/* --- loading --- */

#define TOOL_MAX_BYTES (64u * 1024u * 1024u) /* of all texts */
#define TOOL_MAX_ROOTS 16u

enum tool_profile { TOOL_PROFILE_DETECT, TOOL_PROFILE_STRICT, TOOL_PROFILE_CENTRAL };

struct tool_model {
    /* set before loading */
    enum tool_profile profile;
    enum dtdl_undefined undefined;
    unsigned max_version;
    const char *roots[TOOL_MAX_ROOTS]; /* folders to resolve ids in */
    size_t root_count;
    /* after it */
    struct heap_arena heap;
    struct dtdl_model *model;
    spoke_status status; /* of dtdl_finish */
    /* private */
    struct tool_file *files, **files_end;
    size_t bytes;
    bool list_only;
};

struct tool_file {
    struct tool_file *next;
    const char *path;
    spoke_str text;
};

/* Options that every command that loads has: profile, undefined extensions, max version, models. */
#define TOOL_LOAD_OPTION_COUNT 4u
void tool_load_options(struct tool_model *model, struct tool_option *options);

void tool_model_init(struct tool_model *model);
void tool_model_take_options(struct tool_model *model, const struct tool_model *from);
/* Only names what would be read: model->files without their text. */
int tool_list_files(struct tool_model *model, const char *const *paths, size_t count);
/* Reads files, folders and "-", as one model. TOOL_OK: loaded, whether valid or not (model->status); TOOL_TROUBLE:
 * something could not be read, which has been said. */
int tool_load(struct tool_model *model, const char *const *paths, size_t count);
/* The same, and says on stderr what is wrong with the model. TOOL_INVALID: not valid, or incomplete. */
int tool_load_valid(struct tool_model *model, const char *const *paths, size_t count);
void tool_model_free(struct tool_model *model);
/* The interface of that id; NULL as id: the one that no other refers to, else the first. NULL: none, said. */
const struct dtdl_element *tool_pick_interface(const struct tool_model *model, const char *dtmi);

/* "file:line:col: error: ..." lines for all issues and missing ids. */
void tool_print_issues(const struct tool_model *model, FILE *out);
const char *tool_file_name(const char *path); /* "standard input" for "-" */

/* An interface that needs no file: the ones every repository has. Empty: not one of them. */
spoke_str tool_well_known(spoke_str dtmi);

#endif
