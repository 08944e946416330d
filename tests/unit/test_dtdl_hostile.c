/* Templates made to hurt: every one gets its verdict in little time, memory and stack. The size of the texts is
 * 256 KiB unless the environment says SPOKE_HOSTILE_BYTES; with it, what each costs is printed:
 *
 *     SPOKE_HOSTILE_BYTES=67000000 tests/test_dtdl_hostile */
#include "support/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/dtdl_fixture.h"

#define DEFAULT_BYTES (256u * 1024u)
#define STACK_BYTES (512u * 1024u)
#define STACK_PATTERN 0xA5
/* Bounds that a good build keeps by far, and a quadratic step breaks by far. */
#define MOST_SECONDS 20.0
#define MOST_HEAP_RATIO 18u
#define MOST_STACK_BYTES (24u * 1024u)

struct text {
    char *bytes;
    size_t length, room;
    size_t wanted;
};

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text->bytes + text->length, text->room - text->length, format, args);
    va_end(args);
    assert_true(n >= 0 && text->length + (size_t)n < text->room);
    text->length += (size_t)n;
}

/* Between the elements of an array. */
static void comma(struct text *text)
{
    if (text->bytes[text->length - 1] != '[')
        put(text, ",");
}

static bool more(const struct text *text)
{
    return text->length < text->wanted;
}

#define HEAD "{\"@context\":\"dtmi:dtdl:context;%d\",\"@id\":\"dtmi:x:a%u;1\",\"@type\":\"Interface\""

/* --- texts --- */

static void repeat(struct text *text, const char *before, const char *again, const char *after)
{
    put(text, "%s", before);
    while (more(text))
        put(text, "%s", again);
    put(text, "%s", after);
}

static void brackets(struct text *text)
{
    repeat(text, "", "[", "");
}

static void objects_in_objects(struct text *text)
{
    repeat(text, "", "{\"a\":", "");
}

static void commas(struct text *text)
{
    repeat(text, "[", ",", "]");
}

static void commas_in_a_string(struct text *text)
{
    repeat(text, "[\"", ",[{", "\"]");
}

static void numbers(struct text *text)
{
    repeat(text, "[1", ",1", "]");
}

static void empty_roots(struct text *text)
{
    repeat(text, "[{}", ",{}", "]");
}

static void empty_contents(struct text *text)
{
    put(text, HEAD ",\"contents\":[{}", 3, 1u);
    repeat(text, "", ",{}", "]}");
}

static void contexts(struct text *text)
{
    repeat(text, "{\"@context\":[\"dtmi:dtdl:context;3\"", ",\"dtmi:dtdl:context;3\"",
           "],\"@id\":\"dtmi:x:a;1\",\"@type\":\"Interface\"}");
}

static void types(struct text *text)
{
    put(text, "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:a;1\",\"@type\":[\"Interface\"");
    repeat(text, "", ",\"Odd\"", "]}");
}

static void unknown_names(struct text *text)
{
    put(text, HEAD, 3, 1u);
    for (unsigned i = 0; more(text); i++)
        put(text, ",\"n%u\":0", i);
    put(text, "}");
}

static void one_unknown_name(struct text *text)
{
    put(text, HEAD, 3, 1u);
    repeat(text, "", ",\"n\":0", "}");
}

static void borne_names(struct text *text)
{
    put(text, "{\"@context\":\"dtmi:dtdl:context;2\",\"@id\":\"dtmi:x:a;1\",\"@type\":[\"Interface\",\"Odd\"]");
    for (unsigned i = 0; more(text); i++)
        put(text, ",\"n%u\":0", i);
    put(text, "}");
}

static void contents(struct text *text)
{
    put(text, HEAD ",\"contents\":[", 3, 1u);
    for (unsigned i = 0; more(text); i++) {
        comma(text);
        put(text, "{\"@type\":\"Telemetry\",\"name\":\"t%u\",\"schema\":\"long\"}", i);
    }
    put(text, "]}");
}

static void same_names(struct text *text)
{
    put(text, HEAD ",\"contents\":[", 3, 1u);
    while (more(text)) {
        comma(text);
        put(text, "{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":\"long\"}");
    }
    put(text, "]}");
}

static void one_id(struct text *text)
{
    put(text, "[" HEAD "}", 3, 1u);
    while (more(text))
        put(text, "," HEAD "}", 3, 1u);
    put(text, "]");
}

static void one_missing_id(struct text *text)
{
    put(text, HEAD ",\"extends\":[\"dtmi:x:b;1\"", 3, 1u);
    repeat(text, "", ",\"dtmi:x:b;1\"", "]}");
}

static void many_missing_ids(struct text *text)
{
    put(text, HEAD ",\"extends\":[\"dtmi:x:b;1\"", 3, 1u);
    for (unsigned i = 0; more(text); i++)
        put(text, ",\"dtmi:x:b%u;1\"", i);
    put(text, "]}");
}

static void chain(struct text *text)
{
    put(text, "[" HEAD "}", 3, 0u);
    for (unsigned i = 1; more(text); i++)
        put(text, "," HEAD ",\"extends\":\"dtmi:x:a%u;1\"}", 3, i, i - 1);
    put(text, "]");
}

static void fan(struct text *text)
{
    put(text, "[" HEAD ",\"extends\":[\"dtmi:x:a1;1\"", 3, 0u);
    for (unsigned i = 2; text->length < text->wanted / 4; i++)
        put(text, ",\"dtmi:x:a%u;1\"", i);
    put(text, "]}");
    for (unsigned i = 1; more(text); i++)
        put(text, "," HEAD "}", 3, i);
    put(text, "]");
}

/* Interfaces that each extend a thousand others. */
static void thick(struct text *text)
{
    put(text, "[" HEAD "}", 3, 0u);
    for (unsigned i = 1; more(text); i++) {
        put(text, "," HEAD ",\"extends\":[\"dtmi:x:a0;1\"", 3, i);
        for (unsigned j = 1; j < i && j < 1000; j++)
            put(text, ",\"dtmi:x:a%u;1\"", j);
        put(text, "]}");
    }
    put(text, "]");
}

/* Heirs of a few interfaces that have as many contents as they may. */
static void heirs(struct text *text)
{
    put(text, "[");
    for (unsigned i = 0; i < 4; i++) {
        const size_t begin = text->length;
        comma(text);
        put(text, HEAD ",\"contents\":[{\"@type\":\"Telemetry\",\"name\":\"t%u\",\"schema\":\"long\"}", 3, i, i);
        for (unsigned j = 0; text->length - begin < 1000000 && text->length < text->wanted / 2; j++) {
            comma(text);
            put(text, "{\"@type\":\"Telemetry\",\"name\":\"t%u_%u\",\"schema\":\"long\"}", i, j);
        }
        put(text, "]}");
    }
    for (unsigned i = 4; more(text); i++) {
        comma(text);
        put(text, HEAD ",\"extends\":[\"dtmi:x:a0;1\",\"dtmi:x:a1;1\",\"dtmi:x:a2;1\",\"dtmi:x:a3;1\"]}", 3, i);
    }
    put(text, "]");
}

static void components(struct text *text)
{
    put(text, "[" HEAD "}", 3, 0u);
    for (unsigned i = 1; more(text); i++)
        put(text, "," HEAD ",\"contents\":{\"@type\":\"Component\",\"name\":\"c\",\"schema\":\"dtmi:x:a%u;1\"}}",
            3, i, i - 1);
    put(text, "]");
}

static void component_ring(struct text *text)
{
    put(text, "[" HEAD "}", 2, 0u);
    for (unsigned i = 1; more(text); i++)
        put(text,
            "," HEAD
            ",\"extends\":\"dtmi:x:a%u;1\",\"contents\":{\"@type\":\"Component\",\"name\":\"c%u\",\"schema\":"
            "\"dtmi:x:a%u;1\"}}",
            2, i, i + 1, i, i / 2);
    put(text, "]");
}

/* Each schema uses the one before twice: 2^n ways down. */
static void schema_ladder(struct text *text)
{
    put(text, HEAD ",\"schemas\":[{\"@id\":\"dtmi:x:s0;1\",\"@type\":\"Object\"}", 4, 0u);
    for (unsigned i = 1; more(text); i++)
        put(text,
            ",{\"@id\":\"dtmi:x:s%u;1\",\"@type\":\"Object\",\"fields\":[{\"name\":\"a\",\"schema\":\"dtmi:x:s%u;1\"},"
            "{\"name\":\"b\",\"schema\":\"dtmi:x:s%u;1\"}]}",
            i, i - 1, i - 1);
    put(text, "],\"contents\":{\"@type\":\"Telemetry\",\"name\":\"t\",\"schema\":\"dtmi:x:s9;1\"}}");
}

static void enum_values(struct text *text)
{
    put(text,
        HEAD ",\"contents\":{\"@type\":\"Property\",\"name\":\"p\",\"schema\":{\"@type\":\"Enum\","
             "\"valueSchema\":\"integer\",\"enumValues\":[{\"name\":\"a\",\"enumValue\":1}",
        3, 1u);
    for (unsigned i = 2; more(text); i++)
        put(text, ",{\"name\":\"a%u\",\"enumValue\":%u}", i, i);
    put(text, "]}}}");
}

static void languages(struct text *text)
{
    put(text, HEAD ",\"displayName\":[\"a\"", 3, 1u);
    for (unsigned i = 0; more(text); i++)
        put(text, ",{\"@value\":\"a\",\"@language\":\"%c%c-%c%c\"}", 'a' + i / 17576 % 26, 'a' + i / 676 % 26,
            'A' + i / 26 % 26, 'A' + i % 26);
    put(text, "]}");
}

static void error_fields(struct text *text)
{
    put(text,
        "{\"@context\":[\"dtmi:dtdl:context;3\",\"dtmi:dtdl:extension:mqtt;3\"],\"@id\":\"dtmi:x:a;1\",\"@type\":"
        "\"Interface\",\"schemas\":[{\"@id\":\"dtmi:x:e;1\",\"@type\":[\"Object\",\"Error\"],\"fields\":[");
    for (unsigned i = 0; text->length < text->wanted / 2; i++) {
        comma(text);
        put(text, "{\"name\":\"a%u\",\"schema\":\"long\"}", i);
    }
    for (unsigned i = 0; more(text); i++) {
        comma(text);
        put(text, "{\"@type\":[\"Field\",\"ErrorMessage\"],\"name\":\"e%u\",\"schema\":\"string\"}", i);
    }
    put(text, "]}]}");
}

static void overrides(struct text *text)
{
    put(text,
        "{\"@context\":[\"dtmi:dtdl:context;3\",\"dtmi:dtdl:extension:annotation;1\","
        "\"dtmi:dtdl:extension:overriding;1\",\"dtmi:dtdl:extension:quantitativeTypes;1\"],\"@id\":\"dtmi:x:a;1\","
        "\"@type\":\"Interface\",\"contents\":[");
    for (unsigned i = 0; more(text); i++) {
        comma(text);
        put(text,
            "{\"@type\":[\"Telemetry\",\"Length\"],\"name\":\"t%u\",\"schema\":\"long\",\"unit\":\"metre\"},"
            "{\"@type\":[\"Property\",\"ValueAnnotation\",\"Override\"],\"name\":\"o%u\",\"annotates\":\"\\u0074%u\","
            "\"overrides\":\"unit\",\"schema\":\"LengthUnit\"}",
            i, i, i);
    }
    put(text, "]}");
}

/* Names whose hashes all end alike: FNV-1a can be steered by anybody. */
static void colliding_names(struct text *text)
{
    unsigned kept = 0;
    put(text, HEAD, 3, 1u);
    for (unsigned i = 0; more(text) && kept < 4000; i++) {
        char name[16];
        uint64_t h = 14695981039346656037u;
        const int n = snprintf(name, sizeof name, "n%u", i);
        for (int k = 0; k < n; k++)
            h = (h ^ (uint8_t)name[k]) * 1099511628211u;
        if (((h ^ h >> 29) & 0xFFF) != 0)
            continue;
        kept++;
        put(text, ",\"%s\":0", name);
    }
    put(text, "}");
}

static void faults_at_the_end(struct text *text)
{
    put(text, "[" HEAD "}", 3, 0u);
    for (unsigned i = 1; more(text); i++)
        put(text, "," HEAD "}", 3, i);
    for (unsigned i = 0; i < 1000; i++)
        put(text, ",%u", i);
    put(text, "]");
}

static void escapes(struct text *text)
{
    put(text, HEAD ",\"displayName\":\"", 2, 1u);
    repeat(text, "", "\\ud83d\\ude00", "\"}");
}

static void long_name(struct text *text)
{
    put(text, HEAD ",\"", 2, 1u);
    repeat(text, "", "a", "\":0}");
}

static const struct {
    const char *name;
    void (*make)(struct text *text);
    spoke_status status;
    const char *issue; /* that is among those reported; NULL: any */
    size_t most_bytes; /* 0: any size */
} cases[] = {
    {"brackets", brackets, SPOKE_E_MODEL, "invalidJson", 0},
    {"objects in objects", objects_in_objects, SPOKE_E_MODEL, "invalidJson", 0},
    {"commas", commas, SPOKE_E_MODEL, "invalidJson", 0},
    {"commas in a string", commas_in_a_string, SPOKE_E_MODEL, "notJsonObject", 0},
    {"numbers", numbers, SPOKE_E_MODEL, "notJsonObject", 0},
    {"empty roots", empty_roots, SPOKE_E_MODEL, "missingContext", 0},
    {"empty contents", empty_contents, SPOKE_E_MODEL, "badType", 0},
    {"contexts", contexts, SPOKE_OK, NULL, 0},
    {"types", types, SPOKE_OK, NULL, 0},
    {"unknown names", unknown_names, SPOKE_E_MODEL, "propertyUndefinedTerm", 0},
    {"one unknown name", one_unknown_name, SPOKE_E_MODEL, "duplicatePropertyName", 0},
    {"unknown names that are borne", borne_names, SPOKE_OK, NULL, 0},
    {"contents", contents, SPOKE_OK, NULL, 1000000},
    {"same names", same_names, SPOKE_E_MODEL, "nonUniquePropertyValue", 0},
    {"one id", one_id, SPOKE_E_MODEL, "duplicateDefinition", 0},
    {"one missing id", one_missing_id, SPOKE_E_NOT_FOUND, NULL, 0},
    {"many missing ids", many_missing_ids, SPOKE_E_NOT_FOUND, NULL, 0},
    {"chain", chain, SPOKE_E_MODEL, "excessiveDepthNarrow", 0},
    {"fan", fan, SPOKE_E_MODEL, NULL, 0},
    {"thick", thick, SPOKE_E_MODEL, "excessiveDepthNarrow", 0},
    {"heirs", heirs, SPOKE_OK, NULL, 0},
    {"components", components, SPOKE_E_MODEL, "excludedType", 0},
    {"ring", component_ring, SPOKE_E_MODEL, NULL, 0},
    {"schema ladder", schema_ladder, SPOKE_E_MODEL, "excessiveDepthWide", 0},
    {"enum values", enum_values, SPOKE_OK, NULL, 1000000},
    {"languages", languages, SPOKE_OK, NULL, 16000000},
    {"error fields", error_fields, SPOKE_E_MODEL, "siblingDuplicatesCotype", 0},
    {"overrides", overrides, SPOKE_OK, NULL, 0},
    {"colliding names", colliding_names, SPOKE_E_MODEL, "propertyUndefinedTerm", 0},
    {"faults at the end", faults_at_the_end, SPOKE_E_MODEL, "notJsonObject", 0},
    {"escapes", escapes, SPOKE_E_MODEL, "langStringValueTooLong", 0},
    {"long name", long_name, SPOKE_E_MODEL, "propertyUndefinedTerm", 0},
};

/* --- one run, on a stack that shows how far it was used --- */

struct run {
    spoke_str text;
    spoke_status status;
    bool issue_found;
    const char *issue;
    double seconds;
    size_t heap, issues;
};

static double cpu_seconds(void)
{
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* As a tool prints them, though into nothing. */
static void tell(const struct dtdl_model *model, const struct dtdl_issue *issue)
{
    char text[400];
    spoke_buf sentence = spoke_buf_from(text, sizeof text), pointer = spoke_buf_from(text, sizeof text);
    dtdl_issue_text(model, issue, &sentence);
    dtdl_issue_pointer(model, issue, &pointer);
}

static void *load(void *arg)
{
    struct run *run = arg;
    struct dtdl_fixture f;
    const double begin = cpu_seconds();
    fixture_begin(&f, NULL);
    struct dtdl_model *model = f.model;
    run->status = dtdl_add(model, "hostile", run->text);
    if (run->status == SPOKE_OK)
        run->status = dtdl_finish(model);
    for (const struct dtdl_issue *i = dtdl_issues(model); i != NULL; i = i->next) {
        tell(model, i);
        run->issue_found = run->issue_found || (run->issue != NULL && strcmp(run->issue, i->id) == 0);
    }
    run->issues = dtdl_issue_count(model);
    run->seconds = cpu_seconds() - begin;
    run->heap = f.heap.bytes;
    fixture_end(&f);
    return NULL;
}

/* The sanitizers' frames are larger than the real ones. */
static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

static size_t run_on_own_stack(struct run *run)
{
    pthread_t thread;
    pthread_attr_t attributes;
    unsigned char *stack = NULL;
    size_t untouched = 0;
    assert_int_equal(posix_memalign((void **)&stack, 4096, STACK_BYTES), 0);
    memset(stack, STACK_PATTERN, STACK_BYTES);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, load, run), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    while (untouched < STACK_BYTES && stack[untouched] == STACK_PATTERN)
        untouched++;
    free(stack);
    return STACK_BYTES - untouched;
}

static size_t wanted_bytes(void)
{
    const char *said = getenv("SPOKE_HOSTILE_BYTES");
    return said != NULL ? strtoul(said, NULL, 10) : DEFAULT_BYTES;
}

static void run_case(size_t i)
{
    struct text text = {.wanted = wanted_bytes()};
    if (cases[i].most_bytes != 0 && text.wanted > cases[i].most_bytes)
        text.wanted = cases[i].most_bytes;
    text.room = text.wanted + 40000;
    text.bytes = malloc(text.room);
    assert_non_null(text.bytes);
    cases[i].make(&text);
    struct run run = {.text = spoke_str_from(text.bytes, text.length), .issue = cases[i].issue};
    const size_t stack = run_on_own_stack(&run);
    if (getenv("SPOKE_HOSTILE_BYTES") != NULL)
        printf("%-28s %9zu bytes %6.2f s %6.2f x heap %6zu stack %9zu issues %s\n", cases[i].name, text.length,
               run.seconds, (double)run.heap / (double)text.length, stack, run.issues,
               spoke_status_name(run.status));
    else if (run.status != cases[i].status || (cases[i].issue != NULL && !run.issue_found))
        fail_msg("%s: %s", cases[i].name, spoke_status_name(run.status));
    assert_true(run.seconds < MOST_SECONDS);
    if (run.heap > MOST_HEAP_RATIO * text.length + 1048576)
        fail_msg("%s: %zu bytes of heap", cases[i].name, run.heap);
    assert_true(sanitized() || stack < MOST_STACK_BYTES);
    free(text.bytes);
}

static void hostile_texts_cost_little_time_memory_and_stack(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(i);
}

static void a_text_over_the_limit_is_refused_before_any_work(void **state)
{
    (void)state;
    struct dtdl_fixture f;
    fixture_begin(&f, NULL);
    const unsigned char *before = f.heap.arena.at;
    /* The view is longer than its bytes: whoever reads it is caught. */
    assert_int_equal(dtdl_add(f.model, "large", spoke_str_from("[", (size_t)100 * 1000 * 1000)),
                     SPOKE_E_TOO_LARGE);
    assert_ptr_equal(f.heap.arena.at, before);
    assert_int_equal(dtdl_issue_count(f.model), 0);
    fixture_end(&f);
}

static void the_limit_is_one_for_all_texts_together(void **state)
{
    (void)state;
    const struct dtdl_options options = {.max_bytes = 5};
    struct dtdl_fixture f;
    fixture_begin(&f, &options);
    assert_ok(dtdl_add(f.model, "first", SPOKE_STR("[]")));
    assert_ok(dtdl_add(f.model, "second", SPOKE_STR("[ ]")));
    assert_int_equal(dtdl_add(f.model, "third", SPOKE_STR("0")), SPOKE_E_TOO_LARGE);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_texts_cost_little_time_memory_and_stack),
        cmocka_unit_test(a_text_over_the_limit_is_refused_before_any_work),
        cmocka_unit_test(the_limit_is_one_for_all_texts_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
