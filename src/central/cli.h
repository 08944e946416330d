/* The command line of spoke-central. */
#ifndef SPOKE_SRC_CENTRAL_CLI_H
#define SPOKE_SRC_CENTRAL_CLI_H

#include <stdio.h>

#include <spoke/central/central.h>

enum { CLI_EXIT_OK = 0, CLI_EXIT_FAILED = 1, CLI_EXIT_USAGE = 2 };

struct cli {
    spoke_central_config config; /* its texts are those of argv */
    const char *templates;       /* file or folder; NULL: none */
    const char *backup;          /* a folder to make, instead of a start; NULL: none */
    const char *new_token;       /* the name of an API token to make, instead of a start; NULL: none */
    bool print_env, show_secrets;
    char plain_mqtt_address[64]; /* config's points here */
};

/* True: start. False: exit with *code; help and version went to `out`, complaints to `err`. */
bool cli_parse(int argc, char *const *argv, struct cli *cli, int *code, FILE *out, FILE *err);

/* NAME=value lines, the contract with scripts. Values are not quoted: read lines, do not let a shell evaluate. */
void cli_print_env(const spoke_central_env *env, FILE *out);
/* For people. Secrets only when asked for. */
void cli_print_banner(const struct cli *cli, const spoke_central_env *env, FILE *out);

#endif
