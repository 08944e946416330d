#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void test_assert_str(spoke_str view, const char *text, const char *file, int line)
{
    if (view.len == strlen(text) && (view.len == 0 || memcmp(view.ptr, text, view.len) == 0))
        return;
    print_error("expected \"%s\", got \"%.*s\"\n", text, (int)view.len, view.len > 0 ? view.ptr : "");
    _fail(file, line);
}

char *test_read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0 && (text = malloc((size_t)size + 1)) != NULL) {
        const size_t got = fread(text, 1, (size_t)size, file);
        text[got] = '\0';
        if (len != NULL)
            *len = got;
    }
    fclose(file);
    return text;
}

unsigned test_threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.' ? 1 : 0;
    if (tasks != NULL)
        closedir(tasks);
    return count;
}

void test_await_threads(unsigned at_most)
{
    for (int round = 0; test_threads() > at_most && round < 1000; round++)
        usleep(10000);
}
