/* spoke-central, the program. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "backup.h"
#include "central/shell/shell.h"
#include "cli.h"
#include "new_token.h"
#include "preload.h"

/* A usual soft limit of 1024 descriptors would hold fewer devices than the service takes. What the hard limit does
 * not allow, the start finds out. */
static void allow_many_connections(uint32_t devices)
{
    enum { OTHERS = 1024 }; /* HTTP takes two each */
    const rlim_t wanted = (devices != 0 ? devices : SHELL_USUAL_MQTT) + (rlim_t)OTHERS;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The service has its own thread, so that this one can wait for signals without a handler. */
static void wait_for_end(const sigset_t *ends)
{
    int number = 0;
    while (sigwait(ends, &number) != 0)
        ;
    /* A second one, while the service closes, does what signals do: ends the process at once. */
    (void)pthread_sigmask(SIG_UNBLOCK, ends, NULL);
}

static int back_up(const struct cli *cli)
{
    char why[512] = "";
    const spoke_status status = backup_make(cli->config.data_dir, cli->backup, stderr, why, sizeof why);
    if (status != SPOKE_OK)
        (void)fprintf(stderr, "spoke-central: %s\n", why[0] != '\0' ? why : spoke_status_text(status));
    else
        (void)printf("copied; it can be started with --data-dir %s\n", cli->backup);
    return status == SPOKE_OK ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}

/* The token alone on standard output, so that a script can take it. */
static int make_token(const struct cli *cli)
{
    char why[512] = "", *token = NULL;
    const spoke_status status = new_token_make(cli->config.data_dir, cli->new_token, &token, why, sizeof why);
    if (status != SPOKE_OK) {
        (void)fprintf(stderr, "spoke-central: %s\n", why);
        return status == SPOKE_E_ARG ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
    }
    (void)printf("%s\n", token);
    spoke_wipe(token, strlen(token));
    free(token);
    return CLI_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct cli cli;
    int code = CLI_EXIT_OK;
    char why[PRELOAD_WHY_CAP];
    sigset_t ends;
    if (!cli_parse(argc, argv, &cli, &code, stdout, stderr))
        return code;
    if (cli.backup != NULL)
        return back_up(&cli);
    if (cli.new_token != NULL)
        return make_token(&cli);
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    allow_many_connections(cli.config.max_connections);
    cli.config.threaded = true;
    if (cli.config.relaxed_durability && cli.print_env) /* the banner, which says so too, is left out */
        (void)fprintf(stderr, "spoke-central: durability is relaxed\n");
    spoke_central *central = NULL;
    spoke_status status = spoke_central_start(&cli.config, &central, why, sizeof why);
    if (status == SPOKE_OK && cli.templates != NULL)
        status = preload_templates(central, cli.templates, why, sizeof why);
    if (status != SPOKE_OK) {
        (void)fprintf(stderr, "spoke-central: %s\n", why);
        spoke_central_stop(central);
        return status == SPOKE_E_ARG ? CLI_EXIT_USAGE : CLI_EXIT_FAILED;
    }
    if (cli.print_env)
        cli_print_env(spoke_central_env_of(central), stdout);
    else
        cli_print_banner(&cli, spoke_central_env_of(central), stdout);
    wait_for_end(&ends);
    spoke_central_stop(central);
    return CLI_EXIT_OK;
}
