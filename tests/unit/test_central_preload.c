/* Templates from files at the start. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "central/preload.h"
#include "support/support.h"

#define CONTEXT "\"@context\":\"dtmi:dtdl:context;2\",\"@type\":\"Interface\""

struct stage {
    char folder[64];
    spoke_central *central;
    char why[PRELOAD_WHY_CAP];
    char answer[8192];
};

static void silent(void *user, spoke_log_level level, const char *module, const char *line)
{
    (void)user;
    (void)level;
    (void)module;
    (void)line;
}

static int set_up(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    const spoke_central_config config = SPOKE_CENTRAL_CONFIG(.no_listen = true, .ephemeral = true, .log = silent);
    snprintf(s->folder, sizeof s->folder, "/tmp/spoke-templates-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    assert_ok(spoke_central_start(&config, &s->central, s->why, sizeof s->why));
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    spoke_central_stop(s->central);
    (void)nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return 0;
}

static void write_file(const struct stage *s, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    for (char *slash = path + strlen(s->folder) + 1; (slash = strchr(slash, '/')) != NULL; *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int get(struct stage *s, const char *id)
{
    char path[200];
    int status = 0;
    spoke_buf out = spoke_buf_from(s->answer, sizeof s->answer - 1);
    snprintf(path, sizeof path, "/api/deviceTemplates/%s", id);
    assert_ok(spoke_central_request_wait(s->central, "GET", path, SPOKE_STR(""), 1000, &status, &out));
    s->answer[out.len] = '\0';
    return status;
}

static void assert_loaded(struct stage *s, const char *path)
{
    if (preload_templates(s->central, path, s->why, sizeof s->why) != SPOKE_OK)
        fail_msg("%s", s->why);
}

static void assert_not_loaded(struct stage *s, const char *path, spoke_status status, const char *words)
{
    assert_int_equal(preload_templates(s->central, path, s->why, sizeof s->why), status);
    if (strstr(s->why, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", s->why, words);
}

static void a_file_becomes_a_template(void **state)
{
    struct stage *s = *state;
    char path[200];
    write_file(s, "pump.json", "{" CONTEXT ",\"@id\":\"dtmi:acme:pump;1\",\"contents\":[]}");
    snprintf(path, sizeof path, "%s/pump.json", s->folder);
    assert_loaded(s, path);
    assert_int_equal(get(s, "dtmi:acme:pump:template;1"), 200);
    assert_loaded(s, path); /* at the next start */
}

static void a_folder_in_the_public_repository_s_layout_is_joined(void **state)
{
    struct stage *s = *state;
    write_file(s, "dtmi/acme/pump-1.json",
               "{" CONTEXT ",\"@id\":\"dtmi:acme:pump;1\",\"contents\":["
               "{\"@type\":\"Component\",\"name\":\"a\",\"schema\":\"dtmi:acme:part;1\"},"
               "{\"@type\":\"Component\",\"name\":\"b\",\"schema\":\"dtmi:acme:part;1\"}]}");
    write_file(s, "dtmi/acme/part-1.json",
               "{" CONTEXT ",\"@id\":\"dtmi:acme:part;1\",\"extends\":\"dtmi:acme:base;1\",\"contents\":[]}");
    write_file(s, "dtmi/acme/base-1.json",
               "{" CONTEXT ",\"@id\":\"dtmi:acme:base;1\",\"contents\":["
               "{\"@type\":\"Telemetry\",\"name\":\"deep\",\"schema\":\"double\"}]}");
    write_file(s, "dtmi/acme/pump-1.expanded.json", "not looked at");
    write_file(s, "README.md", "not looked at");
    assert_loaded(s, s->folder);
    assert_int_equal(get(s, "dtmi:acme:pump:template;1"), 200);
    assert_non_null(strstr(s->answer, "deep"));
    assert_int_equal(get(s, "dtmi:acme:part:template;1"), 200);
}

static void a_template_and_an_array_keep_their_form(void **state)
{
    struct stage *s = *state;
    write_file(s, "a.json",
               "{\"@id\":\"dtmi:t:x;1\",\"@type\":[\"ModelDefinition\",\"DeviceModel\"],"
               "\"@context\":[\"dtmi:iotcentral:context;2\",\"dtmi:dtdl:context;2\"],"
               "\"capabilityModel\":{\"@id\":\"dtmi:m:x;1\",\"@type\":\"Interface\",\"contents\":[]}}");
    write_file(s, "b.json",
               "[{" CONTEXT ",\"@id\":\"dtmi:acme:base;1\",\"contents\":[]},"
               "{" CONTEXT ",\"@id\":\"dtmi:acme:pump;1\",\"extends\":\"dtmi:acme:base;1\",\"contents\":[]}]");
    assert_loaded(s, s->folder);
    assert_int_equal(get(s, "dtmi:t:x;1"), 200);
    assert_int_equal(get(s, "dtmi:acme:pump:template;1"), 200);
}

static void what_cannot_be_loaded_is_named(void **state)
{
    struct stage *s = *state;
    char path[200];
    assert_not_loaded(s, "/nowhere/at/all", SPOKE_E_ARG, "/nowhere/at/all");
    assert_not_loaded(s, s->folder, SPOKE_E_ARG, "no .json file");
    write_file(s, "broken.json", "{\n  \"@id\": x}");
    snprintf(path, sizeof path, "%s/broken.json is not JSON; line 2, column 10", s->folder);
    assert_not_loaded(s, s->folder, SPOKE_E_MODEL, path);
    write_file(s, "broken.json", "{\"@type\":\"Interface\"}");
    assert_not_loaded(s, s->folder, SPOKE_E_MODEL, "broken.json names no interface");
    write_file(s, "broken.json",
               "{" CONTEXT ",\"@id\":\"dtmi:a:b;1\",\"contents\":[\n"
               "{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":\"dubble\"}]}");
    assert_not_loaded(s, s->folder, SPOKE_E_MODEL, "broken.json is refused. The template breaks 1 rule.\nLine 2,");
}

static void a_file_beyond_a_megabyte_is_refused(void **state)
{
    struct stage *s = *state;
    char *text = malloc(1024 * 1024 + 2);
    memset(text, ' ', 1024 * 1024 + 1);
    text[1024 * 1024 + 1] = '\0';
    write_file(s, "big.json", text);
    free(text);
    assert_not_loaded(s, s->folder, SPOKE_E_MODEL, "larger than");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_becomes_a_template),
        TEST(a_folder_in_the_public_repository_s_layout_is_joined),
        TEST(a_template_and_an_array_keep_their_form),
        TEST(what_cannot_be_loaded_is_named),
        TEST(a_file_beyond_a_megabyte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
