#include "page.h"

#include <string.h>

/* PAGE_FILES, by src/central/page/build.mjs */
#ifdef SPOKE_HAVE_PAGE
#include "page_files.inc"
#else
#define LEFT_OUT \
    "This spoke-central was built without its web page: npm was not there, or could not fetch what the page is " \
    "made of. Install npm and build again. The REST API is under /api.\n"

static const struct page_file PAGE_FILES[] = {{.path = "/",
                                               .type = "text/plain; charset=utf-8",
                                               .etag = "\"left-out\"",
                                               .bytes = {LEFT_OUT, sizeof LEFT_OUT - 1}}};
#endif

const struct page_file *page_find(const char *path)
{
    for (size_t i = 0; i < sizeof PAGE_FILES / sizeof PAGE_FILES[0]; i++)
        if (strcmp(PAGE_FILES[i].path, path) == 0)
            return &PAGE_FILES[i];
    return NULL;
}

bool page_is_built(void)
{
#ifdef SPOKE_HAVE_PAGE
    return true;
#else
    return false;
#endif
}
