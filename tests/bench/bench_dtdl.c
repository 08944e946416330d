/* How fast device templates are read: bench_dtdl [--rounds N] FILE...; one JSON object on standard output. Files are
 * read into memory first; each round makes, checks and frees the model of every file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/heap_arena.h"
#include "model/dtdl.h"
#include "tools/file.h"

#define FIRST_BLOCK 2048u

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct sums {
    size_t files, bytes, refused, heap, worst_heap;
    double worst_ratio; /* heap to text, of files of at least 4 KB */
};

static void parse(const struct file_text *file, struct sums *sums)
{
    struct heap_arena memory;
    const struct dtdl_options options = {0};
    heap_arena_init(&memory, FIRST_BLOCK, 0);
    struct dtdl_model *model = dtdl_create(&memory.arena, &options);
    if (model == NULL || dtdl_add(model, "model", file->text) != SPOKE_OK || dtdl_finish(model) != SPOKE_OK)
        sums->refused++;
    const double ratio = (double)memory.bytes / (double)(file->text.len + 1);
    sums->heap += memory.bytes;
    if (memory.bytes > sums->worst_heap)
        sums->worst_heap = memory.bytes;
    if (file->text.len >= 4096 && ratio > sums->worst_ratio)
        sums->worst_ratio = ratio;
    heap_arena_fini(&memory);
}

static double one_round(const struct file_text *files, size_t count, struct sums *sums)
{
    const double start = now_s();
    memset(sums, 0, sizeof *sums);
    for (size_t i = 0; i < count; i++) {
        parse(&files[i], sums);
        sums->bytes += files[i].text.len;
    }
    sums->files = count;
    return now_s() - start;
}

static int read_files(struct file_text *files, char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!file_read(paths[i], &files[i])) {
            fprintf(stderr, "bench_dtdl: %s cannot be read\n", paths[i]);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    int first = 1, rounds = 20;
    if (argc > 2 && strcmp(argv[1], "--rounds") == 0) {
        rounds = atoi(argv[2]);
        first = 3;
    }
    if (first >= argc || rounds < 1) {
        fprintf(stderr, "usage: bench_dtdl [--rounds N] FILE...\n");
        return 2;
    }
    const size_t count = (size_t)(argc - first);
    struct file_text *files = calloc(count, sizeof *files);
    struct sums sums = {0};
    double best = 0;
    if (files == NULL || read_files(files, argv + first, count) != 0)
        return 1;
    for (int i = 0; i < rounds; i++) {
        const double seconds = one_round(files, count, &sums);
        if (i == 0 || seconds < best)
            best = seconds;
    }
    printf(
        "{\"files\": %zu, \"bytes\": %zu, \"refused\": %zu, \"seconds\": %.6f, \"models_per_s\": %.0f, \"mb_per_s\": %.1f, "
        "\"heap_to_text\": %.2f, \"worst_heap_to_text\": %.2f}\n",
        sums.files, sums.bytes, sums.refused, best, (double)count / best, (double)sums.bytes / best / 1e6,
        (double)sums.heap / (double)sums.bytes, sums.worst_ratio);
    for (size_t i = 0; i < count; i++)
        file_free(&files[i]);
    free(files);
    return 0;
}
