/* Bodies of device templates: read as a tree, joined into one template, judged, compiled, and used. Whatever comes:
 * what was read prints as text that reads the same, a template that was made has its id, and one that was judged
 * well compiles unless its model is no interface. */
#include <stdlib.h>
#include <string.h>

#include "central/core/json_tree.h"
#include "central/core/template.h"
#include "central/core/template_doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 65536 };

#define ID "dtmi:fuzz:template;1"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static char *print_twice(const cJSON *tree)
{
    cJSON *again = NULL;
    char *text = cJSON_PrintUnformatted(tree);
    require(text != NULL && json_tree_read(spoke_str_of(text), &again, NULL) == SPOKE_OK);
    char *second = cJSON_PrintUnformatted(again);
    require(second != NULL && strcmp(text, second) == 0);
    cJSON_free(second);
    cJSON_Delete(again);
    return text;
}

static void use(const struct template_table *t)
{
    char why[TEMPLATE_WHY_CAP];
    const char *name = template_component(t, 0);
    const spoke_str component = spoke_str_of(name), value = SPOKE_STR("{\"value\":1.5,\"ac\":1,\"av\":1}");
    (void)template_telemetry(t, component, SPOKE_STR("a"), value, why);
    (void)template_reported(t, component, SPOKE_STR("a"), value, why);
    (void)template_desired(t, component, SPOKE_STR("a"), value, why);
    (void)template_request(t, component, SPOKE_STR("a"), value, why);
}

static void check_form(cJSON *tree)
{
    struct template_report report;
    struct template_table *t = NULL;
    require(strcmp(cJSON_GetObjectItemCaseSensitive(tree, "@id")->valuestring, ID) == 0);
    char *text = print_twice(tree);
    const spoke_status judged = template_judge(spoke_str_of(text), &report);
    const spoke_status compiled = template_compile(spoke_str_of(text), template_doc_model_id(tree), &t);
    require(judged == SPOKE_OK || compiled != SPOKE_OK);
    require(judged != SPOKE_E_MODEL || (report.text != NULL && report.text[0] != '\0'));
    if (t != NULL)
        use(t);
    template_free(t);
    template_report_free(&report);
    cJSON_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[300], own[TEMPLATE_ID_CAP];
    struct template_report report;
    cJSON *tree = NULL;
    if (size > MAX_INPUT)
        return 0;
    const spoke_str text = spoke_str_from((const char *)data, size);
    const spoke_status read = json_tree_read(text, &tree, NULL);
    const spoke_status judged = template_judge(text, &report);
    require(read != SPOKE_E_JSON || judged != SPOKE_OK || memmem(data, size, "\\u0000", 6) != NULL);
    template_report_free(&report);
    if (read != SPOKE_OK)
        return 0;
    cJSON_free(print_twice(tree));
    require(!template_doc_own_id(tree, own) || template_id_good(own));
    if (template_doc_make(&tree, ID, why, sizeof why) == SPOKE_OK)
        check_form(tree);
    cJSON_Delete(tree);
    return 0;
}
